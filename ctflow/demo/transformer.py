"""Training of the transformer: from a report and the previous chunk to the next one.

It learns to answer with the data, not the velocity: noise would have to pass through every layer, and a hidden size
this small has no room for noise beside the anatomy. The sampler turns the answer into the velocity.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from ctflow.data.phantoms import STUDIES
from ctflow.demo.latents import LatentSet
from ctflow.flow import shifted
from ctflow.models.stdit import STDiT
from ctflow.training.flow.compiling import compiled
from ctflow.training.flow.objective import noised, velocity_error
from ctflow.training.loop import train
from ctflow.training.stage import Stage

# What a chunk is shown.
T_SHIFT = 5.0  # a large effusion shows through all but the strongest noise: a report is needed, and learnt, near t = 1
NO_TEXT_SHARE = 0.1
FIRST_CHUNK_SHARE = 0.3  # share of chunks that are a volume's first, made from the report alone
ALIGNED_SHARE = 0.5  # share of the others that begin where generation would; the rest begin anywhere
DIFFERENCE_SHARE = 0.3  # share of the others that are drawn where the person's studies differ
PREVIOUS_NOISE = 0.1  # at most: in generation the previous chunk is never quite right
NO_PREVIOUS_SHARE = 0.1  # share of chunks that see zeros as the previous one: then the report alone tells
OTHER_PREVIOUS_SHARE = 0.1  # see the person's other study there: where the two disagree, the report is right

# What counts as an error.
REPORT_WEIGHT, MAX_REPORT_GAIN = 3.0, 12.0  # see `report_weight`
FIRST_SLICES_WEIGHT = (3.0, 2.0)  # of a chunk's first slices, whose errors show as a step from the chunk before
DIFFERENCE_WEIGHT = 4.0  # of what differs between a person's studies, beside what they have in common
# Mean squares of what differs in a chunk: with a middling finding, and with hardly any.
TYPICAL_DIFFERENCE, SMALL_DIFFERENCE = 0.01, 0.0002


def train_transformer(
    stage: Stage, model: STDiT, data: LatentSet, batch: int, grown: Callable[[], LatentSet | None] = lambda: None
) -> STDiT:
    """Flow matching on pairs of chunks. `batch`: chunks in a step, STUDIES of them of each person.

    `grown`: called before each step; returns a larger set on the stage's device, or None to go on with the last one.
    """
    lessons = Lessons(data.to(stage.device), grown)
    compute = compiled(chunk_losses, stage.device)

    def losses(model: STDiT, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        drawn = draw_batch(lessons.data, lessons.difference, batch // STUDIES, rng)
        return compute(model, drawn, lessons.weight, lessons.by_person[drawn.persons])

    return train(stage, model, losses, describe=asdict(model.config), examples=lessons)


class Lessons:
    """What the transformer is taught with: a latent set, and how much errors count, which is read off the set.

    `weight` (1, C, T, H, W) and `by_person` (persons,) are factors. `growth`: from which steps on there were how many
    persons. With it, every draw is a function of the seed and the step.
    """

    def __init__(self, data: LatentSet, grown: Callable[[], LatentSet | None]) -> None:
        self.growth: list[tuple[int, int]] = []
        self._grown, self._is_noted = grown, False
        self._take(data)

    def grow(self, step: int) -> None:
        """Takes in what there is by now."""
        data = self._grown()
        if data is not None:
            self._take(data)
        if not self._is_noted:
            self.growth.append((step, len(self.data.person_odds)))
            self._is_noted = True

    def state_dict(self) -> dict[str, Any]:
        return {"growth": self.growth}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Only what was so far: the set is as large as it is now."""
        self.growth = [(step, persons) for step, persons in state["growth"]]

    def _take(self, data: LatentSet) -> None:
        device = data.padded.device
        self.data, self.difference = data, study_difference(data)
        self.weight = (report_weight(data) * first_slices_weight(data.chunk).to(device)).sqrt()
        self.by_person = torch.from_numpy(difference_weight(data.report_facts, self.difference)).float().to(device)
        self._is_noted = False


class Batch(NamedTuple):
    """Chunks (N, C, T, H, W), noised to times t (N,), with what the model is given beside them."""

    chunk: Tensor
    noise: Tensor
    point: Tensor
    previous: Tensor
    text: Tensor  # (N, 1, D)
    t: Tensor
    persons: Tensor  # (N / STUDIES,)


def chunk_losses(model: STDiT, drawn: Batch, weight: Tensor, person_weight: Tensor) -> dict[str, Tensor]:
    """The losses of a batch. `weight` (1, C, T, H, W) of errors, `person_weight` (persons,) of what differs."""
    answer = model(drawn.point, drawn.previous, drawn.text, drawn.t)
    error = velocity_error(answer, drawn.chunk, drawn.noise, drawn.t, "data")
    return split_losses(error * weight, person_weight)


