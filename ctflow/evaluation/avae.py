"""How well an A-VAE keeps slices: PSNR, FID of what it decodes, and FID of what it decodes between two neighbours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ctflow.card import Geometry, ModelCard
from ctflow.checkpoint.folder import CTCLIP, TEXT, files_sha256, load_clip
from ctflow.checkpoint.unpickle import read_state_dict
from ctflow.checkpoint.weights import file_sha256, fill
from ctflow.evaluation.metrics.extractors.frames import GREY_SPAN, HU_BLACK, HU_SPAN
from ctflow.evaluation.metrics.extractors.frames import NAME as INCEPTION
from ctflow.evaluation.metrics.frechet import frechet_distance
from ctflow.evaluation.metrics.networks.inception import InceptionV3
from ctflow.io.files import write_atomic
from ctflow.model_grid import ModelGrid
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.models.avae import AVAE
from ctflow.models.ctclip import CTClip
from ctflow.models.ctclip_input import CT_RATE_AXES, on_clip_grid
from ctflow.volume import Volume

TOWER = "image tower"


class SliceFeatures(Protocol):
    """Makes numbers of single slices: int16 HU (slices, rows, columns) on the model's axes -> (slices, dimensions).

    `name` and `weights_sha256` say which network it is.
    """

    @property
    def name(self) -> str: ...

    @property
    def weights_sha256(self) -> str: ...

    def __call__(self, hu: np.ndarray) -> NDArray[np.float32]: ...


@dataclass(frozen=True, kw_only=True)
class AvaeMeasures:
    """`psnr_db`: of the mean square over all `slices`, against the whole range of HU. FID is counted from `dimensions`
    features of each; without a network there are none."""

    slices: int
    psnr_db: float
    dimensions: int
    fid_reconstructions: float | None
    fid_midpoints: float | None


@torch.inference_mode()
def measure_avae(
    network: AutoencoderKL, card: ModelCard, volumes: Iterable[np.ndarray], features: SliceFeatures | None
) -> AvaeMeasures:
    """Measures on pairs of neighbouring slices of volumes: int16 HU (pairs, 2, rows, columns) on the model's axes."""
    avae, intensity = AVAE(network, scale=1, shift=0), card.intensity

    def decoded(codes: Tensor) -> np.ndarray:
        return intensity.to_hu(avae.decode(codes).float().cpu().numpy())

    square, count, slices = 0.0, 0, 0
    by_kind: dict[str, list[NDArray[np.float32]]] = {"real": [], "decoded": [], "between": []}
    for pairs in volumes:
        pixels = intensity.to_intensity(pairs.reshape(-1, *pairs.shape[2:]))
        codes = avae.encode(torch.from_numpy(pixels).to(network.device))
        pictures = {
            "real": intensity.to_hu(pixels),
            "decoded": decoded(codes),
            "between": decoded(codes.unflatten(0, (-1, 2)).mean(1)),
        }
        square += float(np.square(pictures["real"].astype(np.float64) - pictures["decoded"]).sum())
        count += pixels.size
        slices += len(pixels)
        if features:
            for kind, hu in pictures.items():
                by_kind[kind].append(features(hu))
    found = {kind: np.concatenate(some) for kind, some in by_kind.items() if some}
    whole_range = intensity.hu_white - intensity.hu_black
    return AvaeMeasures(
        slices=slices,
        dimensions=found["real"].shape[1] if found else 0,
        psnr_db=10 * float(np.log10(whole_range**2 / (square / count))),
        fid_reconstructions=frechet_distance(found["real"], found["decoded"]) if found else None,
        fid_midpoints=frechet_distance(found["real"], found["between"]) if found else None,
    )


class TowerFeatures:
    """`SliceFeatures` of a CT-CLIP's image tower: mean and standard deviation over the plane of its tokens, before the
    codebook, of a slice that is repeated to fill one group of slices."""

    name = TOWER

    def __init__(self, clip: CTClip, geometry: Geometry, weights_sha256: str) -> None:
        self.weights_sha256 = weights_sha256
        self._clip, self._grid = clip.eval().requires_grad_(False), ModelGrid(geometry)

    @classmethod
    def load(cls, folder: Path, geometry: Geometry) -> TowerFeatures:
        """From a checkpoint folder with an image tower. Raises CheckpointError."""
        clip, _ = load_clip(folder)
        parts = [path for part in (CTCLIP, TEXT) for path in (folder / part).iterdir() if path.is_file()]
        return cls(clip, geometry, files_sha256(folder, parts))

    def __call__(self, hu: np.ndarray) -> NDArray[np.float32]:
        config, tower = self._clip.config, self._clip.visual_transformer
        turned, (_, x_mm, y_mm) = Volume(self._grid.to_volume(hu), self._grid.affine).along(CT_RATE_AXES)
        # As if the slices lay on the tower's grid, so that none are mixed.
        spacing_mm = (config.spacing_mm[0], x_mm, y_mm)
        size = (len(hu), config.image_size, config.image_size)
        slices = on_clip_grid(turned, spacing_mm, size, config.spacing_mm)[0]
        image = slices[:, None, None].repeat_interleave(config.temporal_patch_size, dim=2)
        tokens = tower.along_slices(tower.in_planes(tower.patches(image))).flatten(1, 3)
        return torch.cat([tokens.mean(1), tokens.std(1)], dim=1).numpy()


class InceptionFeatures:
    """`SliceFeatures` of the Inception-v3 of 2015-12-05, of slices as 8-bit grey pictures."""

    name = INCEPTION

    def __init__(self, network: InceptionV3, weights_sha256: str) -> None:
        self.weights_sha256 = weights_sha256
        self._network = network.eval().requires_grad_(False)

    @classmethod
    def load(cls, weights: Path) -> InceptionFeatures:
        """From torch-fidelity's file. Raises CheckpointError."""
        network = InceptionV3()
        fill(network, read_state_dict(weights), weights)
        return cls(network, file_sha256(weights))

    def __call__(self, hu: np.ndarray) -> NDArray[np.float32]:
        grey = (GREY_SPAN * (hu.astype(np.float32) - HU_BLACK) / HU_SPAN).clip(0, 255).astype(np.uint8)
        return self._network(torch.from_numpy(grey)[:, None].expand(-1, 3, -1, -1)).numpy()


@dataclass(frozen=True, kw_only=True)
class AvaeComparison:
    """An A-VAE before and after it was tuned, on slices that it was not tuned on. `features`: the network's name."""

    before: AvaeMeasures
    after: AvaeMeasures
    features: str
    weights_sha256: str

    def markdown(self) -> str:
        """The table."""
        return "\n".join(self._lines()) + "\n"

    def write(self, path: Path) -> None:
        """As JSON. Raises VolumeError where it cannot be written."""
        write_atomic(path, (json.dumps(asdict(self), indent=2) + "\n").encode())

    def _lines(self) -> Iterator[str]:
        yield f"| A-VAE on {self.after.slices} slices held out | before | after |\n|---|---|---|"
        yield f"| PSNR, dB, higher is better | {self.before.psnr_db:.2f} | {self.after.psnr_db:.2f} |"
        kinds = {"reconstructions": "fid_reconstructions", "midpoints": "fid_midpoints"}
        for kind, name in kinds.items():
            values: Sequence[float | None] = [getattr(one, name) for one in (self.before, self.after)]
            before, after = ("not measured" if value is None else f"{value:.3f}" for value in values)
            yield f"| FID of {kind} by the {self.features}, lower is better | {before} | {after} |"
        if self.after.slices <= self.after.dimensions:
            yield f"\nOf no more slices than the network has features, {self.after.dimensions}, FID is too large."
