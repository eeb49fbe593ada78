"""Runs: stopping, failing and waiting, driven with a generator whose every step the test holds in its hand."""

import secrets
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.chunks import load
from app.run import Run
from app.runs import Limits, Runs
from ctflow.errors import RequestError, ResourceError
from ctflow.report import Report
from tests.app.clock import FakeClock
from tests.app.fake import DRAFT_HU, WAIT_S, FakeGenerator, Gate, chest, wait_until
from tests.app.full_disk import full_disk

LIMITS = Limits()


def wait_ended(run: Run) -> None:
    with run.news:
        assert run.news.wait_for(lambda: run.ended, WAIT_S)


@pytest.fixture
def runs(gated: FakeGenerator, tmp_path: Path) -> Runs:
    return Runs(gated, tmp_path)


def start(runs: Runs, seed: int = 0, visitor: str = "", **settings: int) -> Run:
    """`visitor`: somebody new if not given."""
    request = runs.generator.card.request(Report("The lungs are clear."), seed, **settings)
    return runs.start(request, visitor or secrets.token_hex(4))


def test_a_finished_run_holds_the_very_voxels_that_were_made(runs: Runs, gate: Gate) -> None:
    gate.open(8)
    run = start(runs, seed=3, chunks=2, steps=4)
    wait_ended(run)
    assert run.state == "finished"
    np.testing.assert_array_equal(run.volume().hu, chest(32, 3, "I"))
    assert run.volume().spacing_mm == (3.0, 1.5, 1.5)


def test_a_run_stops_within_one_step_and_keeps_what_was_made(runs: Runs, gated: FakeGenerator, gate: Gate) -> None:
    gate.open(5)
    run = start(runs, chunks=3, steps=4)
    for _ in range(6):
        gate.wait_inside()  # the sixth step is running
    runs.stop(run.id)
    assert run.state == "running", "the step that runs is not torn apart"
    gate.open(1)
    wait_ended(run)
    assert (run.state, run.slices_made, gate.count) == ("stopped", 16, 6)
    assert gated.closed == 1


def test_a_draft_is_there_until_its_slices_are_and_never_in_the_volume(gate: Gate, tmp_path: Path) -> None:
    runs = Runs(FakeGenerator(gate, drafts=True), tmp_path)
    gate.open(2)
    run = start(runs, seed=3, chunks=2, steps=4)
    wait_until(lambda: run.draft)
    assert run.draft and np.unique(load([run.draft])).tolist() == [DRAFT_HU]
    assert (run.slices_made, run.chunks) == (0, [])
    with pytest.raises(RequestError, match="no slices yet"):
        run.volume()
    gate.open(3)
    wait_until(lambda: run.slices_made)
    assert run.draft is None
    gate.open(3)
    wait_ended(run)
    np.testing.assert_array_equal(run.volume().hu, chest(32, 3, "I"))


def test_a_run_that_is_stopped_before_its_first_slices_leaves_no_draft(gate: Gate, tmp_path: Path) -> None:
    runs = Runs(FakeGenerator(gate, drafts=True), tmp_path)
    gate.open(2)
    run = start(runs, chunks=2, steps=4)
    wait_until(lambda: run.draft)
    runs.stop(run.id)
    gate.open(1)
    wait_ended(run)
    assert (run.state, run.draft, run.slices_made) == ("stopped", None, 0)


def test_two_runs_never_meet_on_the_model_even_when_the_first_is_stopped(runs: Runs, gate: Gate) -> None:
    first, second = start(runs, chunks=1, steps=2), start(runs, chunks=1, steps=2)
    gate.wait_inside()
    assert (second.state, runs.line.ahead_of(second)) == ("waiting", [first])
    runs.stop(first.id)
    assert second.state == "waiting", "the first one's step still runs"
    gate.open(3)
    wait_ended(first)
    wait_ended(second)
    assert (first.state, second.state, gate.most_inside) == ("stopped", "finished", 1)


