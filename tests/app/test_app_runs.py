"""Runs: stopping, failing and waiting, driven with a generator whose every step the test holds in its hand."""

import errno
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.run import WATCHED_S, Run
from app.runs import Limits, Runs
from ctflow.errors import RequestError, ResourceError
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


def start(runs: Runs, seed: int = 0, visitor: str = "", **settings: int) -> Run:
    """`visitor`: somebody new if not given."""
    request = runs.generator.card.request(Report("The lungs are clear."), seed, **settings)
    return runs.start(request, visitor or secrets.token_hex(4))


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
    assert (second.state, runs.ahead_of(second)) == ("waiting", [first])
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


def leave(run: Run) -> None:
    """As if its page had been closed long ago."""
    run.seen_s -= WATCHED_S + 1


def test_too_long_a_line_is_refused_in_words(gate: Gate, tmp_path: Path) -> None:
    runs = Runs(FakeGenerator(gate), tmp_path, Limits(waiting=4))
    started = [start(runs, chunks=1, steps=1) for _ in range(5)]
    with pytest.raises(ResourceError, match="4 volumes are waiting"):
        start(runs)
    for run in started:
        runs.stop(run.id)


def test_one_visitor_cannot_fill_the_line(runs: Runs, gate: Gate) -> None:
    for _ in range(3):
        start(runs, visitor="eager", chunks=1, steps=1)
    with pytest.raises(RequestError, match="3 of your runs are in line"):
        start(runs, visitor="eager")
    start(runs, visitor="other", chunks=1, steps=1)


def test_everybody_has_a_first_turn_before_anybody_has_a_second(runs: Runs, gate: Gate) -> None:
    line = [start(runs, seed, visitor, chunks=1, steps=1) for seed, visitor in enumerate("AAA")]
    gate.wait_inside()
    line += [start(runs, seed, visitor, chunks=1, steps=1) for seed, visitor in ((3, "B"), (4, "C"))]
    gate.open(5)
    for run in line:
        wait_over(run)
    assert [request.seed for request in runs.generator.requests] == [0, 3, 4, 1, 2]  # type: ignore[attr-defined]


def test_the_expected_wait_is_the_work_before_it_at_the_pace_so_far(runs: Runs, gate: Gate) -> None:
    first, second, third = (start(runs, chunks=1, steps=4) for _ in range(3))
    assert runs.wait_s(third) is None, "no pace is known yet"
    for _ in range(3):
        gate.wait_inside()
        gate.open(1)
    gate.wait_inside()
    with first.news:
        first.first_step_s, first.last_step_s = 100.0, 104.0
    wait_s = runs.wait_s(third)
    assert first.step_s() == 2
    assert wait_s is not None
    assert wait_s == (first.left_s() or 0) + 2 * second.steps
    gate.open(9)
    wait_over(third)


def test_what_nobody_looks_at_goes_by_age_with_its_files(gate: Gate, tmp_path: Path) -> None:
    runs = Runs(FakeGenerator(gate), tmp_path, Limits(keep_s=0))
    gate.open(3)
    old, watched = start(runs, chunks=1, steps=1), start(runs, chunks=1, steps=1)
    wait_over(old)
    wait_over(watched)
    leave(old)
    start(runs, chunks=1, steps=1)
    assert runs.get(old.id) is None
    assert not old.folder.exists()
    assert runs.get(watched.id) is watched
    assert watched.volume().hu.shape[0] == 16


def test_beyond_the_number_that_is_kept_the_oldest_go(gate: Gate, tmp_path: Path) -> None:
    runs = Runs(FakeGenerator(gate), tmp_path, Limits(kept=2))
    gate.open(4)
    made = [start(runs, chunks=1, steps=1) for _ in range(4)]
    for run in made:
        wait_over(run)
        leave(run)
    runs.sweep()
    assert [runs.get(run.id) for run in made] == [None, None, *made[2:]]


def test_nobody_needs_to_come_for_old_runs_to_go(gate: Gate, tmp_path: Path) -> None:
    runs = Runs(FakeGenerator(gate), tmp_path, Limits(keep_s=0.2))
    gate.open(1)
    run = start(runs, chunks=1, steps=1)
    wait_over(run)
    leave(run)
    for _ in range(WAIT_S * 20):
        if not run.folder.exists():
            break
        time.sleep(0.05)
    assert runs.get(run.id) is None


