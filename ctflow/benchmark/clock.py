"""How long something takes: for the device, and for the Python that asks it to."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

MOST_TURNS = 30
REFERENCE, PRODUCT = 0, 1  # the sides that take turns
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Timed(Generic[Result]):
    """`device_s`: until all was done. `host_s`: until Python could go on; on a CPU that is the same."""

    result: Result
    device_s: float
    host_s: float


def timed(device: torch.device, run: Callable[[], Result]) -> Timed[Result]:
    """Runs it once. On a GPU by its own events, while nothing else is on it."""
    if device.type != "cuda":
        began = time.perf_counter()
        result = run()
        took_s = time.perf_counter() - began
        return Timed(result, took_s, took_s)
    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize(device)
    began = time.perf_counter()
    first.record()
    result = run()
    last.record()
    host_s = time.perf_counter() - began
    torch.cuda.synchronize(device)
    return Timed(result, first.elapsed_time(last) / 1000, host_s)


def best(device: torch.device, run: Callable[[], object], turns: int, untimed: int = 1) -> float:
    """The device's seconds in the fastest of some turns."""
    for _ in range(untimed):
        run()
    return min(timed(device, run).device_s for _ in range(turns))


def take_turns(
    timed: Callable[[int, Callable[[], Result]], Timed[Result]],
    reference: Callable[[], Result],
    product: Callable[[], Result],
    budget_s: float,
    untimed_turns: int,
) -> tuple[Timed[Result], Timed[Result], float]:
    """The best turn of each side, of as many as fit into `budget_s`, of one at least.

    `timed`: runs something for a side. The last number is what the product's untimed turns took, which come before.
    """
    first_use_s = 0.0
    for _ in range(untimed_turns):
        timed(REFERENCE, reference)
        first_use_s += timed(PRODUCT, product).device_s
    began = time.monotonic()
    turns: list[tuple[Timed[Result], Timed[Result]]] = []
    while not turns or (len(turns) < MOST_TURNS and (time.monotonic() - began) * (1 + 1 / len(turns)) < budget_s):
        turns.append((timed(REFERENCE, reference), timed(PRODUCT, product)))
    expected, found = (min(side, key=lambda turn: turn.device_s) for side in zip(*turns, strict=True))
    return expected, found, first_use_s
