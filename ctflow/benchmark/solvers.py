"""How near each solver comes to the fine solution with few steps, for a first chunk and for one after it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ctflow.benchmark.subject import Subject
from ctflow.flow import solve
from ctflow.sampler import velocity_of

FINE = ("midpoint", 200, 1.5)
WAYS = [
    way
    for steps in (4, 10, 24, 50, 200)
    for way in (("euler", steps, 1.0), *(("midpoint", steps, shift) for shift in (1.0, 1.5, 3.0)))
    if way != FINE
]


@dataclass(frozen=True)
class Solved:
    """`error`: root mean square against the fine solution, as a share of its spread."""

    chunk: str
    solver: str
    steps: int
    shift: float
    error: float
    seconds: float


@torch.inference_mode()
def compare_solvers(subject: Subject, step_s: float, budget_s: float, say: Callable[[str], None]) -> list[Solved]:
    """As many ways as there is time for, fewest steps first; none where the fine solution alone takes too long.

    `step_s`: of a step without guidance. Guidance is what the model's card says.
    """
    step_s *= 1 if subject.guidance == 1 else 2
    solved: list[Solved] = []
    previous = subject.previous
    for chunk in ("first", "next"):
        left_s = budget_s / 2
        if FINE[1] * step_s > left_s:
            say(f"solvers: the fine solution takes {FINE[1] * step_s:.0f} s a chunk, so they are left out")
            return solved
        fine, took_s = solution(subject, previous, *FINE)
        left_s -= took_s
        for solver, steps, shift in _affordable(step_s, left_s):
            found, seconds = solution(subject, previous, solver, steps, shift)
            error = ((found - fine).square().mean().sqrt() / fine.std()).item()
            solved.append(Solved(chunk, solver, steps, shift, error, seconds))
            say(f"solvers: {chunk} chunk, {solver} {steps}: {error:.4f}")
        previous = fine
    return solved


def _affordable(step_s: float, left_s: float) -> Iterator[tuple[str, int, float]]:
    for solver, steps, shift in WAYS:
        left_s -= steps * step_s
        if left_s < 0:
            return
        yield solver, steps, shift


@torch.inference_mode()
def solution(subject: Subject, previous: Tensor, solver: str, steps: int, shift: float) -> tuple[Tensor, float]:
    """A chunk (1, C, T, H, W), and the seconds that it took."""
    subject.synchronise()
    began = time.perf_counter()
    table, guidance = cache(subject.engine.transformer.at), subject.guidance
    velocity = velocity_of(subject.engine.transformer, subject.prediction, previous, subject.text, guidance, table)
    *_, last = solve(velocity, iter([subject.noise_of(0)]), solver, steps, shift)
    subject.synchronise()
    return last, time.perf_counter() - began
