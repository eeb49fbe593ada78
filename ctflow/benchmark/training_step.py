"""A step of the training loop in this checkout and in another, in turns, so that a busy machine slows both.

    python -m ctflow.benchmark.training_step OTHER

OTHER: a checkout that has `ctflow/training/stage.py`.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ctflow.benchmark.against import Ratio
from ctflow.choices import DEVICES
from ctflow.errors import RequestError, ResourceError
from ctflow.runtime.device import resolve_device

HERE = Path(__file__).parents[2]
TURNS = Path(__file__).with_name("training_turns.py")


def compare_steps(other: Path, turns: int, device: str) -> Ratio:
    """The fastest step of each turn. Raises RequestError for a folder without such a loop, ResourceError if it ends."""
    if not (other / "ctflow/training/stage.py").exists():
        raise RequestError(
            f"{other} has no ctflow/training/stage.py: a checkout since the loop is general was expected."
        )
    with ExitStack() as stack:
        both = [stack.enter_context(_process(checkout, device)) for checkout in (other, HERE)]
        seconds = [[_take_turn(one) for one in both] for _ in range(turns)]
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


def main() -> None:
    """Prints a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--turns", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="default: %(default)s")
    args = parser.parse_args()
    found = compare_steps(args.other, args.turns, resolve_device(args.device).type)
    seconds = f"{min(found.before_s):.3g} s → {min(found.after_s):.3g} s"
    print(f"{found.name}: {seconds}; {found.best:.2f} by the fastest, {found.median:.2f} by the median turn")


if __name__ == "__main__":
    main()