def test_a_run_in_line_can_be_stopped_without_waiting_for_its_turn(runs: Runs, gate: Gate) -> None:
    first, second = start(runs, chunks=1, steps=1), start(runs, chunks=1, steps=1)
    runs.stop(second.id)
    wait_ended(second)
    assert second.state == "stopped"
    gate.open(1)
    wait_ended(first)
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
    wait_ended(run)
    assert (run.state, run.slices_made) == ("failed", 16)
    assert "secret report" not in run.message + caplog.text
    after = start(runs, chunks=1, steps=1)
    wait_ended(after)
    assert after.state == "finished"


def test_a_bug_is_logged_under_the_id_that_the_person_is_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(chunk: int, step: int) -> None:
        raise KeyError("report text")

    run = start(Runs(FakeGenerator(bug), tmp_path))
    wait_ended(run)
    shown_id = run.message.split("(id ")[1][:8]
    assert shown_id in caplog.text
    assert "KeyError" in caplog.text


def test_one_visitor_may_have_a_few_runs_waiting_beside_the_one_on_the_model(runs: Runs) -> None:
    for _ in range(1 + LIMITS.waiting_each):
        start(runs, visitor="eager", chunks=1, steps=1)
    with pytest.raises(RequestError, match="At most 3 of your runs may wait"):
        start(runs, visitor="eager")
    start(runs, visitor="other", chunks=1, steps=1)


def test_too_long_a_line_is_refused_in_words_and_leaves_no_folder(gated: FakeGenerator, tmp_path: Path) -> None:
    runs = Runs(gated, tmp_path, Limits(waiting=4))
    for _ in range(1 + 4):
        start(runs, chunks=1, steps=1)
    with pytest.raises(ResourceError, match="at most 4 runs may wait"):
        start(runs)
    assert len(list(runs.root.iterdir())) == 5


def test_everybody_has_a_first_turn_before_anybody_has_a_second(runs: Runs, gated: FakeGenerator, gate: Gate) -> None:
    line = [start(runs, seed, visitor, chunks=1, steps=1) for seed, visitor in enumerate("AAA")]
    gate.wait_inside()
    line += [start(runs, seed, visitor, chunks=1, steps=1) for seed, visitor in ((3, "B"), (4, "C"))]
    gate.open(5)
    for run in line:
        wait_ended(run)
    assert [request.seed for request in gated.requests] == [0, 3, 4, 1, 2]


def test_old_runs_go_when_somebody_starts_another(
    gated: FakeGenerator, gate: Gate, clock: FakeClock, tmp_path: Path
) -> None:
    runs = Runs(gated, tmp_path, clock=clock)
    gate.open(2)
    old, watched = start(runs, chunks=1, steps=1), start(runs, chunks=1, steps=1)
    wait_ended(old)
    wait_ended(watched)
    clock.advance(LIMITS.keep_s + 1)
    watched.mark_seen()
    start(runs, chunks=1, steps=1)
    assert runs.get(old.id) is None
    assert not old.folder.exists()
    assert runs.get(watched.id) is watched
    assert len(watched.volume().hu) == 16


def test_nobody_needs_to_come_for_old_runs_to_go(
    gated: FakeGenerator, gate: Gate, clock: FakeClock, tmp_path: Path
) -> None:
    runs = Runs(gated, tmp_path, clock=clock)
    gate.open(1)
    run = start(runs, chunks=1, steps=1)
    wait_ended(run)
    clock.wait_for_sleepers(1, WAIT_S)
    clock.advance(LIMITS.keep_s + 1)
    wait_until(lambda: not run.folder.exists())
    assert runs.get(run.id) is None


