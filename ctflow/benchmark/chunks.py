"""Whole chunks, from noise to slices, as the published code makes them and as the product does.

Both yield None after each step, and slices as something to wait for, because they may still be on their way.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial

import torch
from torch import Tensor

from ctflow.benchmark.product import Product
from ctflow.benchmark.reference import reference_answer, reference_decode
from ctflow.benchmark.subject import Subject
from ctflow.flow import solve, velocity_from_data
from ctflow.models.text import no_text
from ctflow.request import GenerationRequest, is_guided
from ctflow.sampler import velocity_of

Steps = Iterator[Callable[[], Tensor] | None]


def reference_chunks(subject: Subject, request: GenerationRequest) -> Steps:
    """Every step computes the whole of `reference_answer`."""
    previous = subject.previous
    for chunk in range(request.chunks):
        velocity = _reference_velocity(subject, request, previous)
        for state in solve(velocity, subject.draws(chunk), request.solver, request.steps, request.shift):
            previous = state
            yield None
        slices = reference_decode(subject.avae, previous[0].transpose(0, 1)).cpu()
        yield _there_already(slices)


def _there_already(slices: Tensor) -> Callable[[], Tensor]:
    return lambda: slices


def _reference_velocity(
    subject: Subject, request: GenerationRequest, previous: Tensor
) -> Callable[[Tensor, float], Tensor]:
    """The velocity field of one chunk."""

    def velocity(x: Tensor, t: float) -> Tensor:
        answer_to = partial(reference_answer, subject.transformer, x, previous)
        time = torch.tensor([t], device=subject.device)
        answer = answer_to(subject.text, time)
        if is_guided(t, request.guidance, request.guidance_above_t):
            without = answer_to(no_text(subject.text), time)
            answer = without + request.guidance * (answer - without)
        return answer if subject.prediction == "velocity" else velocity_from_data(x, answer, t)

    return velocity


@torch.inference_mode()
def product_chunks(subject: Subject, product: Product, request: GenerationRequest) -> Steps:
    """As `CTFlow` makes them, without reading the report and without HU. No volume ends before its last chunk."""
    engine, previous = product.engine, subject.previous
    modulation_at = cache(engine.transformer.modulation_at)
    for chunk in range(request.chunks):
        velocity = velocity_of(
            engine.transformer,
            subject.prediction,
            previous,
            subject.text,
            request.guidance,
            modulation_at,
            request.guidance_above_t,
        )
        draws = (engine.upload(drawn)[None] for drawn in subject.noise(chunk))
        for state in solve(velocity, draws, request.solver, request.steps, request.shift):
            previous = state  # the velocity keeps the chunk that it was made with
            engine.pace()
            yield None
        for latents in previous[0].transpose(0, 1).split(product.slices_at_once):
            yield engine.decode(latents).wait


def all_slices(steps: Steps) -> Tensor:
    """-> (N, rows, columns). Waits for slices only when all steps are done."""
    return torch.cat([wait() for wait in list(steps) if wait])
