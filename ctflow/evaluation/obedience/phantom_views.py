"""How phantoms are shown to the measures: as they were made, or as a model's A-VAE shows them.

A model can draw nothing better than its A-VAE can show.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import torch

from ctflow.checkpoint.folder import Checkpoint, folder_sha256, load_checkpoint
from ctflow.model_grid import ModelGrid
from ctflow.phantom import Phantom
from ctflow.volume import Volume


class PhantomView(Protocol):
    """`title` heads a column of the table. `name` is part of the names of files: the same for the same view."""

    @property
    def title(self) -> str: ...

    @property
    def name(self) -> str: ...

    def show(self, phantom: Phantom) -> Volume:
        """The phantom without its noise, which models do not learn."""
        ...


@dataclass(frozen=True)
class PlainView:
    """Phantoms as they were made."""

    title: str = "phantoms"
    name: str = "plain"

    def show(self, phantom: Phantom) -> Volume:
        return Volume(phantom.clean, phantom.volume.affine)


@dataclass(frozen=True)
class AvaeView:
    """Phantoms as the A-VAE in the checkpoint folder `model` encodes and decodes them, on the model's grid."""

    model: Path
    title: str = "phantoms through its A-VAE"

    @property
    def name(self) -> str:
        """The same for all checkpoints that share the A-VAE."""
        return f"avae-{folder_sha256(self.model / 'avae')[:12]}"

    def show(self, phantom: Phantom) -> Volume:
        return _through_avae(_loaded(self.model), PlainView().show(phantom))


@cache
def _loaded(model: Path) -> Checkpoint:
    """Once per process."""
    return load_checkpoint(model)


@torch.inference_mode()
def _through_avae(checkpoint: Checkpoint, volume: Volume) -> Volume:
    grid, intensity = ModelGrid(checkpoint.card.geometry), checkpoint.card.intensity
    scan = grid.bring(volume)
    slices = torch.from_numpy(intensity.to_intensity(grid.to_model(scan.hu)))
    seen = checkpoint.avae.decode(checkpoint.avae.encode(slices))
    return Volume(grid.to_volume(intensity.to_hu(seen.numpy())), scan.affine)
