"""The memory of other processes (Linux)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SAMPLE_S = 0.2  # looking costs a busy process time


@contextmanager
def most_memory(pid: int) -> Iterator[list[int]]:
    """Samples, in bytes, of what a process and those that it starts have in memory together, while this is open."""
    samples: list[int] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLE_S):
            samples.append(sum(map(proportional_bytes, family(pid))))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def family(pid: int) -> list[int]:
    """A process and all below it."""
    children: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text(encoding="utf-8").split())
    return [pid, *(one for child in children for one in family(child))]


def proportional_bytes(pid: int) -> int:
    """Its own memory and its share of what it shares; 0 of a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
