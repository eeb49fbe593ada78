"""Training of the transformer: from a report and the previous chunk to the next one.

It learns to answer with the data, not the velocity: noise would have to pass through every layer, and a hidden size
as small as ours has no room for it beside the anatomy. The sampler turns the answer into the velocity.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ctflow.flow import path, shifted
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT
from ctflow.training.loop import Stage, note_network, train
from ctflow.training.phantoms import STUDIES

NO_TEXT_SHARE = 0.1
PREVIOUS_NOISE = 0.3  # at most: what generation gives as the previous chunk is never quite right
NO_PREVIOUS_SHARE = 0.2  # of the chunks see zeros in its place: what it shows, the report need not tell
OTHER_PREVIOUS_SHARE = 0.25  # see the person's other study there: where the two disagree, the report is right
TOLD_WEIGHT, MOST_TOLD = 3.0, 12.0  # see `told_weight`
APART_WEIGHT = 4.0  # of what differs between a person's studies, beside all that does not
TYPICAL, LEAST = 0.01, 0.0002  # mean square of what differs in a chunk: of a middling finding, of hardly any
JOIN_WEIGHT = (3.0, 2.0)  # of a chunk's first slices, whose errors are seen as a step from the chunk before
DIFFER_SHARE = 0.6  # of the chunks after the first are drawn where the studies differ
# A large effusion shows through all but the strongest noise, so the report is needed, and learnt, only near t = 1.
T_SHIFT = 5.0
FIRST_CHUNK_SHARE = 0.3  # it has nothing but the report to go by
SMALLEST_T = 0.3  # an error of the data is one of the velocity times t: its weight, but not without bound
ALIGNED_SHARE = 0.5  # of the other chunks begin where generation would; the rest begin anywhere


@dataclass(frozen=True, eq=False)
class LatentSet:
    """Scaled latents per phantom (C, slices, H, W) and the black and the white slice's codes (C, H, W).

    The phantoms are STUDIES of one person, then those of the next.
    """

    volumes: list[Tensor]
    black: Tensor
    white: Tensor
    texts: Tensor  # (phantoms, reports, D), several reports of the same truth
    told: np.ndarray  # (phantoms, facts), what the reports say, in numbers
    odds: np.ndarray  # (persons,), how often each is drawn; their sum is 1


@torch.inference_mode()
def encode_volume(avae: AVAE, intensity: np.ndarray, batch: int = 16) -> Tensor:
    """float32 intensity (slices, rows, columns) -> latents (C, slices, H, W)."""
    slices = torch.from_numpy(intensity)
    return torch.cat([avae.encode(part) for part in slices.split(batch)]).transpose(0, 1).contiguous()


def window(data: LatentSet, index: int, start: int, size: int) -> Tensor:
    """`size` slices of a phantom from `start` on: black before it, white after it."""
    volume = data.volumes[index]
    picks = range(start, start + size)
    slices = [data.black if i < 0 else volume[:, i] if i < volume.shape[1] else data.white for i in picks]
    return torch.stack(slices, dim=1)


def told_weight(data: LatentSet, size: int) -> Tensor:
    """(1, C, 1, H, W) of mean 1: where latents follow from what the reports say, errors count more.

    Measured by a linear regression of the latents of each chunk on `told`. Without it the report has a share of a
    hundredth in the loss, beside the build of the body, which no report tells.
    """
    facts = np.column_stack([data.told, np.ones(len(data.told))])
    count, dimensions = len(facts), np.linalg.matrix_rank(facts)
    explained = np.zeros(data.black.shape)
    for start in range(0, min(volume.shape[1] for volume in data.volumes), size):
        chunks = torch.stack([window(data, i, start, size) for i in range(count)]).numpy()
        spread = (chunks - chunks.mean(0)).reshape(count, -1)
        rest = spread - facts @ np.linalg.lstsq(facts, spread, rcond=None)[0]
        by_chance = rest.var(0) * dimensions / max(count - dimensions, 1)
        explained += (spread.var(0) - rest.var(0) - by_chance).reshape(chunks.shape[1:]).mean(1)
    share = np.clip(explained, 0, None) / max(np.clip(explained, 0, None).mean(), 1e-12)
    weight = torch.from_numpy(1 + TOLD_WEIGHT * np.minimum(share, MOST_TOLD)).float()
    return (weight / weight.mean())[None, :, None]


def join_weight(size: int) -> Tensor:
    """(1, 1, size, 1, 1) of mean 1."""
    weight = torch.ones(size)
    weight[: len(JOIN_WEIGHT)] = torch.tensor(JOIN_WEIGHT)
    return (weight / weight.mean()).view(1, 1, -1, 1, 1)


def differing(data: LatentSet) -> list[np.ndarray]:
    """Per person (slices,), of sum 1: by how much the latents of the studies differ."""
    odds = []
    for first in range(0, len(data.volumes), STUDIES):
        slices = min(volume.shape[1] for volume in data.volumes[first : first + STUDIES])
        studies = torch.stack([volume[:, :slices] for volume in data.volumes[first : first + STUDIES]])
        difference = (studies - studies.mean(0)).abs().mean((0, 1, 3, 4)).double().numpy() + 1e-6
        odds.append(difference / difference.sum())
    return odds


def draw_start(differ: np.ndarray, size: int, rng: np.random.Generator) -> int:
    """The first slice of a chunk in a phantom whose studies `differ` (slices,) so; 0 for a volume's first chunk."""
    if rng.random() < FIRST_CHUNK_SHARE:
        return 0
    slices, aligned = len(differ), rng.random() < ALIGNED_SHARE
    if rng.random() < DIFFER_SHARE:
        inside = int(rng.choice(slices, p=differ))
        return inside - (inside % size if aligned else min(inside, int(rng.integers(size))))
    last = -(-slices // size)  # chunk after the phantom's end, so that an all-white chunk is seen too
    chunk = int(rng.integers(1, last + 1))
    return chunk * size if aligned else int(rng.integers(1, slices))


class Batch(NamedTuple):
    """Chunks (N, C, T, H, W), noised to times t (N,), with what the model is given beside them."""

    chunk: Tensor
    point: Tensor
    previous: Tensor
    text: Tensor  # (N, 1, D)
    t: Tensor


def draw_batch(data: LatentSet, differ: list[np.ndarray], size: int, persons: int, rng: np.random.Generator) -> Batch:
    """t shifted to noise, reports dropped, the previous chunk noised against drift.

    The studies of a person come together and under the same noise, so that nothing but what is told differs.
    """

    def for_each_study(of_persons: np.ndarray) -> Tensor:
        return torch.from_numpy(of_persons.repeat(STUDIES, axis=0))

    picked = rng.choice(len(data.odds), size=persons, p=data.odds)
    starts = np.repeat([draw_start(differ[person], size, rng) - size for person in picked], STUDIES)
    picks = (STUDIES * picked[:, None] + np.arange(STUDIES)).flatten()
    pairs = torch.stack([window(data, i, start, 2 * size) for i, start in zip(picks, starts, strict=True)])
    previous, chunk = pairs.split(size, dim=2)
    text = data.texts[picks, rng.integers(data.texts.shape[1], size=len(picks))].float()
    text = text * for_each_study(rng.random((persons, 1)) >= NO_TEXT_SHARE)
    t = shifted(for_each_study(rng.random(persons, np.float32)), T_SHIFT)
    noise, previous_noise = (
        for_each_study(rng.standard_normal((persons, *chunk.shape[1:]), np.float32)) for _ in range(2)
    )
    level = PREVIOUS_NOISE * for_each_study(rng.random((persons, 1, 1, 1, 1), np.float32))
    seen = for_each_study(rng.random((persons, 1, 1, 1, 1)) >= NO_PREVIOUS_SHARE)
    other = for_each_study(rng.random((persons, 1, 1, 1, 1)) < OTHER_PREVIOUS_SHARE)
    others = previous.unflatten(0, (persons, STUDIES)).roll(1, dims=1).flatten(0, 1)
    previous = (torch.where(other, others, previous) + level * previous_noise) * seen
    return Batch(chunk, path(chunk, noise, t.view(-1, 1, 1, 1, 1)), previous, text[:, None], t)


def train_transformer(stage: Stage, model: STDiT, data: LatentSet, batch: int) -> STDiT:
    """Flow matching on chunk pairs of `draw_batch`."""
    size = model.config.input_size[0]
    weight, differ = (told_weight(data, size) * join_weight(size)).sqrt(), differing(data)
    note_network(stage, model.config)

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        drawn = draw_batch(data, differ, size, batch // STUDIES, rng)
        chunk, point, previous, text, t = (part.to(device) for part in drawn)
        error = model(point, previous, text, t).float() - chunk
        error = error / t.clamp(min=SMALLEST_T).view(-1, 1, 1, 1, 1)
        return apart(error * weight.to(device), chunk)

    return train(stage, model, losses)


def apart(errors: Tensor, chunks: Tensor) -> dict[str, Tensor]:
    """Squared errors (persons · STUDIES, ...), what a person's studies have in common apart from what they have not.

    The less the studies' `chunks` (same shape) differ, the more it counts: else a large effusion drowns a nodule.
    """

    def split(values: Tensor) -> tuple[Tensor, Tensor]:
        values = values.unflatten(0, (-1, STUDIES)).flatten(2)
        common = values.mean(1, keepdim=True)
        return common, values - common

    (common, told), (_, difference) = split(errors), split(chunks)
    weight = APART_WEIGHT * (TYPICAL / (difference.square().mean((1, 2)) + LEAST)).sqrt()
    return {"common": common.square().mean(), "told": (weight * told.square().mean((1, 2))).mean()}
