"""ZeroGPU, by a stand-in that does what makes it hard: each stream runs in a forked process and is pickled."""

import multiprocessing
import os
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from app.handlers import Handlers
from app.run import WATCHED_S
from app.runs import Runs
from app.zero import OnZeroGPU, on_zero_gpu
from ctflow.errors import VolumeError
from tests.app.fake import FakeGenerator, chest, sleeping


def forking(stream: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """What `spaces.GPU` does with a generator, as far as its caller can tell (0.51.3, zero/wrappers.py)."""

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
                yield answer[1]
        finally:
            worker.terminate()
            worker.join()
            receiver.close()

    return forked


FIELDS = {"findings": "Clear.", "seed": 3, "chunks": 2, "visitor": "somebody"}


def handlers(generator: FakeGenerator, root: Path, gpu: Callable[..., Any] = forking) -> Handlers:
    lent = OnZeroGPU(generator, gpu)
    return Handlers(lent, Runs(lent, root), driven=True)


def test_elsewhere_it_is_not_there() -> None:
    assert not on_zero_gpu()


def test_the_request_drives_and_the_registry_records(tmp_path: Path) -> None:
    asked = handlers(sleeping(0), tmp_path)
    run = asked.runs.get(asked.start(FIELDS)["run"])
    assert run is not None
    assert asked.manifest(run)["needs_driver"]
    asked.drive({"run": run.id})  # the request that ZeroGPU lends its GPU to
    assert not asked.manifest(run)["needs_driver"]
    assert run.state == "finished"
    np.testing.assert_array_equal(run.volume().hu, chest(32, 3, "I"))
    asked.drive({"run": run.id})  # a page that lost its connection asks again
    assert run.steps_done == 8


def test_stop_is_heard_although_the_workers_memory_is_not_ours(tmp_path: Path) -> None:
    asked = handlers(sleeping(0.01), tmp_path)
    run = asked.runs.get(asked.start({**FIELDS, "chunks": 6})["run"])
    assert run is not None
    take = run.take

    def stop_at_the_third_step(event: Any) -> None:
        take(event)
        if run.steps_done == 3:
            asked.stop({"run": run.id})

    run.take = stop_at_the_third_step  # type: ignore[method-assign]
    asked.drive({"run": run.id})
    assert (run.state, run.steps_done) == ("stopped", 3)


def test_reading_needs_no_gpu(tmp_path: Path) -> None:
    generator = FakeGenerator(lambda chunk, step: None, known=("Pneumothorax", "Emphysema"))

    def lend_nothing(stream: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def refuse(*_: Any) -> Iterator[Any]:
            raise AssertionError("reading has borrowed the GPU")

        return refuse

    lent = OnZeroGPU(generator, lend_nothing)
    asked = Handlers(lent, Runs(lent, tmp_path), driven=True)
    assert asked.read({"findings": "No pneumothorax."})["denied"] == ["no pneumothorax"]


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
    run = asked.runs.get(asked.start(FIELDS)["run"])
    assert run is not None
    asked.drive({"run": run.id})
    assert run.state == "failed"
    assert words in run.message
    assert asked.runs.queue_length() == 0
    assert ("ZeroDivisionError at " in caplog.text) == isinstance(error, ZeroDivisionError)
    assert "SENTINEL" not in caplog.text
    assert capsys.readouterr() == ("", "")


def test_a_gpu_that_is_not_lent_is_said_in_the_words_of_who_lends_it(tmp_path: Path) -> None:
    def refuse(stream: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def refused(*_: Any) -> Iterator[Any]:
            raise gr.Error("You have exceeded your free ZeroGPU quota.", title="ZeroGPU quota exceeded")
            yield

        return refused

    asked = handlers(sleeping(0), tmp_path, refuse)
    run = asked.runs.get(asked.start(FIELDS)["run"])
    assert run is not None
    asked.drive({"run": run.id})
    assert (run.state, "You have exceeded your free ZeroGPU quota." in run.message) == ("failed", True)


def test_who_left_before_driving_keeps_nobody_waiting(tmp_path: Path) -> None:
    asked = handlers(sleeping(0), tmp_path)
    left, other = (asked.runs.get(asked.start({**FIELDS, "visitor": name})["run"]) for name in "ab")
    assert left is not None
    assert other is not None
    asked.drive({"run": other.id})
    assert other.state == "finished"
    left.seen_s -= WATCHED_S + 1
    asked.runs.sweep()
    assert (left.state, asked.runs.queue_length()) == ("stopped", 0)
    assert not asked.manifest(left)["needs_driver"]
    asked.drive({"run": left.id})  # its page was only asleep
    assert (left.state, left.steps_done) == ("stopped", 0)


@pytest.mark.parametrize("asked_for", [None, {}, {"run": "unknown"}])
def test_a_request_that_drives_nothing_is_harmless(tmp_path: Path, asked_for: Any) -> None:
    handlers(sleeping(0), tmp_path).drive(asked_for)
