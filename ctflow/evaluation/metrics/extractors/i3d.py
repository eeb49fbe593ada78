"""Features of runs of slices as videos, by I3D, as StyleGAN-V counts its FVD. Inferred, as `frames` is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from ctflow.checkpoint.weights import file_sha256
from ctflow.evaluation.metrics.extractor import CPU, Found
from ctflow.evaluation.metrics.extractors.frames import GREY_PICTURES, grey_frames
from ctflow.evaluation.metrics.networks.i3d import Network, load_i3d
from ctflow.volume import Volume

NAME = "i3d"
LENGTHS = (16, 128)  # slices of a run
PREPARATION = (
    f"{GREY_PICTURES}; three equal channels; rescaled and resized by the program itself; before the softmax. first: "
    "the first slices. window: one run of slices, drawn from the hash of all of them."
)


def first(length: int) -> str:
    """The kind of feature of the first slices of a volume, as many as `length`."""
    return f"first {length}"


def window(length: int) -> str:
    """The kind of feature of a run of so many slices, drawn for each volume."""
    return f"window {length}"


class I3DExtractor:
    """An `Extractor`: kinds `first` and `window` of all LENGTHS, each (1, 400). In float32."""

    name = NAME
    preparation = PREPARATION

    def __init__(self, network: Network, weights_sha256: str, device: torch.device = CPU) -> None:
        self.weights_sha256, self._device = weights_sha256, device
        self._network = network

    @classmethod
    def load(cls, weights: Path, device: torch.device = CPU) -> I3DExtractor:
        """From the published program. Raises CheckpointError."""
        return cls(load_i3d(weights, device), file_sha256(weights), device)

    def features(self, volume: Volume) -> Found:
        """One row of each kind."""
        slices = grey_frames(volume)
        found = {first(length): self._of(slices[:length]) for length in LENGTHS}
        begins = {length: window_start(slices, length) for length in LENGTHS}
        return found | {window(length): self._of(slices[at : at + length]) for length, at in begins.items()}

    @torch.inference_mode()
    def _of(self, slices: np.ndarray) -> np.ndarray:
        video = torch.from_numpy(slices)[None, None].to(self._device).expand(-1, 3, -1, -1, -1)
        return self._network(video).float().cpu().numpy()


def window_start(slices: np.ndarray, length: int) -> int:
    """Where the run begins that is drawn: the same for the same slices (uint8), whatever their file is called."""
    seed = int.from_bytes(hashlib.sha256(slices.tobytes()).digest()[:8])
    return int(np.random.default_rng(seed).integers(len(slices) - length + 1))
