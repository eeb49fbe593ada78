"""Runs: stopping, failing and waiting, driven with a generator whose every step the test holds in its hand."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.runs import Run, Runs
from ctflow.errors import ResourceError
from ctflow.report import Report
from tests.app.fake import WAIT_S, FakeGenerator, Gate, chest


def wait_over(run: Run) -> None:
    with run.news:
        assert run.news.wait_for(lambda: run.over, WAIT_S)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open(10_000)  # whatever a failed test left waiting may end


@pytest.fixture
def runs(gate: Gate, tmp_path: Path) -> Runs:
    return Runs(FakeGenerator(gate), tmp_path)


def start(runs: Runs, seed: int = 0, **settings: int) -> Run:
    return runs.start(runs.generator.card.request(Report("The lungs are clear."), seed, **settings))


def test_a_finished_run_holds_the_very_voxels_that_were_made(runs: Runs, gate: Gate) -> None:
    gate.open(8)
    run = start(runs, seed=3, chunks=2, steps=4)
    wait_over(run)
    assert run.state == "finished"
    np.testing.assert_array_equal(run.volume().hu, chest(32, 3, "I"))
    assert run.volume().spacing_mm == (3.0, 1.5, 1.5)


def test_stop_is_heard_within_one_step_and_keeps_what_was_made(runs: Runs, gate: Gate) -> None:
    gate.open(5)
    run = start(runs, chunks=3, steps=4)
    for _ in range(6):
        gate.wait_inside()  # the sixth step is running
    runs.stop(run.id)
    assert run.state == "running", "the step that runs is not torn apart"
    gate.open(1)
    wait_over(run)
    assert (run.state, run.slices, gate.count) == ("stopped", 16, 6)
    assert runs.generator.closed == 1  # type: ignore[attr-defined]


def test_two_runs_never_meet_on_the_model_even_when_the_first_is_stopped(runs: Runs, gate: Gate) -> None:
    first, second = start(runs, chunks=1, steps=2), start(runs, chunks=1, steps=2)
    gate.wait_inside()
    assert (second.state, runs.ahead_of(second)) == ("waiting", 1)
    runs.stop(first.id)
    assert second.state == "waiting", "the first one's step still runs"
    gate.open(3)
    wait_over(first)
    wait_over(second)
    assert (first.state, second.state, gate.most_inside) == ("stopped", "finished", 1)


def test_a_run_in_line_can_be_stopped_without_waiting_for_its_turn(runs: Runs, gate: Gate) -> None:
    first, second = start(runs, chunks=1, steps=1), start(runs, chunks=1, steps=1)
    runs.stop(second.id)
    wait_over(second)
    assert second.state == "stopped"
    gate.open(1)
    wait_over(first)
    assert first.state == "finished"


@pytest.mark.parametrize("error", [ResourceError("The GPU has no memory left."), ZeroDivisionError("secret report")])
def test_an_error_keeps_what_was_made_and_frees_the_model(
    error: Exception, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_in_second_chunk(chunk: int, step: int) -> None:
        if chunk == 1:
            raise error

    runs = Runs(FakeGenerator(fail_in_second_chunk), tmp_path)
    run = start(runs, chunks=2, steps=1)
    wait_over(run)
    assert (run.state, run.slices) == ("failed", 16)
    assert "secret report" not in run.message + caplog.text
    after = start(runs, chunks=1, steps=1)
    wait_over(after)
    assert after.state == "finished"


def test_a_bug_is_logged_under_the_id_that_the_person_is_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(chunk: int, step: int) -> None:
        raise KeyError("report text")

    run = start(Runs(FakeGenerator(bug), tmp_path))
    wait_over(run)
    shown_id = run.message.split("(id ")[1][:8]
    assert shown_id in caplog.text
    assert "KeyError" in caplog.text


def test_too_long_a_line_is_refused_in_words(runs: Runs, gate: Gate) -> None:
    started = [start(runs, chunks=1, steps=1) for _ in range(17)]
    with pytest.raises(ResourceError, match="waiting"):
        start(runs)
    for run in started:
        runs.stop(run.id)


def test_old_runs_are_forgotten_with_their_files(runs: Runs, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.open(2)
    old = start(runs, chunks=1, steps=1)
    wait_over(old)
    monkeypatch.setattr("app.runs.KEEP_S", -1)
    start(runs, chunks=1, steps=1)
    assert runs.get(old.id) is None
    assert not old.folder.exists()