def split_losses(errors: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Errors (persons · STUDIES, ...) -> the square of what a person's studies have in common, and of what differs.

    What differs counts `weight` (persons,) times: it is what the report must tell.
    """
    errors = errors.unflatten(0, (-1, STUDIES)).flatten(2)
    common = errors.mean(1, keepdim=True)
    difference = (errors - common).square().mean((1, 2))
    return {"common": common.square().mean(), "difference": (weight * difference).mean()}


def draw_batch(data: LatentSet, difference: np.ndarray, persons: int, rng: np.random.Generator) -> Batch:
    """Chunks of both studies of some persons, under the same noise, so that only what the reports say differs.

    Times are shifted towards noise. Some reports are dropped. Previous chunks are noised against drift, and now and
    then left out or taken from the other study. `difference`: see `study_difference`.
    """
    device, size = data.padded.device, data.chunk
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**63)))

    def for_each_study(of_persons: Tensor) -> Tensor:
        return of_persons.repeat_interleave(STUDIES, 0)

    def uniform(*dimensions: int) -> Tensor:
        """One number for each person, with so many dimensions behind the first."""
        return for_each_study(torch.rand(persons, *dimensions, generator=generator, device=device))

    def normal() -> Tensor:
        return for_each_study(torch.randn(persons, *chunk.shape[1:], generator=generator, device=device))

    picked = rng.choice(len(data.person_odds), size=persons, p=data.person_odds)
    starts = np.repeat(draw_starts(difference[picked], size, rng) - size, STUDIES)
    picks = (STUDIES * picked[:, None] + np.arange(STUDIES)).flatten()
    previous, chunk = data.windows(picks, starts, 2 * size).split(size, dim=2)
    reports = rng.integers(data.texts.shape[1], size=len(picks))
    text = data.texts[data.place(picks), data.place(reports)].float()
    text = text * (uniform(1) >= NO_TEXT_SHARE)
    t = shifted(uniform(), T_SHIFT)
    level = PREVIOUS_NOISE * uniform(1, 1, 1, 1)
    takes_other = uniform(1, 1, 1, 1) < OTHER_PREVIOUS_SHARE
    other = previous.unflatten(0, (persons, STUDIES)).roll(1, dims=1).flatten(0, 1)
    previous = torch.where(takes_other, other, previous) + level * normal()
    previous = previous * (uniform(1, 1, 1, 1) >= NO_PREVIOUS_SHARE)
    noise = normal()
    point = noised(chunk, noise, t)
    return Batch(chunk, noise, point, previous, text[:, None], t, data.place(picked))


def draw_starts(difference: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """The first slice of a chunk of `size` for each person (N,), whose studies show a `difference` (N, slices).

    A volume's first chunk begins at 0.
    """
    count = len(difference)
    slices = (difference > 0).sum(1)
    aligned = rng.random(count) < ALIGNED_SHARE
    different = (slice_odds(difference).cumsum(1) < rng.random((count, 1))).sum(1).clip(max=slices - 1)
    around = different - np.where(aligned, different % size, np.minimum(different, rng.integers(size, size=count)))
    last = -(-slices // size)  # the chunk after the phantom's end, so that an all-white chunk is seen too
    anywhere = np.where(aligned, size * rng.integers(1, last + 1), rng.integers(1, slices))
    later = np.where(rng.random(count) < DIFFERENCE_SHARE, around, anywhere)
    return np.where(rng.random(count) < FIRST_CHUNK_SHARE, 0, later)


def study_difference(data: LatentSet) -> np.ndarray:
    """(persons, slices): mean square of what differs between the latents of a person's studies.

    0 after the end of the shorter study.
    """
    longest = int(data.slices.max())
    persons = data.padded[:, data.chunk : data.chunk + longest].unflatten(0, (-1, STUDIES))
    squares = [(person.float() - person.float().mean(0)).square().mean((0, 2, 3, 4)) for person in persons.unbind()]
    inside = np.arange(longest) < data.slices.reshape(-1, STUDIES).min(1)[:, None]
    return (torch.stack(squares).double().cpu().numpy() + 1e-9) * inside


def slice_odds(difference: np.ndarray) -> np.ndarray:
    """How likely each slice is drawn for what differs there: as `difference` (persons, slices), of sum 1 by person."""
    roots = np.sqrt(difference)
    return roots / roots.sum(1, keepdims=True)


def report_weight(data: LatentSet) -> Tensor:
    """(1, C, 1, H, W) of mean 1: errors count more where the latents follow from what the reports say.

    Measured by a linear regression of the latents of each chunk on the report's facts. Without this weight the report
    has a hundredth of the loss, beside the build of the body, of which no report speaks.
    """
    count, size = len(data.report_facts), data.chunk
    left, sizes, _ = np.linalg.svd(np.column_stack([data.report_facts, np.ones(count)]), full_matrices=False)
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
    share = (explained / explained.mean().clamp(min=1e-12)).clamp(max=MAX_REPORT_GAIN)
    weight = 1 + REPORT_WEIGHT * share
    return (weight / weight.mean())[None, :, None]


def first_slices_weight(size: int) -> Tensor:
    """(1, 1, size, 1, 1) of mean 1: errors in a chunk's first slices count more."""
    weight = torch.ones(size)
    weight[: len(FIRST_SLICES_WEIGHT)] = torch.tensor(FIRST_SLICES_WEIGHT)
    return (weight / weight.mean()).view(1, 1, -1, 1, 1)


def difference_weight(report_facts: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """(persons,): the less a person's studies should differ, the more errors of the difference count.

    Otherwise a large effusion drowns a nodule. By how much the studies should differ is read off the reports alone, by
    a regression over all persons of `difference` (persons, slices) on `report_facts` (phantoms, facts). The latents
    themselves would favour persons whose studies differ less than most.
    """
    found = (difference * slice_odds(difference)).sum(1)
    facts = report_facts.reshape(len(difference), STUDIES, -1)
    squares = np.square(facts - facts.mean(1, keepdims=True)).sum(1)
    squares = np.column_stack([squares, np.ones(len(squares))])
    return DIFFERENCE_WEIGHT * np.sqrt(TYPICAL_DIFFERENCE / (squares @ nnls(squares, found)[0] + SMALL_DIFFERENCE))
