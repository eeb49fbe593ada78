"""How phantoms are looked at: as they were made, or as a model's A-VAE shows them, beyond which it can draw nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from ctflow.checkpoint.folder import folder_sha256, load_checkpoint
from ctflow.checkpoint.networks import Checkpoint
from ctflow.model_grid import ModelGrid
from ctflow.phantom import Phantom
from ctflow.volume import Volume


@dataclass(frozen=True)
class Look:
    """`model`: the checkpoint folder whose A-VAE phantoms pass through; None where they stay as they are."""

    model: Path | None = None

    @property
    def name(self) -> str:
        """Of what is kept on disk: another one for another A-VAE."""
        return f"avae-{folder_sha256(self.model / 'avae')[:12]}" if self.model else "plain"

    def at(self, phantom: Phantom) -> Volume:
        """The phantom without its noise, which is not learnt."""
        volume = Volume(phantom.clean, phantom.volume.affine)
        return through_avae(_loaded(self.model), volume) if self.model else volume


@cache
def _loaded(model: Path) -> Checkpoint:
    torch.set_num_threads(1)  # there is a process for each core
    return load_checkpoint(model)


@torch.inference_mode()
def through_avae(checkpoint: Checkpoint, volume: Volume) -> Volume:
    """What a checkpoint's A-VAE leaves of a volume, on the grid of the model's volumes."""
    frame, intensity = ModelGrid(checkpoint.card.geometry), checkpoint.card.intensity
    scan = frame.bring(volume)
    slices = torch.from_numpy(intensity.to_intensity(frame.to_model(scan.hu)))
    seen = checkpoint.avae.decode(checkpoint.avae.encode(slices))
    return Volume(frame.to_volume(intensity.to_hu(seen.numpy())), scan.affine)
