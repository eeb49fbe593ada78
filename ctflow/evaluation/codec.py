"""How well an A-VAE keeps a chest: phantoms are encoded and decoded, and the two pictures compared."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ctflow.checkpoint.networks import Checkpoint
from ctflow.evaluation.statistics import Estimate, mean
from ctflow.model_grid import ModelGrid
from ctflow.phantom import make_phantom
from ctflow.volume import Volume

PHANTOM_SEED = 2 * 10**6  # far from the phantoms of every training
STEP = 2  # every second slice is enough
TISSUES = {"lung": (-950, -600), "soft tissue": (-150, 120), "bone": (200, 1400)}
LUNG_EDGE_HU = -600  # means over 5 x 5 pixels are lower inside the lungs
OUTSIDE_HU = -960  # the air outside is darker than lung
BODY_ABOVE_HU = -950
FINE_PIXELS = 2.0  # the sigma of a Gaussian that blurs fine things away: vessels, fissures, bronchi


@dataclass(frozen=True)
class CodecMeasure:
    """One row of the table: a measure over all phantoms."""

    name: str
    estimate: Estimate


@dataclass(frozen=True, kw_only=True)
class _PhantomErrors:
    """What is measured in one phantom, in HU where nothing else is said."""

    by_tissue: dict[str, float]
    fine_kept: float  # as a share
    grid: float
    between: float
    average: float


def measure_codec(checkpoint: Checkpoint, phantoms: int) -> Iterator[CodecMeasure]:
    """HU lost in each tissue, fine contrast kept in the lungs, a grid of latents, and how smooth the latents are.

    Smooth means: halfway between the codes of two slices lies the slice between them, not two pictures in one.
    """
    found = [_measured(checkpoint, PHANTOM_SEED + i) for i in range(phantoms)]
    for tissue in TISSUES:
        errors = [one.by_tissue[tissue] for one in found]
        yield CodecMeasure(f"mean absolute error in {tissue}, HU", mean(errors))
    yield CodecMeasure("contrast kept of fine structures in the lungs", mean([one.fine_kept for one in found]))
    yield CodecMeasure("grid left by the latents, HU", mean([one.grid for one in found]))
    yield CodecMeasure("slice halfway between two codes, error in HU", mean([one.between for one in found]))
    yield CodecMeasure("average of the two pictures, error in HU", mean([one.average for one in found]))


@torch.inference_mode()
def _measured(checkpoint: Checkpoint, seed: int) -> _PhantomErrors:
    intensity = checkpoint.card.intensity

    def decode(latents: Tensor) -> np.ndarray:
        return intensity.to_hu(checkpoint.avae.decode(latents).float().numpy()).astype(np.float32)

    clean = _slices(checkpoint, seed)
    latents = checkpoint.avae.encode(torch.from_numpy(intensity.to_intensity(clean)))
    truth, seen = clean.astype(np.float32), decode(latents)
    error = np.abs(seen - truth)
    between, average = decode((latents[:-2] + latents[2:]) / 2), (truth[:-2] + truth[2:]) / 2
    middle, body = truth[1:-1], truth[1:-1] > BODY_ABOVE_HU
    return _PhantomErrors(
        by_tissue={name: float(error[(truth > low) & (truth < high)].mean()) for name, (low, high) in TISSUES.items()},
        fine_kept=_fine_kept(truth, seen),
        grid=_grid(seen - truth, clean.shape[1] // latents.shape[2]),
        between=float(np.abs(between - middle)[body].mean()),
        average=float(np.abs(average - middle)[body].mean()),
    )


def _slices(checkpoint: Checkpoint, seed: int) -> np.ndarray:
    """int16 HU (slices, rows, columns) of a phantom without noise, on the model's grid."""
    phantom, grid = make_phantom(seed), ModelGrid(checkpoint.card.geometry)
    return grid.to_model(grid.bring(Volume(phantom.clean, phantom.volume.affine)).hu)[::STEP]


def _fine_kept(truth: np.ndarray, seen: np.ndarray) -> float:
    """The share of the fine contrast in the lungs that is still there: 1 if all of it is, 0 if none."""
    smooth = ndimage.uniform_filter(truth, (1, 5, 5))
    lung = ndimage.binary_erosion((smooth < LUNG_EDGE_HU) & (truth > OUTSIDE_HU), iterations=2)
    fine, fine_seen = _fine(truth), _fine(seen)
    return float((fine * fine_seen)[lung].sum() / np.square(fine)[lung].sum())


def _fine(hu: np.ndarray) -> np.ndarray:
    return hu - ndimage.gaussian_filter(hu, (0, FINE_PIXELS, FINE_PIXELS))


def _grid(error: np.ndarray, cell: int) -> float:
    """Standard deviation of the mean error over the places within a latent's cell, in HU. Chance leaves some, too."""
    slices, rows, columns = error.shape
    cells = error.reshape(slices, rows // cell, cell, columns // cell, cell)
    return float(cells.mean((0, 1, 3)).std())


HEAD = "| A-VAE on phantoms never seen | value (95 % interval) | n |\n|---|---|---|"


def markdown(measure: CodecMeasure) -> str:
    """A line of the table under `HEAD`."""
    estimate = measure.estimate
    interval = "" if math.isnan(estimate.low) else f" ({estimate.low:.2f}–{estimate.high:.2f})"
    return f"| {measure.name} | {estimate.value:.2f}{interval} | {estimate.n} |"
