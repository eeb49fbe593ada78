"""Whole chunks, from noise to slices, as the published code makes them and as the product does.

Both yield None after each step, and at the end of each chunk its slices, perhaps still to come.
"""

from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor

from ctflow.benchmark.reference import reference_decode, reference_velocity
from ctflow.benchmark.subject import Subject
from ctflow.flow import solve, velocity_from_data
from ctflow.runtime.cuda import PendingSlices
from ctflow.runtime.engine import at_once
from ctflow.sampler import velocity_of

SOLVER, SHIFT = "midpoint", 1.5
Made = Iterator[PendingSlices | None]


def reference_chunks(subject: Subject, chunks: int, steps: int) -> Made:
    """With the whole of `reference_velocity` at every step."""
    previous = subject.previous
    decode = at_once(lambda latents: reference_decode(subject.avae, latents))
    for chunk in range(chunks):

        def velocity(x: Tensor, t: float, previous: Tensor = previous) -> Tensor:
            time = torch.tensor([t], device=subject.device)
            answer = reference_velocity(subject.transformer, x, previous, subject.text, time)
            return answer if subject.prediction == "velocity" else velocity_from_data(x, answer, t)

        for state in solve(velocity, iter([subject.noise_of(chunk)]), SOLVER, steps, SHIFT):
            previous = state
            yield None
        yield decode(previous[0].transpose(0, 1))


def product_chunks(subject: Subject, chunks: int, steps: int) -> Made:
    """As `CTFlow` does it, without a report to encode."""
    transformer, previous = subject.engine.transformer, subject.previous
    modulation_at = cache(transformer.at)
    for chunk in range(chunks):
        velocity = velocity_of(transformer, subject.prediction, previous, subject.text, 1, modulation_at)
        for state in solve(velocity, iter([subject.noise_of(chunk)]), SOLVER, steps, SHIFT):
            previous = state
            subject.engine.pace()
            yield None
        yield subject.engine.decode(previous[0].transpose(0, 1))


def drained(made: Made) -> Tensor:
    """All slices (N, rows, columns)."""
    return torch.cat([chunk.wait() for chunk in list(made) if chunk])