def test_a_full_disk_lets_new_runs_wait_until_somebody_leaves(
    gated: FakeGenerator, gate: Gate, clock: FakeClock, tmp_path: Path
) -> None:
    one_run = 6 * 16 * 256 * 256
    runs = Runs(gated, tmp_path, Limits(disk_bytes=one_run + 1000), clock)
    gate.open(10)
    watched = start(runs, chunks=1, steps=1)
    wait_ended(watched)
    waiting = start(runs, chunks=1, steps=1)
    with waiting.news:
        assert waiting.news.wait_for(lambda: waiting.version, WAIT_S)
    assert (waiting.state, waiting.message[:22]) == ("waiting", "Waiting for disk space")
    assert runs.get(watched.id) is watched
    clock.advance(LIMITS.watched_s)
    wait_ended(waiting)
    assert waiting.state == "finished"
    assert runs.get(watched.id) is None


def test_keeping_nothing_is_no_reason_to_sweep_without_a_pause(
    gated: FakeGenerator, clock: FakeClock, tmp_path: Path
) -> None:
    start(Runs(gated, tmp_path, Limits(keep_s=0), clock), chunks=1, steps=1)
    for count in (1, 2, 3):
        clock.wait_for_sleepers(count, WAIT_S)
        assert clock.sleeps == [1.0] * count
        clock.advance(1)


@pytest.mark.parametrize(("keep_s", "pause_s"), [(0, 1), (7, 7), (7200, 60)])
def test_the_pause_between_sweeps_fits_how_long_runs_are_kept(keep_s: float, pause_s: float) -> None:
    assert Limits(keep_s=keep_s).sweep_every_s == pause_s


def test_who_asks_twice_at_once_gets_one_run(runs: Runs) -> None:
    """A page whose connection was cut asks again within 300 ms: the second question met the first one's folder."""
    both = threading.Barrier(2, timeout=WAIT_S)
    request = runs.generator.card.request(Report("Clear."), 0, chunks=1, steps=1)

    def ask(run_id: str) -> Run:
        both.wait()
        return runs.start(request, run_id, run_id)

    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(2) as pool:
            for run_id in (letter * 22 for letter in "abcdefghijklmnopqrstuvwxyz"):
                one, other = pool.map(ask, (run_id, run_id))
                assert one is other is runs.get(run_id)
    finally:
        sys.setswitchinterval(often)
    assert len(runs.line.waiting()) == 25


def test_a_stop_that_overtakes_its_start_is_not_forgotten(runs: Runs, gate: Gate) -> None:
    run_id = "a" * 22
    runs.stop(run_id)
    request = runs.generator.card.request(Report("Clear."), 0, chunks=1, steps=1)
    with pytest.raises(RequestError, match="stopped before it began"):
        runs.start(request, "v", run_id)
    assert (runs.get(run_id), runs.line.waiting()) == (None, [])


def test_a_run_that_nobody_drives_yet_is_stopped_at_once(runs: Runs) -> None:
    """On ZeroGPU its page would have driven it, but a page that has stopped it does not come back."""
    run = runs.add(runs.generator.card.request(Report("Clear."), 0), "v")
    runs.stop(run.id)
    assert (run.state, run.message) == ("stopped", "Stopped before it began.")
    after = start(runs, chunks=1, steps=1)
    assert runs.line.ahead_of(after) == []


def test_a_run_that_the_disk_can_never_take_fails_in_words(gated: FakeGenerator, tmp_path: Path) -> None:
    run = start(Runs(gated, tmp_path, Limits(disk_bytes=1000)), chunks=1, steps=1)
    wait_ended(run)
    assert (run.state, "Ask for fewer chunks" in run.message) == ("failed", True)


def test_a_disk_that_takes_no_more_slices_ends_the_run_in_words(runs: Runs, gate: Gate) -> None:
    run = start(runs, chunks=1, steps=1)
    gate.wait_inside()
    with full_disk():
        gate.open(1)
        wait_ended(run)
    assert (run.state, "disk may be full" in run.message) == ("failed", True)
    assert not list(run.folder.iterdir())
