"""A model on a thread of its own: which thread does the work, how far it goes ahead, stopping, failing, ending."""

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest

from ctflow.errors import CheckpointError, VolumeError
from ctflow.generator import EventStream, Finished, StepDone, generate
from ctflow.one_thread import EVENTS_AHEAD, OnOneThread, WorkThread
from ctflow.report import Report
from ctflow.request import GenerationRequest
from ctflow.volume import Volume
from tests.app.fake import WAIT_S, FakeGenerator, Gate, chest, sleeping, wait_until

REPORT = Report("The lungs are clear.")


class Watched(FakeGenerator):
    """Notes the threads on which its steps are made, its streams are closed and its volumes scored."""

    def __init__(self, step: Callable[[int, int], None] = lambda chunk, step: None) -> None:
        self.threads = {threading.current_thread()}
        super().__init__(lambda chunk, number: (self.threads.add(threading.current_thread()), step(chunk, number)))

    def stream(self, request: GenerationRequest, start: object = None) -> EventStream:
        try:
            yield from super().stream(request)
        finally:
            self.threads.add(threading.current_thread())

    def score(self, volume: Volume, report: Report) -> float:
        self.threads.add(threading.current_thread())
        return 7.0


def request_for(generator: OnOneThread | FakeGenerator, **settings: int) -> GenerationRequest:
    return generator.card.request(REPORT, seed=3, **settings)


def test_loading_steps_closing_and_scoring_are_done_on_one_thread_whoever_asks() -> None:
    watched: list[Watched] = []

    def load() -> Watched:
        watched.append(Watched())
        return watched[0]

    one = OnOneThread(load)
    request = request_for(one, chunks=1, steps=2)

    def ask() -> None:
        stream = one.stream(request)
        next(stream)
        stream.close()
        assert one.score(generate(one, request), REPORT) == 7

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    (thread,) = watched[0].threads
    assert thread not in (threading.current_thread(), *askers) and len(watched[0].requests) == 6


def test_the_events_are_those_of_the_generator() -> None:
    one = OnOneThread(lambda: sleeping(0))
    request = request_for(one, chunks=2, steps=3)
    volume = generate(one, request)
    np.testing.assert_array_equal(volume.hu, chest(32, 3, "I"))
    expected = [type(event) for event in sleeping(0).stream(request)]
    assert [type(event) for event in one.stream(request)] == expected and expected[-1] is Finished


def test_the_model_works_on_while_its_caller_is_busy_but_not_without_end() -> None:
    gate = Gate()
    gate.open(10_000)
    one = OnOneThread(lambda: FakeGenerator(gate))
    request = request_for(one, chunks=6, steps=20)
    with closing(one.stream(request)) as events:
        next(events)  # Started, and the caller is busy with it
        one.labels(Volume(chest(32, 3, "I"), np.eye(4)))  # comes in line behind all that has been asked for
        assert gate.count == EVENTS_AHEAD - 1, "all but the first chunk, after 20 steps, are steps"


def test_closing_stops_it_after_the_step_that_is_being_made() -> None:
    gate = Gate()
    fake = FakeGenerator(gate)
    one = OnOneThread(lambda: fake)
    stream = one.stream(request_for(one, chunks=2, steps=4))
    gate.open(2)
    while next(stream) != StepDone(0, 1):
        pass
    for _ in range(3):
        gate.wait_inside()
    released = threading.Timer(1.0, gate.open, (10_000,))
    released.start()
    stream.close()  # waits for the third step
    assert gate.count == 3 and fake.closed == 1


def test_a_stream_that_is_dropped_unfinished_keeps_nobody_from_the_model() -> None:
    one = OnOneThread(lambda: sleeping(0))
    request = request_for(one, chunks=1, steps=2)
    dropped = [one.stream(request) for _ in range(3)]
    for stream in dropped:
        next(stream)
    assert len(generate(one, request).hu) == 16
    del stream, dropped
    assert len(generate(one, request).hu) == 16


@pytest.mark.parametrize("error", [VolumeError("Try another seed."), ZeroDivisionError("a bug")])
def test_an_error_is_raised_where_the_volume_was_asked_for_and_the_next_one_can_be_made(error: Exception) -> None:
    failing = True

    def fail(chunk: int, step: int) -> None:
        if failing:
            raise error

    one = OnOneThread(lambda: FakeGenerator(fail))
    request = request_for(one, chunks=1, steps=2)
    with pytest.raises(type(error), match=str(error)):
        generate(one, request)
    failing = False
    assert len(generate(one, request).hu) == 16


def test_a_model_that_cannot_be_loaded_says_so_and_leaves_no_thread() -> None:
    def load() -> FakeGenerator:
        raise CheckpointError("There is no model.")

    before = set(threading.enumerate())
    with pytest.raises(CheckpointError, match="There is no model"):
        OnOneThread(load)
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_the_thread_ends_with_the_generator_and_keeps_no_model_alive() -> None:
    before = set(threading.enumerate())
    models: list[weakref.ref[FakeGenerator]] = []

    def load() -> FakeGenerator:
        model = sleeping(0)
        models.append(weakref.ref(model))
        return model

    one = OnOneThread(load)
    generate(one, request_for(one, chunks=1, steps=1))
    assert len(set(threading.enumerate()) - before) == 1
    del one
    gc.collect()
    wait_until(lambda: set(threading.enumerate()) <= before)
    assert models[0]() is None


def test_a_call_on_the_thread_itself_is_made_at_once() -> None:
    """The garbage collector may close a stream there; waiting for itself, the thread would never go on."""
    thread = WorkThread("test")
    assert thread.ask(lambda: thread.call(threading.current_thread)).result(WAIT_S).name == "test"


def test_a_program_ends_although_it_left_a_stream_open() -> None:
    """At the end of Python daemons stop, and closing the stream waited for one of them for ever."""
    code = """
from ctflow.one_thread import OnOneThread
from tests.app.fake import sleeping
from tests.test_one_thread import request_for

one = OnOneThread(lambda: sleeping(0.01))
events = one.stream(request_for(one, chunks=6, steps=20))
next(events)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
