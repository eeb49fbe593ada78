"""ZeroGPU, by a stand-in that does what makes it hard: each stream runs in a forked process and is pickled."""

import multiprocessing
import os
import pickle
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from app.clock import Clock
from app.handlers import Handlers
from app.run import Run
from app.runs import Runs
from app.zero import LONGEST_S, STARTING_S, GPUTime, OnZeroGPU, on_zero_gpu
from ctflow.card import Guidance
from ctflow.errors import VolumeError
from ctflow.generator import StepDone
from ctflow.report import Report
from ctflow.request import SharedPrevious
from tests.app.asking import run_of
from tests.app.clock import FakeClock
from tests.app.fake import FakeGenerator, chest, sleeping

Stream = Callable[..., Iterator[Any]]


def forking(stream: Stream, on_event: Callable[[Any], None] = lambda event: None) -> Stream:
    """What `spaces.GPU` does with a generator, as far as its caller can tell (0.51.3, zero/wrappers.py).

    `on_event` is called in the parent process, before the event is passed on.
    """

    def work(sender: Any, *arguments: Any) -> None:
        try:
            for made in stream(*arguments):
                sender.send_bytes(pickle.dumps((os.getpid(), made)))
        except Exception as error:
            sender.send_bytes(pickle.dumps((type(error).__name__, traceback.format_exc())))
        sender.send_bytes(pickle.dumps(None))

    def forked(*arguments: Any) -> Iterator[Any]:
        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=work, args=(sender, *pickle.loads(pickle.dumps(arguments))), daemon=True)
        worker.start()
        sender.close()
        try:
            while (answer := pickle.loads(receiver.recv_bytes())) is not None:
                if isinstance(answer[0], str):
                    print(answer[1])
                    raise gr.Error(answer[0], title="ZeroGPU worker error", print_exception=False)
                assert answer[0] != os.getpid()
                on_event(answer[1])
                yield answer[1]
        finally:
            worker.terminate()
            worker.join()
            receiver.close()

    return forked


FIELDS = {"findings": "Clear.", "seed": 3, "chunks": 2, "visitor": "somebody"}


def handlers(
    generator: FakeGenerator, root: Path, gpu: Callable[[Stream], Stream] = forking, clock: Clock = time
) -> Handlers:
    lent = OnZeroGPU(generator, lambda duration: gpu)
    return Handlers(lent, Runs(lent, root, clock=clock), driven=True)


def started(asked: Handlers, **changes: Any) -> Run:
    return run_of(asked, asked.start({**FIELDS, **changes}))


def test_elsewhere_it_is_not_there() -> None:
    assert not on_zero_gpu()


def test_the_request_drives_and_the_registry_records(tmp_path: Path) -> None:
    asked = handlers(sleeping(0), tmp_path)
    run = started(asked)
    assert asked.manifest(run)["needs_driver"]
    asked.drive({"run": run.id})  # the request that ZeroGPU lends its GPU to
    assert not asked.manifest(run)["needs_driver"]
    assert run.state == "finished"
    np.testing.assert_array_equal(run.volume().hu, chest(32, 3, "I"))
    asked.drive({"run": run.id})  # a page that lost its connection asks again
    assert run.steps_done == 8


def test_a_run_can_be_stopped_although_the_workers_memory_is_not_ours(tmp_path: Path) -> None:
    def stop_at_the_third_step(event: Any) -> None:
        if event == StepDone(chunk=0, step=2):
            asked.stop({"run": run.id})

    asked = handlers(sleeping(0.01), tmp_path, lambda stream: forking(stream, stop_at_the_third_step))
    run = started(asked, chunks=6)
    asked.drive({"run": run.id})
    assert (run.state, run.steps_done) == ("stopped", 3)


def test_a_volume_of_shared_chunks_asks_for_the_time_to_make_those_again() -> None:
    """Each worker begins without the chunks of the one before it."""
    times = GPUTime()
    request = sleeping(0).card.request(Report("Clear."), 0, chunks=6, steps=50)
    alone = times.seconds_for(request) - STARTING_S
    shared = times.seconds_for(request, SharedPrevious(request=request)) - STARTING_S
    assert 1.6 * alone < shared <= 2 * alone


def test_reading_needs_no_gpu(tmp_path: Path) -> None:
    generator = FakeGenerator(lambda chunk, step: None, known=("Pneumothorax", "Emphysema"))

    def lend_nothing(stream: Stream) -> Stream:
        def refuse(*_: Any) -> Iterator[Any]:
            raise AssertionError("reading has borrowed the GPU")

        return refuse

    asked = handlers(generator, tmp_path, lend_nothing)
    (sentence,) = asked.read({"findings": "No pneumothorax."})["sentences"]
    assert [chip["text"] for chip in sentence["chips"]] == ["no pneumothorax"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (VolumeError("No slices came of seed 3. Try another seed."), "Try another seed."),
        (ZeroDivisionError("SENTINEL of a report"), "Something broke on our side"),
    ],
)
def test_an_error_in_the_worker_ends_the_run_in_its_own_words_and_frees_the_line(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    words: str,
) -> None:
    """`spaces` prints what a worker raises, and passes on the name of its class."""

    def fail(chunk: int, step: int) -> None:
        raise error

    asked = handlers(FakeGenerator(fail), tmp_path)
    run = started(asked)
    asked.drive({"run": run.id})
    assert run.state == "failed"
    assert words in run.message
    assert asked.runs.line.ahead_of(started(asked)) == []
    assert ("ZeroDivisionError at " in caplog.text) == isinstance(error, ZeroDivisionError)
    assert "SENTINEL" not in caplog.text
    assert capsys.readouterr() == ("", "")


