"""Training of the transformer: from a report and the previous chunk to the next one.

It learns to answer with the data, not the velocity: noise would have to pass through every layer, and a hidden size
as small as ours has no room for it beside the anatomy. The sampler turns the answer into the velocity.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor, nn

from ctflow.data.phantoms import STUDIES
from ctflow.demo.latents import LatentSet
from ctflow.flow import path, shifted
from ctflow.models.stdit import STDiT
from ctflow.training.loop import Stage, note_network, train

NO_TEXT_SHARE = 0.1
PREVIOUS_NOISE = 0.1  # at most: what generation gives as the previous chunk is never quite right
NO_PREVIOUS_SHARE = 0.1  # of the chunks see zeros in its place: what it shows, the report need not tell
OTHER_PREVIOUS_SHARE = 0.1  # see the person's other study there: where the two disagree, the report is right
TOLD_WEIGHT, MOST_TOLD = 3.0, 12.0  # see `told_weight`
APART_WEIGHT = 4.0  # of what differs between a person's studies, beside all that does not
TYPICAL, LEAST = 0.01, 0.0002  # mean square of what differs in a chunk: of a middling finding, of hardly any
JOIN_WEIGHT = (3.0, 2.0)  # of a chunk's first slices, whose errors are seen as a step from the chunk before
DIFFER_SHARE = 0.3  # of the chunks after the first are drawn where the studies differ
# A large effusion shows through all but the strongest noise, so the report is needed, and learnt, only near t = 1.
T_SHIFT = 5.0
FIRST_CHUNK_SHARE = 0.3  # it has nothing but the report to go by
SMALLEST_T = 0.3  # an error of the data is one of the velocity times t: its weight, but not without bound
ALIGNED_SHARE = 0.5  # of the other chunks begin where generation would; the rest begin anywhere


def told_weight(data: LatentSet) -> Tensor:
    """(1, C, 1, H, W) of mean 1: where latents follow from what the reports say, errors count more.

    Measured by a linear regression of the latents of each chunk on `told`. Without it the report has a share of a
    hundredth in the loss, beside the build of the body, which no report tells.
    """
    count, size = len(data.told), data.chunk
    left, sizes, _ = np.linalg.svd(np.column_stack([data.told, np.ones(count)]), full_matrices=False)
    basis = torch.from_numpy(left[:, sizes > 1e-6 * sizes[0]]).to(data.black)
    dimensions = basis.shape[1]
    explained = torch.zeros_like(data.black)
    for start in range(0, int(data.slices.min()), size):
        chunks = data.windows(np.arange(count), np.full(count, start), size).flatten(1)
        spread = chunks - chunks.mean(0)
        rest = spread - basis @ (basis.T @ spread)
        by_chance = rest.var(0) * dimensions / max(count - dimensions, 1)
        gain = spread.var(0) - rest.var(0) - by_chance
        explained += gain.unflatten(0, (len(data.black), size, *data.black.shape[1:])).mean(1)
    explained = explained.clamp(min=0)
    share = (explained / explained.mean().clamp(min=1e-12)).clamp(max=MOST_TOLD)
    weight = 1 + TOLD_WEIGHT * share
    return (weight / weight.mean())[None, :, None]


def join_weight(size: int) -> Tensor:
    """(1, 1, size, 1, 1) of mean 1."""
    weight = torch.ones(size)
    weight[: len(JOIN_WEIGHT)] = torch.tensor(JOIN_WEIGHT)
    return (weight / weight.mean()).view(1, 1, -1, 1, 1)


def differing(data: LatentSet) -> np.ndarray:
    """(persons, slices): mean square of what differs between the latents of a person's studies, 0 after the shorter."""
    longest = int(data.slices.max())
    persons = data.padded[:, data.chunk : data.chunk + longest].unflatten(0, (-1, STUDIES))
    squares = [(person.float() - person.float().mean(0)).square().mean((0, 2, 3, 4)) for person in persons.unbind()]
    inside = np.arange(longest) < data.slices.reshape(-1, STUDIES).min(1)[:, None]
    return (torch.stack(squares).double().cpu().numpy() + 1e-9) * inside


def odds(differ: np.ndarray) -> np.ndarray:
    """Of each slice (persons, slices), of sum 1, to be drawn for what differs there."""
    roots = np.sqrt(differ)
    return roots / roots.sum(1, keepdims=True)


