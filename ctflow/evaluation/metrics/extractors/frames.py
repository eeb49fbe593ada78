"""Features of single slices as 8-bit grey pictures, as CTFlow's authors write them, by Inception-v3. Inferred."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ctflow.checkpoint.unpickle import read_state_dict
from ctflow.checkpoint.weights import file_sha256, fill
from ctflow.evaluation.metrics.extractor import CPU, Found
from ctflow.evaluation.metrics.networks.inception import InceptionV3
from ctflow.model_grid import LEAST_HU, regrid
from ctflow.volume import Volume

NAME = "inception-2015-12-05"
FEATURES, PROBABILITIES = "features", "probabilities"
AXES = ("S", "L", "P")  # slices from feet to head; rows to the left, columns to the back
STEP_MM = 1.5
PLANE = (256, 256)
FRAMES = 201
HU_BLACK, HU_SPAN, GREY_SPAN = -1000, 2400, 306
FRAMES_AT_ONCE = 16
GREY_PICTURES = (
    f"Padding below {LEAST_HU} HU made air, axes {''.join(AXES)}, linear to {STEP_MM} mm, {PLANE[0]} x {PLANE[1]} "
    f"about the middle, {GREY_SPAN} (HU + {-HU_BLACK}) / {HU_SPAN} rounded down to 8 bits, cut or padded with the last "
    f"slice to {FRAMES}"
)
PREPARATION = (
    f"{GREY_PICTURES}; bilinear to 299 as TensorFlow 1, three equal channels. features: after pooling. "
    "probabilities: softmax without the bias."
)


class FramesExtractor:
    """An `Extractor`: kinds FEATURES (FRAMES, 2048) and PROBABILITIES (FRAMES, 1008). In float32."""

    name = NAME
    preparation = PREPARATION

    def __init__(self, network: InceptionV3, weights_sha256: str, device: torch.device = CPU) -> None:
        self.weights_sha256, self._device = weights_sha256, device
        self._network = network.eval().requires_grad_(False).to(device)

    @classmethod
    def load(cls, weights: Path, device: torch.device = CPU) -> FramesExtractor:
        """From torch-fidelity's file. Raises CheckpointError."""
        network = InceptionV3()
        fill(network, read_state_dict(weights), weights)
        return cls(network, file_sha256(weights), device)

    @torch.inference_mode()
    def features(self, volume: Volume) -> Found:
        """One row a frame."""
        found = torch.cat(list(self._batches(grey_frames(volume))))
        return {FEATURES: found.cpu().numpy(), PROBABILITIES: self._network.probabilities(found).cpu().numpy()}

    def _batches(self, frames: np.ndarray) -> Iterator[torch.Tensor]:
        for first in range(0, len(frames), FRAMES_AT_ONCE):
            grey = torch.from_numpy(frames[first : first + FRAMES_AT_ONCE]).to(self._device)
            yield self._network(grey[:, None].expand(-1, 3, -1, -1))


def grey_frames(volume: Volume) -> np.ndarray:
    """-> uint8 (FRAMES, 256, 256)."""
    hu = regrid(volume, AXES, (STEP_MM, STEP_MM, STEP_MM), PLANE).hu[:FRAMES]
    grey = (GREY_SPAN * (hu.astype(np.float32) - HU_BLACK) / HU_SPAN).clip(0, 255).astype(np.uint8)
    return np.pad(grey, ((0, FRAMES - len(grey)), (0, 0), (0, 0)), mode="edge")