def test_if_no_gpu_is_lent_the_lender_says_why(tmp_path: Path) -> None:
    def refuse(stream: Stream) -> Stream:
        def refused(*_: Any) -> Iterator[Any]:
            raise gr.Error("You have exceeded your free ZeroGPU quota.", title="ZeroGPU quota exceeded")
            yield

        return refused

    asked = handlers(sleeping(0), tmp_path, refuse)
    run = started(asked)
    asked.drive({"run": run.id})
    assert run.state == "failed"
    assert "You have exceeded your free ZeroGPU quota." in run.message


class Lender:
    """As `spaces.GPU` with a `duration` that is called with what the stream is called with; notes what it answers."""

    def __init__(self) -> None:
        self.asked_s: list[int] = []

    def __call__(self, duration: Callable[..., int]) -> Callable[[Stream], Stream]:
        def decorated(stream: Stream) -> Stream:
            def lent(*arguments: Any) -> Iterator[Any]:
                self.asked_s.append(duration(*arguments))
                yield from stream(*arguments)

            return lent

        return decorated


def asked_for(one: OnZeroGPU, lender: Lender, **settings: Any) -> int:
    """The time that a request with these settings asks for."""
    request = one.card.request(Report("Clear."), 3, **settings)
    with closing(one.stream(request)) as events:
        next(events)  # no step is done, so nothing is learnt
    return lender.asked_s[-1]


def guided_fake(step: Callable[[int, int], None]) -> FakeGenerator:
    fake = FakeGenerator(step)
    fake.card = replace(fake.card, guidance=Guidance(trained=True, default=1.0))
    return fake


def test_a_request_asks_for_the_time_that_it_needs_within_the_cap() -> None:
    lender = Lender()
    one = OnZeroGPU(guided_fake(lambda chunk, step: None), lender)
    short, long = (asked_for(one, lender, chunks=chunks, steps=24) for chunks in (1, 6))
    assert STARTING_S < short < long < LONGEST_S
    guided, partly = (asked_for(one, lender, chunks=6, steps=24, guidance=2.0, guidance_above_t=t) for t in (0, 0.5))
    assert guided > partly > long
    assert asked_for(one, lender, chunks=6, steps=1000) == LONGEST_S


def test_the_next_request_asks_by_the_pace_of_the_one_before_it(clock: FakeClock) -> None:
    step_s = 0.2
    lender = Lender()
    one = OnZeroGPU(guided_fake(lambda chunk, step: clock.advance(step_s)), lender, clock)
    request = one.card.request(Report("Clear."), 3, chunks=6, steps=24, guidance=2.0)
    run_s = 6 * 24 * step_s
    list(one.stream(request))
    slow_s = asked_for(one, lender, chunks=6, steps=24, guidance=2.0)
    assert STARTING_S + run_s < slow_s <= STARTING_S + 2 * run_s
    step_s = 0.002
    with closing(one.stream(request)) as events:  # a run that was stopped has a pace, too
        while next(events) != StepDone(chunk=1, step=3):
            pass
    assert asked_for(one, lender, chunks=6, steps=24, guidance=2.0) < slow_s / 2


def test_the_first_step_of_a_worker_which_takes_longer_is_no_pace(clock: FakeClock) -> None:
    lender = Lender()
    one = OnZeroGPU(guided_fake(lambda chunk, step: clock.advance(9.0)), lender, clock)
    before_s = asked_for(one, lender, chunks=1, steps=24)
    with closing(one.stream(one.card.request(Report("Clear."), 3))) as events:
        while next(events) != StepDone(chunk=0, step=0):
            pass
    assert asked_for(one, lender, chunks=1, steps=24) == before_s


def test_who_left_before_driving_keeps_nobody_waiting(tmp_path: Path, clock: FakeClock) -> None:
    asked = handlers(sleeping(0), tmp_path, clock=clock)
    left, other = (started(asked, visitor=name) for name in "ab")
    asked.drive({"run": other.id})
    assert other.state == "finished"
    clock.advance(asked.runs.limits.watched_s)
    asked.runs.sweep()
    assert left.state == "stopped"
    assert not asked.manifest(left)["needs_driver"]
    asked.drive({"run": left.id})  # its page was only asleep
    assert (left.state, left.steps_done) == ("stopped", 0)


@pytest.mark.parametrize("question", [None, [], "x", {}, {"run": None}, {"run": ["x"]}, {"run": "unknown"}])
def test_a_request_that_names_no_run_drives_none(tmp_path: Path, question: Any) -> None:
    generator = sleeping(0)
    asked = handlers(generator, tmp_path)
    run = started(asked)
    asked.drive(question)
    assert (run.state, run.has_driver, generator.requests) == ("waiting", False, [])


def test_where_runs_have_threads_no_request_drives_one(gated: FakeGenerator, tmp_path: Path) -> None:
    runs = Runs(gated, tmp_path)
    run = runs.add(gated.card.request(Report("Clear."), 0), "somebody")
    Handlers(gated, runs).drive({"run": run.id})
    assert (run.state, run.has_driver) == ("waiting", False)