def draw_starts(differ: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """The first slice of a chunk of each person (N,) whose studies `differ` (N, slices) so; 0 for a volume's first."""
    count = len(differ)
    slices = (differ > 0).sum(1)
    aligned = rng.random(count) < ALIGNED_SHARE
    inside = (odds(differ).cumsum(1) < rng.random((count, 1))).sum(1).clip(max=slices - 1)
    among = inside - np.where(aligned, inside % size, np.minimum(inside, rng.integers(size, size=count)))
    last = -(-slices // size)  # chunk after the phantom's end, so that an all-white chunk is seen too
    anywhere = np.where(aligned, size * rng.integers(1, last + 1), rng.integers(1, slices))
    later = np.where(rng.random(count) < DIFFER_SHARE, among, anywhere)
    return np.where(rng.random(count) < FIRST_CHUNK_SHARE, 0, later)


def apart_weight(told: np.ndarray, differ: np.ndarray) -> np.ndarray:
    """(persons,): the less a person's studies should differ, the more errors of it count, or a large effusion drowns a
    nodule.

    By how much they should is read off the reports alone, by a regression over all persons of `differ` (persons,
    slices) on `told` (phantoms, facts): the latents that are to be learnt would favour those that differ less than
    most.
    """
    found = (differ * odds(differ)).sum(1)
    facts = told.reshape(len(differ), STUDIES, -1)
    squares = np.square(facts - facts.mean(1, keepdims=True)).sum(1)
    squares = np.column_stack([squares, np.ones(len(squares))])
    return APART_WEIGHT * np.sqrt(TYPICAL / (squares @ nnls(squares, found)[0] + LEAST))


class Batch(NamedTuple):
    """Chunks (N, C, T, H, W), noised to times t (N,), with what the model is given beside them."""

    chunk: Tensor
    point: Tensor
    previous: Tensor
    text: Tensor  # (N, 1, D)
    t: Tensor
    persons: Tensor  # (N / STUDIES,)


def draw_batch(data: LatentSet, differ: np.ndarray, persons: int, rng: np.random.Generator) -> Batch:
    """t shifted to noise, reports dropped, the previous chunk noised against drift.

    The studies of a person come together and under the same noise, so that nothing but what is told differs.
    """
    device, size = data.padded.device, data.chunk
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**63)))

    def for_each_study(of_persons: Tensor) -> Tensor:
        return of_persons.repeat_interleave(STUDIES, 0)

    def uniform(*dimensions: int) -> Tensor:
        """One number for each person, of so many dimensions."""
        return for_each_study(torch.rand(persons, *dimensions, generator=generator, device=device))

    def noise() -> Tensor:
        return for_each_study(torch.randn(persons, *chunk.shape[1:], generator=generator, device=device))

    picked = rng.choice(len(data.odds), size=persons, p=data.odds)
    starts = np.repeat(draw_starts(differ[picked], size, rng) - size, STUDIES)
    picks = (STUDIES * picked[:, None] + np.arange(STUDIES)).flatten()
    previous, chunk = data.windows(picks, starts, 2 * size).split(size, dim=2)
    reports = rng.integers(data.texts.shape[1], size=len(picks))
    text = data.texts[data.place(picks), data.place(reports)].float()
    text = text * (uniform(1) >= NO_TEXT_SHARE)
    t = shifted(uniform(), T_SHIFT)
    level = PREVIOUS_NOISE * uniform(1, 1, 1, 1)
    other = uniform(1, 1, 1, 1) < OTHER_PREVIOUS_SHARE
    others = previous.unflatten(0, (persons, STUDIES)).roll(1, dims=1).flatten(0, 1)
    previous = torch.where(other, others, previous) + level * noise()
    previous = previous * (uniform(1, 1, 1, 1) >= NO_PREVIOUS_SHARE)
    point = path(chunk, noise(), t.view(-1, 1, 1, 1, 1))
    return Batch(chunk, point, previous, text[:, None], t, data.place(picked))


def train_transformer(stage: Stage, model: STDiT, data: LatentSet, batch: int) -> STDiT:
    """Flow matching on chunk pairs of `draw_batch`."""
    data = data.to(stage.device)
    weight = (told_weight(data) * join_weight(data.chunk).to(stage.device)).sqrt()
    differ = differing(data)
    by_person = torch.from_numpy(apart_weight(data.told, differ)).float().to(stage.device)
    note_network(stage, model.config)

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        drawn = draw_batch(data, differ, batch // STUDIES, rng)
        error = model(drawn.point, drawn.previous, drawn.text, drawn.t).float() - drawn.chunk
        error = error / drawn.t.clamp(min=SMALLEST_T).view(-1, 1, 1, 1, 1)
        return apart(error * weight, by_person[drawn.persons])

    return train(stage, model, losses)


def apart(errors: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Squared errors (persons · STUDIES, ...), what a person's studies have in common apart from what they have not,
    which counts `weight` (persons,) times."""
    errors = errors.unflatten(0, (-1, STUDIES)).flatten(2)
    common = errors.mean(1, keepdim=True)
    told = (errors - common).square().mean((1, 2))
    return {"common": common.square().mean(), "told": (weight * told).mean()}
