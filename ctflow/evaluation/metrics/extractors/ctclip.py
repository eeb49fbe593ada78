"""CT-CLIP's pair of towers, released or bundled: latents of volumes and reports, findings, and tokens of slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from ctflow.checkpoint.folder import CTCLIP, TEXT, files_sha256, load_clip
from ctflow.evaluation.metrics.extractor import CPU, Found
from ctflow.models.ctclip import CTClip
from ctflow.models.ctclip_input import challenge_input, clip_input, clip_text, prompts
from ctflow.models.text import ReportEncoder
from ctflow.report import Report
from ctflow.volume import Volume

NAME = "ct-clip"
QUANTILES = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
LEAST_SPREAD = 1e-3  # 1 HU; patches of constant air have none
LATENT, SLICES, PRESENT, CLASSES = "latent", "slices", "present", "classes"
PREPARATION = (
    "latent: prepared as the VLM3D challenge does, of unit length. slices: prepared as CT-CLIP's inference does, for "
    "each group of slices the mean and standard deviation of the tokens before the codebook, and five quantiles of the "
    "patches' means and of the logarithms of their standard deviations. present: the same preparation, zero-shot "
    "probability of each label. classes: those probabilities, made to add up to 1."
)


class ClipExtractor:
    """An `Extractor` that knows reports too, in float32. Only the pair of towers is on the `device`, not the text's."""

    name = NAME
    preparation = PREPARATION

    def __init__(self, clip: CTClip, text: ReportEncoder, weights_sha256: str, device: torch.device = CPU) -> None:
        self.weights_sha256, self._device = weights_sha256, device
        self._clip = clip.eval().requires_grad_(False).to(device)
        self._text = text.eval().requires_grad_(False)
        self._prompts = self._prompt_latents()

    @classmethod
    def load(cls, folder: Path, device: torch.device = CPU) -> ClipExtractor:
        """From a checkpoint folder with an image tower. Raises CheckpointError."""
        clip, text = load_clip(folder)
        parts = [path for part in (CTCLIP, TEXT) for path in (folder / part).iterdir() if path.is_file()]
        return cls(clip, text, files_sha256(folder, parts), device)

    @property
    def labels(self) -> tuple[str, ...]:
        """The findings of `present`, in its order."""
        return self._clip.config.labels

    @torch.inference_mode()
    def features(self, volume: Volume) -> Found:
        """`latent` (1, latent), `slices` (groups of slices, 2 · width + 10), `present` and `classes` (1, labels)."""
        image, tower = clip_input(volume, self._clip.config).to(self._device), self._clip.visual_transformer
        tokens = tower.along_slices(tower.in_planes(tower.patches(image)))
        places = tower.vq(tokens).mean(1).flatten(1)
        seen = torch.nn.functional.normalize(self._clip.to_visual_latent(places), dim=-1)
        present = self._clip.present(self._prompts, seen)
        planes = tokens[0].flatten(1, 2)
        slices = torch.cat([planes.mean(1), planes.std(1), self._patch_quantiles(image)], dim=1)
        return {
            LATENT: self.image_latent(volume),
            SLICES: slices.cpu().numpy(),
            PRESENT: present.cpu().numpy(),
            CLASSES: (present / present.sum(1, keepdim=True)).cpu().numpy(),
        }

    def _patch_quantiles(self, image: Tensor) -> Tensor:
        """(1, 1, slices, x, y) -> (groups of slices, 10): what the tower's first norm takes away, such as noise."""
        t, p = self._clip.config.temporal_patch_size, self._clip.config.patch_size
        patches = rearrange(image[0, 0], "(t pt) (h p) (w q) -> t (h w) (pt p q)", pt=t, p=p, q=p)
        spread = patches.std(-1).clamp_min(LEAST_SPREAD).log()
        quantiles = QUANTILES.to(self._device)
        return torch.cat([one.quantile(quantiles, dim=1).T for one in (patches.mean(-1), spread)], dim=1)

    @torch.inference_mode()
    def image_latent(self, volume: Volume) -> NDArray[np.float32]:
        """(1, latent), for the CLIP score."""
        image = challenge_input(volume, self._clip.config).to(self._device)
        return self._clip.image_latent(image).cpu().numpy()

    @torch.inference_mode()
    def report_latent(self, report: Report) -> NDArray[np.float32]:
        """(1, latent), for the CLIP score."""
        return self._clip.text_latent(self._text.encode(clip_text(report))[0].to(self._device)).cpu().numpy()

    @torch.inference_mode()
    def _prompt_latents(self) -> torch.Tensor:
        texts = [self._text.encode(prompt)[0] for pair in prompts(self.labels) for prompt in pair]
        return self._clip.text_latent(torch.cat(texts).to(self._device)).unflatten(0, (-1, 2))
