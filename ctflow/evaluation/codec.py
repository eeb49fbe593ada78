"""How well an A-VAE keeps a chest: phantoms in, the same slices out. Read off the pictures, without any network."""

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

SEED = 2 * 10**6  # far from the phantoms of any training
EVERY = 2  # every second slice is enough
TISSUES = {"lung": (-950, -600), "soft tissue": (-150, 120), "bone": (200, 1400)}
FINE_PIXELS = 2.0  # what a Gaussian of this sigma blurs away is fine: vessels, fissures, bronchi


@dataclass(frozen=True)
class Row:
    """One measure over some phantoms."""

    name: str
    estimate: Estimate


@dataclass(frozen=True)
class _Sums:
    """Per phantom."""

    errors: dict[str, float]
    fine_kept: float
    grid_hu: float
    between_hu: float
    average_hu: float


def measure(checkpoint: Checkpoint, phantoms: int) -> Iterator[Row]:
    """HU lost in each tissue, fine contrast kept in the lungs, a grid of latents, and how smooth the latents are.

    Smooth means: half-way between the codes of two slices lies the slice between them, not two pictures in one.
    """
    found = [_measured(checkpoint, SEED + i) for i in range(phantoms)]
    for tissue in TISSUES:
        yield Row(f"mean absolute error in {tissue}, HU", mean([one.errors[tissue] for one in found]))
    yield Row("contrast kept of fine structures in the lungs", mean([one.fine_kept for one in found]))
    yield Row("grid left by the latents, HU", mean([one.grid_hu for one in found]))
    yield Row("slice half-way between two codes, error in HU", mean([one.between_hu for one in found]))
    yield Row("average of the two pictures, error in HU", mean([one.average_hu for one in found]))


@torch.inference_mode()
def _measured(checkpoint: Checkpoint, seed: int) -> _Sums:
    phantom, frame = make_phantom(seed), ModelGrid(checkpoint.card.geometry)
    clean = frame.to_model(frame.bring(Volume(phantom.clean, phantom.volume.affine)).hu)[::EVERY]
    to_intensity, to_hu = checkpoint.card.intensity.to_intensity, checkpoint.card.intensity.to_hu

    def decode(latents: Tensor) -> np.ndarray:
        return to_hu(checkpoint.avae.decode(latents).float().numpy()).astype(np.float32)

    latents = checkpoint.avae.encode(torch.from_numpy(to_intensity(clean)))
    truth, seen = clean.astype(np.float32), decode(latents)
    cell = clean.shape[1] // latents.shape[2]
    lung = ndimage.binary_erosion((ndimage.uniform_filter(truth, (1, 5, 5)) < -600) & (truth > -960), iterations=2)
    fine, fine_seen = (hu - ndimage.gaussian_filter(hu, (0, FINE_PIXELS, FINE_PIXELS)) for hu in (truth, seen))
    between, average = decode((latents[:-2] + latents[2:]) / 2), (truth[:-2] + truth[2:]) / 2
    body = truth[1:-1] > -950
    return _Sums(
        errors={name: float(np.abs(seen - truth)[(truth > low) & (truth < high)].mean())
                for name, (low, high) in TISSUES.items()},
        fine_kept=float((fine * fine_seen)[lung].sum() / np.square(fine)[lung].sum()),
        grid_hu=_grid(seen - truth, cell),
        between_hu=float(np.abs(between - truth[1:-1])[body].mean()),
        average_hu=float(np.abs(average - truth[1:-1])[body].mean()),
    )  # fmt: skip


def _grid(error: np.ndarray, cell: int) -> float:
    """Standard deviation of the mean error over the places within a latent's cell, in HU; what chance leaves too."""
    slices, rows, columns = error.shape
    cells = error.reshape(slices, rows // cell, cell, columns // cell, cell)
    return float(cells.mean((0, 1, 3)).std())


def markdown(row: Row) -> str:
    """A line of the table under `HEAD`."""
    e = row.estimate
    return f"| {row.name} | {e.value:.2f} ({e.low:.2f}–{e.high:.2f}) | {e.n} |"


HEAD = "| A-VAE on phantoms never seen | value (95 % interval) | n |\n|---|---|---|"
