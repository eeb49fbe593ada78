"""Features of the slices along all three axes, as the VLM3D challenge prepares them for its FID 2.5D.

Written from what the challenge's repository (forithmus/VLM3D-Dockers, `compute_fid_2-5d_ct.py`) and MONAI's documents
say; no output of theirs was there to compare with.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ctflow.checkpoint.unpickle import read_state_dict
from ctflow.checkpoint.weights import file_sha256, fill
from ctflow.evaluation.metrics.extractor import CPU, Found
from ctflow.evaluation.metrics.networks.resnet import RadImageNetResNet
from ctflow.hu import AIR_HU
from ctflow.models.squeezenet import SqueezeNet
from ctflow.volume import Volume

SQUEEZENET, RADIMAGENET = "squeezenet1_1", "radimagenet_resnet50"
# The plane of the slices, by the axis (x, y, z) that they are taken along.
PLANES = ("YZ", "ZX", "XY")
AXES = ("R", "A", "S")
STEP_MM = 1.0
SIDE = 512
HU_RANGE = 1000
CHANNEL_MEANS = (0.406, 0.456, 0.485)
SLICES_AT_ONCE = 8
PREPARATION = (
    f"Axes {''.join(AXES)}, linear to {STEP_MM} mm, padded with {AIR_HU} and cropped to {SIDE}³ about the middle, cut "
    f"to ±{HU_RANGE} HU, all slices of an axis to [0, 1] by their least and greatest value, three channels less "
    f"{CHANNEL_MEANS}; the network's answer, averaged over the plane where it has one."
)


class PlanesExtractor:
    """An `Extractor` of every slice along each axis: kinds `PLANES`, each (SIDE, dimensions). In float32."""

    preparation = PREPARATION

    def __init__(self, name: str, network: nn.Module, weights_sha256: str, device: torch.device = CPU) -> None:
        self.name, self.weights_sha256, self._device = name, weights_sha256, device
        self._network = network.eval().requires_grad_(False).to(device)

    @classmethod
    def squeezenet(cls, weights: Path, device: torch.device = CPU) -> PlanesExtractor:
        """From torchvision's file. Raises CheckpointError."""
        return cls._filled(SQUEEZENET, SqueezeNet(), weights, device)

    @classmethod
    def radimagenet(cls, weights: Path, device: torch.device = CPU) -> PlanesExtractor:
        """From the file of Warvito/radimagenet-models. Raises CheckpointError."""
        return cls._filled(RADIMAGENET, RadImageNetResNet(), weights, device)

    @classmethod
    def _filled(cls, name: str, network: nn.Module, weights: Path, device: torch.device) -> PlanesExtractor:
        fill(network, read_state_dict(weights), weights)
        return cls(name, network, file_sha256(weights), device)

    @torch.inference_mode()
    def features(self, volume: Volume) -> Found:
        """By plane, one row a slice."""
        hu = cropped(at_one_mm(volume))
        return {plane: np.concatenate(list(self._along(hu, axis))) for axis, plane in enumerate(PLANES)}

    def _along(self, hu: Tensor, axis: int) -> Iterator[np.ndarray]:
        least, most = _ends(hu)
        for first in range(0, SIDE, SLICES_AT_ONCE):
            slices = padded_slices(hu, axis, first, first + SLICES_AT_ONCE)
            pictures = ((slices - least) / (most - least + 1e-10))[:, None] - torch.tensor(CHANNEL_MEANS)[:, None, None]
            found = self._network(pictures.to(self._device))
            yield (found.mean((2, 3)) if found.ndim == 4 else found).cpu().numpy()


def at_one_mm(volume: Volume) -> Tensor:
    """-> float32 (x, y, z) in HU cut to the range, along AXES; samples begin at the first voxel, STEP_MM apart."""
    turned, spacing_mm = volume.along(AXES)
    hu = torch.from_numpy(turned.astype(np.float32))
    for axis, step in enumerate(spacing_mm):
        hu = _resampled(hu, axis, STEP_MM / step)
    return hu.clamp_(-HU_RANGE, HU_RANGE)


def _resampled(hu: Tensor, axis: int, step: float) -> Tensor:
    """Linear along one axis, at places `step` voxels apart; beyond the last voxel its value goes on."""
    count = round((hu.shape[axis] - 1) / step) + 1
    places = (torch.arange(count, dtype=torch.float64) * step).clamp_max(hu.shape[axis] - 1)
    before = places.floor().long()
    after = (before + 1).clamp_max(hu.shape[axis] - 1)
    share = (places - before).float().reshape([-1 if a == axis else 1 for a in range(3)])
    return torch.lerp(hu.index_select(axis, before), hu.index_select(axis, after), share)


def cropped(hu: Tensor) -> Tensor:
    """The middle SIDE of every axis that is longer."""
    for axis, count in enumerate(hu.shape):
        if count > SIDE:
            hu = hu.narrow(axis, count // 2 - SIDE // 2, SIDE)
    return hu


def _ends(hu: Tensor) -> tuple[float, float]:
    """The least and greatest value once it is padded."""
    least, most = hu.min().item(), hu.max().item()
    return (min(least, AIR_HU), max(most, AIR_HU)) if min(hu.shape) < SIDE else (least, most)


def padded_slices(hu: Tensor, axis: int, first: int, end: int) -> Tensor:
    """Slices [first, end) along an axis of the volume padded to SIDE, (slices, SIDE, SIDE): it never lies in memory."""
    before = [(SIDE - count) // 2 for count in hu.shape]
    padded = torch.full((end - first, SIDE, SIDE), float(AIR_HU))
    low, high = max(first, before[axis]), min(end, before[axis] + hu.shape[axis])
    if low < high:
        inside = hu.narrow(axis, low - before[axis], high - low).movedim(axis, 0)
        row, column = (before[a] for a in range(3) if a != axis)
        rows, columns = inside.shape[1:]
        padded[low - first : high - first, row : row + rows, column : column + columns] = inside
    return padded
