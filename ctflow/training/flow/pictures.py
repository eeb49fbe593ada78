"""Pictures of what the averaged transformer makes of a report, beside the volume that the report was written of."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from ctflow.card import Axes, Defaults
from ctflow.data.shards import Shards
from ctflow.flow import solve
from ctflow.io.files import atomic
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT
from ctflow.sampler import seeded_noise, velocity_of
from ctflow.training.flow.config import FlowConfig
from ctflow.training.flow.samples import scaled, slice_before
from ctflow.windows import WINDOWS, windowed

SEED = 0
ROWS = ("generated", "real, as the A-VAE shows it")
REPORT_CHARACTERS, LINE_CHARACTERS = 900, 130  # that stand below a picture
_LAYOUT = {"tensorboard": {"dataformats": "NHWC"}}  # of pictures, where a tracker must be told


@dataclass(frozen=True, eq=False)
class Pictures:
    """`run.pictures` volumes of a set, the first, written to `folder` and given to the trackers.

    `avae`: that of the data. `defaults`: how volumes are sampled. `reports`: what is written below, by the names of
    the volumes.
    """

    shards: Shards
    config: FlowConfig
    avae: AVAE
    defaults: Defaults
    reports: Mapping[str, str]
    folder: Path

    def draw(self, step: int, model: STDiT, accelerator: Accelerator) -> None:
        """Makes the volumes and their pictures."""
        self.folder.mkdir(exist_ok=True)
        self.avae.to(accelerator.device)
        images: dict[str, np.ndarray] = {}
        for volume in range(min(self.config.run.pictures, len(self.shards))):
            with accelerator.autocast():
                latents = self.generated(model, volume, accelerator.device)
            figure = self._figure(volume, latents)
            with atomic(self.folder / f"{step:08} {volume}.png") as new:
                figure.savefig(new, format="png", dpi=80)
            images[f"volume {volume}"] = _pixels(figure)[None]
        for tracker in accelerator.trackers:
            if images and hasattr(tracker, "log_images"):
                tracker.log_images(images, step=step, **_LAYOUT.get(tracker.name, {}))

    @torch.no_grad()
    def generated(self, model: STDiT, volume: int, device: torch.device) -> Tensor:
        """Scaled latents (C, slices, H, W) made from the volume's report, as many as it has and whole chunks."""
        facts = self.shards.facts
        size, text = facts.geometry.slices_per_chunk, self.shards.text(volume)[-1].view(1, 1, -1).to(device)
        noise = seeded_noise(SEED, (facts.latent.channels, size, facts.latent.rows, facts.latent.columns))
        before = slice_before(self.shards, self.config)
        chunks = [before[None, :, None].expand(-1, -1, size, -1, -1).to(device)]
        for chunk in range(-(-self.shards.rows[volume].slices // size)):
            velocity = velocity_of(model, self.config.objective.prediction, chunks[-1], text, guidance=1.0)
            draws = (drawn[None].to(device) for drawn in noise(chunk))
            *_, latents = solve(velocity, draws, self.defaults.solver, self.defaults.steps, self.defaults.shift)
            chunks.append(latents)
        return torch.cat(chunks[1:], dim=2)[0].float().cpu()

    def _figure(self, volume: int, latents: Tensor) -> Figure:
        facts, row = self.shards.facts, self.shards.rows[volume]
        real = scaled(self.shards.latents(volume).mean.float(), facts.latent)
        figure = Figure(figsize=(9, 7), layout="constrained")
        thickness = facts.geometry.slice_spacing_mm / facts.geometry.pixel_spacing_mm
        for axes, name, shown in zip(figure.subplots(2, 3), ROWS, (latents.transpose(0, 1), real), strict=True):
            axes[0].set_ylabel(name)
            planes = middle_planes(upright(self._hu(shown), facts.geometry.axes))
            for place, plane, aspect in zip(axes, planes, (1, thickness, thickness), strict=True):
                place.imshow(windowed(plane, WINDOWS[0]), cmap="gray", aspect=aspect, vmin=0, vmax=255)
                place.set(xticks=[], yticks=[])
        if row.name in self.reports:
            text = textwrap.shorten(self.reports[row.name], REPORT_CHARACTERS)
            figure.supxlabel(textwrap.fill(text, LINE_CHARACTERS), fontsize=7)
        return figure

    @torch.no_grad()
    def _hu(self, latents: Tensor) -> np.ndarray:
        """Scaled latents (slices, C, H, W) -> HU (slices, rows, columns)."""
        return self.shards.facts.intensity.to_hu(self.avae.decode(latents.to(self.avae.network.device)).cpu().numpy())


def upright(hu: np.ndarray, axes: Axes) -> np.ndarray:
    """A volume on a model's axes -> slices from head to feet, rows from front to back, columns from right to left."""
    if axes[1] in "LR":
        hu, axes = hu.swapaxes(1, 2), (axes[0], axes[2], axes[1])
    turned = tuple(index for index, axis in enumerate(axes) if axis in "SAR")
    return np.flip(hu, turned)


def middle_planes(hu: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The axial, the coronal and the sagittal plane in the middle of an upright volume."""
    slices, rows, columns = hu.shape
    return hu[slices // 2], hu[:, rows // 2], hu[:, :, columns // 2]


def _pixels(figure: Figure) -> np.ndarray:
    """uint8 (rows, columns, RGB)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
