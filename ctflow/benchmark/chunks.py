"""Whole chunks, from noise to slices, as the published code makes them and as the product does.

Both yield None after each step, and after each chunk its slices, which may still be on their way.
"""

from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import Tensor

from ctflow.benchmark.reference import reference_answer, reference_decode
from ctflow.benchmark.subject import Subject
from ctflow.flow import solve, velocity_from_data
from ctflow.runtime.decoding import PendingSlices, blocking
from ctflow.sampler import velocity_of

SOLVER, SHIFT = "midpoint", 1.5
Steps = Iterator[PendingSlices | None]


def reference_chunks(subject: Subject, chunks: int, steps: int) -> Steps:
    """Every step computes the whole of `reference_answer`."""
    previous = subject.previous
    decode = blocking(lambda latents: reference_decode(subject.avae, latents))
    for chunk in range(chunks):
        velocity = _reference_velocity(subject, previous)
        for state in solve(velocity, iter([subject.noise_of(chunk)]), SOLVER, steps, SHIFT):
            previous = state
            yield None
        yield decode(previous[0].transpose(0, 1))


def _reference_velocity(subject: Subject, previous: Tensor) -> Callable[[Tensor, float], Tensor]:
    """The velocity field of one chunk."""

    def velocity(x: Tensor, t: float) -> Tensor:
        time = torch.tensor([t], device=subject.device)
        answer = reference_answer(subject.transformer, x, previous, subject.text, time)
        return answer if subject.prediction == "velocity" else velocity_from_data(x, answer, t)

    return velocity


def product_chunks(subject: Subject, chunks: int, steps: int) -> Steps:
    """As `CTFlow` makes them, without encoding the report."""
    transformer, previous = subject.engine.transformer, subject.previous
    modulation_at = cache(transformer.modulation_at)
    for chunk in range(chunks):
        velocity = velocity_of(transformer, subject.prediction, previous, subject.text, 1, modulation_at)
        for state in solve(velocity, iter([subject.noise_of(chunk)]), SOLVER, steps, SHIFT):
            previous = state
            subject.engine.pace()
            yield None
        yield subject.engine.decode(previous[0].transpose(0, 1))


def all_slices(steps: Steps) -> Tensor:
    """-> (N, rows, columns). Waits for slices only when all steps are done."""
    return torch.cat([chunk.wait() for chunk in list(steps) if chunk])
