"""Does a model's end rule cut what turns white, and nothing else? Asked of phantoms, then of the model's own volumes.

Phantoms tell the rule's two errors, because it is known of their slices which are chest and which are half white.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from ctflow.card import EndRule, ModelCard
from ctflow.checkpoint.networks import Checkpoint
from ctflow.evaluation.border import border_shares, changes, is_garbage
from ctflow.evaluation.statistics import Estimate, share
from ctflow.generator import VolumeGenerator, generate
from ctflow.model_grid import ModelGrid
from ctflow.phantom import draw_truth, make_phantom, write_report
from ctflow.report import Report
from ctflow.volume import Volume
from ctflow.volume_end import volume_end

PHANTOM_SEED = 2 * 10**6  # far from the phantoms of every training
LAST_SLICES = 8  # of each phantom are turned white
WHITE_PARTS = (0.2, 0.4, 0.6, 0.8)
NEVER = EndRule(tolerance=0.0, share=1.0)  # no slice has more than all of its elements near white


@dataclass(frozen=True)
class EndError:
    """One row of the table: how often the rule errs so."""

    name: str
    estimate: Estimate


@torch.inference_mode()
def measure_end(checkpoint: Checkpoint, phantoms: int) -> Iterator[EndError]:
    """The errors of the end rule of the checkpoint's card, counted in so many phantoms through its A-VAE."""
    end = volume_end(checkpoint.card, checkpoint.avae)
    white_hu = checkpoint.card.intensity.hu_white
    chest: list[bool] = []
    last: list[bool] = []
    turned: dict[str, list[bool]] = {}
    for seed in range(PHANTOM_SEED, PHANTOM_SEED + phantoms):
        hu = _slices(checkpoint.card, seed)
        latents = _encode(checkpoint, hu)
        found = end.is_end(latents)
        chest += found
        last.append(found[-1])
        for name, half_white in _turning(checkpoint, hu[-LAST_SLICES:], latents[:, -LAST_SLICES:], white_hu):
            turned.setdefault(name, []).extend(not ends for ends in end.is_end(half_white))
    yield EndError("chest slices cut off", share(sum(chest), len(chest)))
    yield EndError("chests whose last slice is cut off", share(sum(last), len(last)))
    for name, kept in turned.items():
        yield EndError(name, share(sum(kept), len(kept)))
    everything = [kept for group in turned.values() for kept in group]
    yield EndError("all of these slices, kept", share(sum(everything), len(everything)))


def _turning(checkpoint: Checkpoint, hu: np.ndarray, latents: Tensor, white_hu: int) -> Iterator[tuple[str, Tensor]]:
    """These slices while they turn white, in three ways, and when they are white: names and latents."""
    white = _encode(checkpoint, np.full_like(hu, white_hu))
    for part in WHITE_PARTS:
        yield "half-white slices kept: latents between chest and white", torch.lerp(latents, white, part)
        between = (hu + part * (white_hu - hu.astype(np.float32))).astype(np.int16)
        yield "half-white slices kept: pictures between chest and white", _encode(checkpoint, between)
    for axis, part in product((1, 2), WHITE_PARTS):
        beside = hu.copy()
        beside.swapaxes(0, axis)[: round(part * hu.shape[axis])] = white_hu
        yield "half-white slices kept: one side of the picture is white", _encode(checkpoint, beside)
    yield "white slices kept", white


def _encode(checkpoint: Checkpoint, hu: np.ndarray) -> Tensor:
    """HU (slices, rows, columns) on the model's grid -> latents (C, slices, H, W)."""
    return checkpoint.avae.encode(torch.from_numpy(checkpoint.card.intensity.to_intensity(hu))).transpose(0, 1)


def _slices(card: ModelCard, seed: int) -> np.ndarray:
    """int16 HU (slices, rows, columns) of a phantom without noise, on the model's grid."""
    phantom, grid = make_phantom(seed), ModelGrid(card.geometry)
    return grid.to_model(grid.bring(Volume(phantom.clean, phantom.volume.affine)).hu)


@dataclass(frozen=True, kw_only=True)
class VolumeEnding:
    """How one volume ends. `slices`: of the volume; `garbage`: of them.

    `cut`: slices that the end rule cut off, of those that fit into the model's chunks; `chest_cut`: those of them
    whose border is air. `border_share` and `change`: the largest of the last two slices, see `evaluation.border`.
    """

    report: int
    seed: int
    slices: int
    garbage: int
    cut: int
    chest_cut: int
    border_share: float
    change: float


def draw_reports(count: int) -> list[Report]:
    """Reports of persons that no training has seen."""
    return [write_report(draw_truth(rng), rng) for rng in np.random.default_rng(PHANTOM_SEED).spawn(count)]


def measure_volumes(
    generator: VolumeGenerator, endless: VolumeGenerator, reports: Iterable[Report], seeds: int
) -> Iterator[VolumeEnding]:
    """Volumes of each report and the seeds 0, 1, …, of as many chunks as the model makes.

    `endless`: the same model with NEVER for an end rule, which shows what was cut off.
    """
    for (i, report), seed in product(enumerate(reports), range(seeds)):
        chunks = generator.card.geometry.max_chunks
        hu, whole = (generate(one, one.card.request(report, seed, chunks=chunks)).hu for one in (generator, endless))
        cut = whole[len(hu) :]
        yield VolumeEnding(
            report=i,
            seed=seed,
            slices=len(hu),
            garbage=int(is_garbage(hu).sum()),
            cut=len(cut),
            chest_cut=int((~is_garbage(cut)).sum()),
            border_share=float(border_shares(hu[-2:]).max()),
            change=float(changes(hu)[-2:].max()),
        )


ERRORS_HEAD = "| end rule on phantoms never seen | share (95 % interval) | n |\n|---|---|---|"
VOLUMES_HEAD = (
    "| report | seed | slices | garbage among them | cut off | chest among them | border above air, last two "
    "| change, last two |\n|---|---|---|---|---|---|---|---|"
)


def error_line(error: EndError) -> str:
    """A line of the table under ERRORS_HEAD."""
    value = error.estimate
    return f"| {error.name} | {value.value:.1%} ({value.low:.1%}–{value.high:.1%}) | {value.n} |"


def volume_line(ending: VolumeEnding) -> str:
    """A line of the table under VOLUMES_HEAD."""
    return (
        f"| {ending.report} | {ending.seed} | {ending.slices} | {ending.garbage} | {ending.cut} | {ending.chest_cut} "
        f"| {ending.border_share:.0%} | {ending.change:.0f} HU |"
    )
