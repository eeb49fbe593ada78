"""A step of the training loop in this checkout and in another, in turns, so that a busy machine slows both."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ctflow.benchmark.against import Ratio
from ctflow.errors import RequestError, ResourceError

HERE = Path(__file__).parents[2]
TURNS = Path(__file__).with_name("training_turns.py")


def compare_steps(other: Path, device: str, budget_s: float, least: int = 3) -> Ratio:
    """The fastest step of each turn, in as many turns as fit into `budget_s`, but `least` of them.

    Raises RequestError for a folder without such a loop, ResourceError if one side ends.
    """
    if not (other / "ctflow/training/stage.py").exists():
        raise RequestError(
            f"{other} has no ctflow/training/stage.py: a checkout since the loop is general was expected."
        )
    with ExitStack() as stack:
        both = [stack.enter_context(_process(checkout, device)) for checkout in (other, HERE)]
        began, seconds = time.monotonic(), list[list[float]]()
        while len(seconds) < least or time.monotonic() - began < budget_s:
            seconds.append([_take_turn(one) for one in both])
    before_s, after_s = zip(*seconds, strict=True)
    return Ratio("a step of training: other → here", before_s, after_s)


@contextmanager
def _process(checkout: Path, device: str) -> Iterator[subprocess.Popen[str]]:
    """A process that imports a checkout, and waits for its turns."""
    with subprocess.Popen(
        [sys.executable, "-c", TURNS.read_text(encoding="utf-8"), device],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout.resolve())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:
        _answer(process)
        yield process
        assert process.stdin, "it is a pipe"
        process.stdin.close()


def _take_turn(process: subprocess.Popen[str]) -> float:
    assert process.stdin, "it is a pipe"
    process.stdin.write("\n")
    process.stdin.flush()
    return float(_answer(process))


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout, "it is a pipe"
    answer = process.stdout.readline().strip()
    if not answer:
        raise ResourceError(f"{process.args!r:.60} ended in the middle of a turn: run it by hand to see why.")
    return answer
