"""Serves a generator until it is killed: python -m tests.app.serve --port N [--step-s S] [--hold-chunk N] [--model M]

Every address outside this machine that it connects to is named on standard error as a STRANGER.
"""

import argparse
import logging
import sys
import time
from contextlib import closing

from app.ui import Page
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.generator import VolumeGenerator
from ctflow.one_thread import OnOneThread
from ctflow.report import Report
from tests.app.fake import FakeGenerator

OURS = ("127.0.0.1", "::1", "localhost", "0.0.0.0")


class Strict(FakeGenerator):
    """Reports two steps at once as an OVERLAP, and breaks at a report that says BREAK, quoting it as a bug might.

    `hold_chunk`: the chunk that it never finishes.
    """

    def __init__(self, step_s: float, hold_chunk: int | None) -> None:
        super().__init__(self.take_a_step)
        self.step_s = step_s
        self.hold_chunk = hold_chunk
        self.inside = 0

    def take_a_step(self, chunk: int, step: int) -> None:
        self.inside += 1
        if self.inside > 1:
            print("OVERLAP", file=sys.stderr, flush=True)
        time.sleep(3600 if chunk == self.hold_chunk else self.step_s)
        self.inside -= 1

    def read(self, report: Report | None):
        if report and "BREAK" in report.findings:
            raise KeyError(report.findings)
        return super().read(report)


class Paced:
    """A generator that reports as a STEP when each of its events was ready, and how long it took."""

    def __init__(self, inner: VolumeGenerator) -> None:
        self._inner = inner

    def __getattr__(self, name: str):
        return getattr(self._inner, name)

    def stream(self, *arguments):
        with closing(self._inner.stream(*arguments)) as events:
            began_s = time.monotonic()
            for event in events:
                now_s = time.monotonic()
                print(f"STEP {now_s:.3f} {now_s - began_s:.3f}", file=sys.stderr, flush=True)
                yield event
                began_s = time.monotonic()


def name_strangers(event: str, arguments: tuple) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] not in OURS:
        print("STRANGER", arguments[1], file=sys.stderr, flush=True)


def generator(model: str, step_s: float, hold_chunk: int | None) -> VolumeGenerator:
    if model == "fake":
        return Strict(step_s, hold_chunk)
    from ctflow.pipeline import CTFlow

    return CTFlow.load(find_checkpoint(model), "cpu")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--step-s", type=float, default=0.0)
    parser.add_argument("--hold-chunk", type=int)
    parser.add_argument("--model", default="fake")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    sys.addaudithook(name_strangers)
    # On one thread, as app.py has it.
    page = Page(OnOneThread(lambda: Paced(generator(arguments.model, arguments.step_s, arguments.hold_chunk))))
    page.launch(server_name="127.0.0.1", server_port=arguments.port, quiet=True)


if __name__ == "__main__":
    main()
