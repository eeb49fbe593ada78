"""How near each solver comes to the fine solution with few steps, for the first chunk and for the one after it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from ctflow.benchmark.product import Product
from ctflow.benchmark.subject import Subject
from ctflow.flow import solve
from ctflow.sampler import velocity_of


class SolverSetting(NamedTuple):
    """How a chunk is solved."""

    solver: str
    steps: int
    shift: float


FINE = SolverSetting("midpoint", 200, 1.5)
SETTINGS = tuple(
    setting
    for steps in (4, 10, 24, 50, 200)
    for setting in (
        SolverSetting("euler", steps, 1.0),
        *(SolverSetting("midpoint", steps, shift) for shift in (1.0, 1.5, 3.0)),
    )
    if setting != FINE
)


@dataclass(frozen=True)
class SolverError:
    """`error`: root mean square against the fine solution, as a share of its spread."""

    chunk: str
    solver: str
    steps: int
    shift: float
    error: float
    seconds: float


@torch.inference_mode()
def compare_solvers(
    subject: Subject,
    product: Product,
    step_s: float,
    budget_s: float,
    say: Callable[[str], None],
    settings: Sequence[SolverSetting] = SETTINGS,
) -> list[SolverError]:
    """As many settings as there is time for, fewest steps first; none if the fine solution alone takes too long.

    `step_s`: of a step without guidance. Guidance is that of the subject's request.
    """
    step_s *= 1 if subject.request.guidance == 1 else 2
    errors: list[SolverError] = []
    previous = subject.previous
    for chunk in ("first", "next"):
        left_s = budget_s / 2
        if FINE.steps * step_s > left_s:
            say(f"solvers: the fine solution takes {FINE.steps * step_s:.0f} s a chunk, so they are left out")
            return errors
        fine, took_s = solution(subject, product, previous, FINE)
        left_s -= took_s
        for setting in _affordable(settings, step_s, left_s):
            found, seconds = solution(subject, product, previous, setting)
            error = ((found - fine).square().mean().sqrt() / fine.std()).item()
            errors.append(SolverError(chunk=chunk, **setting._asdict(), error=error, seconds=seconds))
            say(f"solvers: {chunk} chunk, {setting.solver} {setting.steps}: {error:.4f}")
        previous = fine
    return errors


def _affordable(settings: Sequence[SolverSetting], step_s: float, left_s: float) -> Iterator[SolverSetting]:
    for setting in settings:
        left_s -= setting.steps * step_s
        if left_s < 0:
            return
        yield setting


@torch.inference_mode()
def solution(subject: Subject, product: Product, previous: Tensor, setting: SolverSetting) -> tuple[Tensor, float]:
    """A chunk (1, C, T, H, W), and the seconds that it took."""
    subject.synchronise()
    began = time.perf_counter()
    transformer, request = product.engine.transformer, subject.request
    velocity = velocity_of(
        transformer,
        subject.prediction,
        previous,
        subject.text,
        request.guidance,
        cache(transformer.modulation_at),
        request.guidance_above_t,
    )
    *_, last = solve(velocity, iter([subject.noise_of(0)]), setting.solver, setting.steps, setting.shift)
    subject.synchronise()
    return last, time.perf_counter() - began
