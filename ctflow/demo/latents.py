"""What the transformer learns from: the latents of the phantoms, and the embeddings of their reports."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ctflow.card import Latent
from ctflow.data.phantoms import MAX_SLICES, STUDIES, PhantomSet
from ctflow.hu import IntensityMap
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.models.avae import AVAE
from ctflow.models.text import ReportEncoder
from ctflow.phantom import Truth, amounts, write_report
from ctflow.phantom.sentences import UNSIZED
from ctflow.report import encoder_text
from ctflow.runtime.device import on_device
from ctflow.training.randomness import random_stream
from ctflow.training.restarts.state import save_atomic

REPORTS_PER_PHANTOM = 8


@dataclass(frozen=True, eq=False)
class LatentSet:
    """The phantoms as the transformer sees them: STUDIES of one person, then those of the next.

    `padded`: scaled latents (phantoms, slices, C, H, W) in float16, with `chunk` black slices before each volume and
    white ones after it, at least one chunk of them. `slices` (phantoms,): without those. `black`, `white` (C, H, W):
    their codes. `texts` (phantoms, reports, D): embeddings of several reports of the same truth. `report_facts`
    (phantoms, facts): what these reports say, as numbers. `person_odds` (persons,), of sum 1: how often each is drawn.
    """

    padded: Tensor
    slices: np.ndarray
    chunk: int
    black: Tensor
    white: Tensor
    texts: Tensor
    report_facts: np.ndarray
    person_odds: np.ndarray

    def windows(self, picks: np.ndarray, starts: np.ndarray, size: int) -> Tensor:
        """`size` slices of each phantom of `picks`, from its start on -> float32 (N, C, size, H, W).

        A start may be as low as minus one chunk.
        """
        slots = starts[:, None] + self.chunk + np.arange(size)
        return self.padded[self.place(picks)[:, None], self.place(slots)].transpose(1, 2).float()

    def place(self, numbers: np.ndarray) -> Tensor:
        """`numbers` on the device of the latents. Does not wait for what a GPU is doing."""
        return on_device(torch.from_numpy(numbers), self.padded.device)

    def to(self, device: str) -> "LatentSet":
        """With its tensors on the device, cpu or cuda."""
        return replace(self, **{name: getattr(self, name).to(device) for name in ("padded", "black", "white", "texts")})

    def of(self, padded: Tensor, slices: np.ndarray, texts: Tensor, truths: Sequence[Truth]) -> "LatentSet":
        """The set of other phantoms, for which the codes of black and white are the same."""
        report_facts = np.stack([amounts(truth) for truth in truths])
        return replace(
            self,
            padded=padded,
            slices=slices,
            texts=texts,
            report_facts=report_facts,
            person_odds=_person_odds(report_facts),
        )


@torch.inference_mode()
def latent_set(
    volumes: list[Tensor], avae: AVAE, texts: Tensor, phantoms: PhantomSet, intensity: IntensityMap, chunk: int
) -> LatentSet:
    """`volumes`: unscaled latents (C, slices, H, W). `avae`: with the scale and the shift that they get here."""
    black, white = (avae.code_of(value, *phantoms.hu.shape[2:]) for value in (intensity.black, intensity.white))
    scaled = ((volume.float() - avae.shift) * avae.scale for volume in volumes)
    padded, slices = pad(scaled, black, white, chunk)
    report_facts = np.stack([amounts(truth) for truth in phantoms.truths])
    return LatentSet(
        padded=padded,
        slices=slices,
        chunk=chunk,
        black=black,
        white=white,
        texts=texts,
        report_facts=report_facts,
        person_odds=_person_odds(report_facts),
    )


def pad(volumes: Iterable[Tensor], black: Tensor, white: Tensor, chunk: int) -> tuple[Tensor, np.ndarray]:
    """Volumes (C, slices, H, W) -> `LatentSet.padded` and `LatentSet.slices`."""
    halves = [volume.half() for volume in volumes]
    padded = empty_rows(len(halves), black, white, chunk)
    for row, volume in zip(padded, halves, strict=True):
        row[chunk : chunk + volume.shape[1]] = volume.transpose(0, 1)
    return padded, np.array([volume.shape[1] for volume in halves])


def empty_rows(count: int, black: Tensor, white: Tensor, chunk: int) -> Tensor:
    """Room in `LatentSet.padded` for so many phantoms: black before them, and white."""
    longest = -(-MAX_SLICES // chunk) * chunk
    padded = white.half().repeat(count, longest + 2 * chunk, 1, 1, 1)
    padded[:, :chunk] = black.half()
    return padded


def encode_phantoms(
    path: Path, avae: AutoencoderKL, phantoms: PhantomSet, intensity: IntensityMap, device: str, batch: int
) -> list[Tensor]:
    """The unscaled latents of all phantoms (C, slices, H, W) in float16. They are kept at `path`.

    Of those that are kept there only the missing ones are made, the last.
    """
    kept: list[Tensor] = torch.load(path, weights_only=True) if path.exists() else []
    counts = phantoms.slices[len(kept) :]
    if counts:
        # 1.8 times as fast on a CPU. torch has the argument, and no type for it.
        avae.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        volumes = zip(phantoms.hu[len(kept) :], tqdm(counts, desc="latents", unit="phantom"), strict=True)
        kept += [encode_volume(avae, intensity, hu[:count], batch).cpu() for hu, count in volumes]
        save_atomic(kept, path)
        avae.cpu()
    return kept[: len(phantoms.slices)]


@torch.inference_mode()
def encode_volume(avae: AutoencoderKL, intensity: IntensityMap, hu: np.ndarray, batch: int) -> Tensor:
    """int16 HU (slices, rows, columns) -> unscaled latents (C, slices, H, W) in float16, on the device of the A-VAE."""
    slices = on_device(torch.tensor(np.asarray(hu)), avae.device)
    pixels = intensity.to_intensity_like(slices).float()[:, None]
    means = [avae.encode(some).mean for some in pixels.split(batch)]
    return torch.cat(means).transpose(0, 1).half().contiguous()


def latent_scale(volumes: list[Tensor]) -> Latent:
    """One scale and one shift for all channels, which bring the latents to zero mean and unit spread."""
    everything = torch.cat([volume.flatten() for volume in volumes]).float()
    channels, _, rows, columns = volumes[0].shape
    return Latent(
        channels=channels,
        rows=rows,
        columns=columns,
        scale=round(1 / everything.std().item(), 4),
        shift=round(everything.mean().item(), 4),
    )


def embed_reports(
    path: Path, encoder: ReportEncoder, phantoms: PhantomSet, parts: tuple[str, ...], seed: int, device: str
) -> Tensor:
    """Embeddings of several reports of each truth: (phantoms, REPORTS_PER_PHANTOM, D). They are kept at `path`.

    Of those that are kept there only the missing ones are made, the last.
    """
    kept: list[Tensor] = [torch.load(path, weights_only=True)] if path.exists() else []
    first = sum(map(len, kept))
    if first < len(phantoms.truths):
        texts = [
            text for i, truth in enumerate(phantoms.truths[first:], first) for text in reports(truth, i, parts, seed)
        ]
        with torch.inference_mode():
            embedded = encoder.to(device).embed(texts).cpu()
        encoder.cpu()
        kept.append(embedded.unflatten(0, (-1, REPORTS_PER_PHANTOM)).clone())
        save_atomic(torch.cat(kept), path)
    return torch.cat(kept)[: len(phantoms.truths)]


def reports(truth: Truth, index: int, parts: tuple[str, ...], seed: int) -> list[str]:
    """The reports of phantom `index`, as the text encoder reads them."""
    rng = random_stream(seed, "reports for the transformer", index)
    return [encoder_text(write_report(truth, rng, unsized=UNSIZED), parts) for _ in range(REPORTS_PER_PHANTOM)]


def _person_odds(report_facts: np.ndarray) -> np.ndarray:
    """Persons with a large finding are drawn more often: they are rare, and there the report can change most."""
    odds = 1 + 3 * report_facts.reshape(-1, STUDIES, report_facts.shape[1]).max(axis=(1, 2))
    return odds / odds.sum()