def test_a_full_disk_lets_new_runs_wait_until_somebody_leaves(gate: Gate, tmp_path: Path) -> None:
    one_run = 4 * 16 * 256 * 256
    runs = Runs(FakeGenerator(gate), tmp_path, Limits(disk_bytes=one_run + 1000))
    gate.open(10)
    watched = start(runs, chunks=1, steps=1)
    wait_over(watched)
    waiting = start(runs, chunks=1, steps=1)
    with waiting.news:
        waiting.news.wait_for(lambda: waiting.version, WAIT_S)
    assert (waiting.state, waiting.message[:16]) == ("waiting", "Waiting for room")
    assert runs.get(watched.id) is watched
    leave(watched)
    wait_over(waiting)
    assert waiting.state == "finished"
    assert runs.get(watched.id) is None


def test_files_of_old_runs_go_while_others_are_answered(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They went under the lock that every answer needs."""
    runs = Runs(FakeGenerator(gate), tmp_path, Limits(keep_s=0))
    gate.open(1)
    run = start(runs, chunks=1, steps=1)
    wait_over(run)
    answered = []

    def remove(old: Run) -> None:
        asking = threading.Thread(target=lambda: answered.append(runs.ahead_of(old)), daemon=True)
        asking.start()
        asking.join(2)
        answered_meanwhile.append(len(answered))

    answered_meanwhile: list[int] = []
    monkeypatch.setattr(Run, "remove", remove)
    leave(run)
    runs.sweep()
    assert answered_meanwhile == [1]


def test_keeping_nothing_is_no_reason_to_sweep_without_a_pause(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = []
    monkeypatch.setattr(Runs, "sweep", lambda _: swept.append(1))
    began = time.monotonic()
    start(Runs(FakeGenerator(gate), tmp_path, Limits(keep_s=0)), chunks=1, steps=1)
    time.sleep(0.3)
    count = len(swept)
    assert 1 <= count <= 1 + int(time.monotonic() - began)  # as it was started, and once a second


def test_who_asks_twice_at_once_gets_one_run(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page whose connection was cut asks again within 300 ms: the second question met the first one's folder."""
    runs = Runs(FakeGenerator(gate), tmp_path)
    both = threading.Barrier(2, timeout=WAIT_S)
    monkeypatch.setattr(runs, "sweep", both.wait)
    request = runs.generator.card.request(Report("Clear."), 0, chunks=1, steps=1)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda visitor: runs.start(request, visitor, "a" * 22), ("v", "v"))
    gate.open(1)
    wait_over(one)
    assert one is other
    assert (one.state, gate.count) == ("finished", 1)


def test_a_stop_that_overtakes_its_start_is_not_forgotten(runs: Runs, gate: Gate) -> None:
    run_id = "a" * 22
    runs.stop(run_id)
    request = runs.generator.card.request(Report("Clear."), 0, chunks=1, steps=1)
    with pytest.raises(RequestError, match="stopped before it began"):
        runs.start(request, "v", run_id)
    assert (runs.get(run_id), runs.queue_length()) == (None, 0)


def test_a_run_that_nobody_drives_yet_is_stopped_at_once(runs: Runs) -> None:
    """On ZeroGPU its page would have driven it, but a page that has stopped it does not come back."""
    run = runs.add(runs.generator.card.request(Report("Clear."), 0), "v")
    runs.stop(run.id)
    assert (run.state, runs.queue_length()) == ("stopped", 0)


def test_a_run_that_the_disk_can_never_take_is_refused_in_words(gate: Gate, tmp_path: Path) -> None:
    run = start(Runs(FakeGenerator(gate), tmp_path, Limits(disk_bytes=1000)), chunks=1, steps=1)
    wait_over(run)
    assert (run.state, "Ask for fewer chunks" in run.message) == ("failed", True)


def test_a_disk_that_takes_no_more_slices_ends_the_run_in_words(
    runs: Runs, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    gate.open(2)
    monkeypatch.setattr(Path, "write_bytes", full)
    run = start(runs, chunks=1, steps=1)
    wait_over(run)
    assert (run.state, "takes no more files" in run.message) == ("failed", True)
    assert not list(run.folder.iterdir())
