"""The line before the model: turns, limits and expected waits, without a model."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.line import Line
from app.run import Run
from ctflow.errors import RequestError, ResourceError
from ctflow.generator import StepDone
from ctflow.report import Report
from tests.app.clock import FakeClock
from tests.app.fake import WAIT_S, fake_card

New = Callable[..., Run]


@pytest.fixture
def new(tmp_path: Path, clock: FakeClock) -> New:
    """Makes a run of a visitor, with a driver."""

    def make(name: str, visitor: str = "", has_driver: bool = True, **settings: int) -> Run:
        request = fake_card("I").request(Report("Clear."), 0, **settings)
        run = Run(run_id=name, request=request, folder=tmp_path / name, visitor=visitor or name, clock=clock)
        run.has_driver = has_driver
        return run

    return make


def line(most_waiting: int = 32, most_waiting_each: int = 32) -> Line:
    return Line(most_waiting=most_waiting, most_waiting_each=most_waiting_each)


def order_of(line: Line, runs: list[Run]) -> list[str]:
    """The order in which these runs get the model; each leaves before the next comes."""
    order = []
    while runs:
        (run,) = [run for run in runs if line.take_turn(run)]
        order.append(run.id)
        line.leave(run)
        runs = [other for other in runs if other is not run]
    return order


def test_everybody_has_a_first_turn_before_anybody_has_a_second(new: New) -> None:
    turns = line()
    early = [new(name, "A") for name in ("A1", "A2", "A3")]
    for run in early:
        turns.join(run)
    assert turns.take_turn(early[0])
    late = [new("B1", "B"), new("C1", "C"), new("B2", "B")]
    for run in late:
        turns.join(run)
    assert turns.ahead_of(late[1]) == [early[0], late[0]]
    turns.leave(early[0])
    assert order_of(turns, [*early[1:], *late]) == ["B1", "C1", "A2", "B2", "A3"]


def test_the_model_is_given_to_one_run_at_a_time(new: New) -> None:
    turns, first, second = line(), new("first"), new("second")
    turns.join(first)
    turns.join(second)
    assert not turns.take_turn(second)
    assert turns.is_next(first) and turns.take_turn(first)
    assert not turns.is_next(second) and not turns.take_turn(second)
    turns.leave(first)
    assert turns.take_turn(second)


def test_a_run_that_leaves_calls_the_next_one(new: New) -> None:
    turns, first, second = line(), new("first"), new("second")
    turns.join(first)
    turns.join(second)
    waiting = threading.Thread(target=turns.wait_for_call, args=(second, None), daemon=True)
    waiting.start()
    assert turns.take_turn(first)
    turns.leave(first)
    waiting.join(WAIT_S)
    assert not waiting.is_alive()


@pytest.mark.parametrize("has_begun", [False, True])
def test_the_run_on_the_model_counts_for_neither_limit(new: New, has_begun: bool) -> None:
    """The limit of one visitor counted it, the limit of all did not. A run that is about to begin is no other case."""
    turns = line(most_waiting=3, most_waiting_each=2)
    for name in ("A1", "A2", "A3"):
        turns.check_limits("A")
        turns.join(run := new(name, "A"))
        if has_begun and name == "A1":
            assert turns.take_turn(run)
    with pytest.raises(RequestError, match="At most 2 of your runs may wait"):
        turns.check_limits("A")
    turns.check_limits("B")
    turns.join(new("B1", "B"))
    with pytest.raises(ResourceError, match="at most 3 runs may wait"):
        turns.check_limits("C")
    assert {run.id for run in turns.waiting()} == {"A2", "A3", "B1"}


def test_a_run_that_begins_makes_room_for_another_to_wait(new: New) -> None:
    turns = line(most_waiting_each=1)
    first, second = new("A1", "A"), new("A2", "A")
    turns.join(first)
    turns.join(second)
    with pytest.raises(RequestError):
        turns.check_limits("A")
    assert turns.take_turn(first)
    turns.leave(first)
    turns.check_limits("A")


def test_a_free_model_takes_a_run_even_where_none_may_wait(new: New) -> None:
    turns = line(most_waiting=0, most_waiting_each=0)
    turns.check_limits("A")
    turns.join(new("A1", "A"))
    with pytest.raises(ResourceError, match="at most 0 runs may wait"):
        turns.check_limits("B")


def test_a_run_that_nobody_drives_is_ahead_of_nobody(new: New) -> None:
    """On ZeroGPU its page drives it, and may have left."""
    turns, left, other = line(), new("left", has_driver=False), new("other")
    turns.join(left)
    turns.join(other)
    assert turns.ahead_of(other) == []
    assert turns.take_turn(other)
    assert turns.waiting() == [left]


def test_the_expected_wait_is_the_work_ahead_at_the_pace_so_far(new: New, clock: FakeClock) -> None:
    turns = line()
    first, second, third = (new(name, chunks=1, steps=4) for name in ("first", "second", "third"))
    for run in (first, second, third):
        turns.join(run)
    assert turns.take_turn(first)
    first.begin()
    first.record(StepDone(0, 0))
    assert turns.wait_s(third) is None, "one step is no pace"
    for step in (1, 2):
        clock.advance(2)
        first.record(StepDone(0, step))
    assert turns.wait_s(second) == 2
    assert turns.wait_s(third) == 2 + 4 * 2
    clock.advance(1.5)
    assert turns.wait_s(second) == 0.5
    turns.leave(first)
    assert turns.wait_s(third) == 4 * 2, "the pace of the last run is kept"
