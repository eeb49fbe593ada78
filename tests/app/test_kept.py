"""Which runs a server keeps, and which go."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.kept import KeptRuns
from app.run import Run
from ctflow.errors import ResourceError
from ctflow.report import Report
from tests.app.clock import FakeClock
from tests.app.fake import WAIT_S, fake_card

KEEP_S, WATCHED_S = 1000, 100
New = Callable[..., Run]


@pytest.fixture
def new(tmp_path: Path, clock: FakeClock) -> New:
    """Makes a run that has ended now, with a file of so many bytes."""

    def make(name: str, size: int = 0, kind: type[Run] = Run) -> Run:
        request = fake_card("I").request(Report("Clear."), 0)
        run = kind(run_id=name, request=request, folder=tmp_path / name, visitor=name, clock=clock)
        (run.folder / "0000.bin").write_bytes(b"x" * size)
        run.end("finished")
        clock.advance(1)
        return run

    return make


def keeping(clock: FakeClock, *runs: Run, most: int = 100, disk_bytes: int = 1000) -> KeptRuns:
    kept = KeptRuns(most=most, keep_s=KEEP_S, watched_s=WATCHED_S, disk_bytes=disk_bytes, clock=clock)
    for run in runs:
        kept.add(run)
    return kept


def test_what_nobody_looks_at_goes_by_age_with_its_files(clock: FakeClock, new: New) -> None:
    old, seen = new("old"), new("seen")
    kept = keeping(clock, old, seen)
    clock.advance(KEEP_S - 10)
    seen.mark_seen()
    kept.remove_expired()
    assert kept.all() == [old, seen]
    clock.advance(20)
    kept.remove_expired()
    assert kept.all() == [seen]
    assert (kept.get("old"), old.folder.exists(), seen.folder.exists()) == (None, False, True)


def test_beyond_the_number_that_is_kept_the_oldest_go_that_nobody_looks_at(clock: FakeClock, new: New) -> None:
    runs = [new(name) for name in "abcd"]
    kept = keeping(clock, *runs, most=2)
    kept.remove_expired()
    assert kept.all() == runs, "all are looked at"
    clock.advance(WATCHED_S)
    runs[0].mark_seen()
    kept.remove_expired()
    assert kept.all() == [runs[0], runs[3]]


def test_a_run_that_has_not_ended_never_goes(clock: FakeClock, new: New, tmp_path: Path) -> None:
    request = fake_card("I").request(Report("Clear."), 0)
    waiting = Run(run_id="waiting", request=request, folder=tmp_path / "waiting", visitor="v", clock=clock)
    kept = keeping(clock, waiting, new("ended"), most=0)
    clock.advance(10 * KEEP_S)
    kept.remove_expired()
    assert kept.all() == [waiting]


def test_old_runs_make_room_for_new_ones_and_no_more_of_them_than_needed(clock: FakeClock, new: New) -> None:
    runs = [new(name, size=300) for name in "abc"]
    kept = keeping(clock, *runs, disk_bytes=1000)
    assert kept.make_room(100)
    assert kept.all() == runs
    assert not kept.make_room(200), "somebody looks at them all"
    clock.advance(WATCHED_S)
    assert kept.make_room(200)
    assert kept.all() == runs[1:]


def test_more_than_the_whole_disk_is_refused_in_words(clock: FakeClock) -> None:
    with pytest.raises(ResourceError, match="Ask for fewer chunks"):
        keeping(clock, disk_bytes=1000).make_room(1001)


def test_files_go_while_others_are_answered(clock: FakeClock, new: New) -> None:
    """They went under the lock that every answer needs."""
    answers: list[Run | None] = []

    class Slow(Run):
        def remove_files(self) -> None:
            asking = threading.Thread(target=lambda: answers.append(kept.get("other")), daemon=True)
            asking.start()
            asking.join(WAIT_S)

    old, other = new("old", kind=Slow), new("other")
    kept = keeping(clock, old, other)
    clock.advance(KEEP_S + 1)
    other.mark_seen()
    kept.remove_expired()
    assert answers == [other]
