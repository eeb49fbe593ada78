"""What the transformer learns from: the latents of the phantoms, and the embeddings of their reports."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ctflow.card import Latent
from ctflow.data.phantoms import STUDIES, PhantomSet
from ctflow.demo.text import embed_texts
from ctflow.demo.work import save_atomic
from ctflow.hu import IntensityMap
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.models.avae import AVAE
from ctflow.models.text import TextEncoder
from ctflow.phantom import amounts, write_report
from ctflow.phantom.sentences import UNSIZED
from ctflow.report import encoder_text
from ctflow.training.randomness import random_stream

REPORTS_PER_PHANTOM = 8


@dataclass(frozen=True, eq=False)
class LatentSet:
    """The phantoms as the transformer sees them: STUDIES of one person, then those of the next.

    `padded`: scaled latents (phantoms, slices, C, H, W) in float16, with `chunk` black slices before each volume and
    white ones after it, at least one chunk of them. `slices` (phantoms,): without those. `black` (C, H, W): the code of
    a black slice. `texts` (phantoms, reports, D): embeddings of several reports of the same truth. `report_facts`
    (phantoms, facts): what these reports say, as numbers. `person_odds` (persons,), of sum 1: how often each is drawn.
    """

    padded: Tensor
    slices: np.ndarray
    chunk: int
    black: Tensor
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
        tensor = torch.from_numpy(numbers)
        return tensor.pin_memory().to("cuda", non_blocking=True) if self.padded.is_cuda else tensor

    def to(self, device: str) -> "LatentSet":
        """With its tensors on the device, cpu or cuda."""
        return replace(self, **{name: getattr(self, name).to(device) for name in ("padded", "black", "texts")})


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
        texts=texts,
        report_facts=report_facts,
        person_odds=_person_odds(report_facts),
    )


def pad(volumes: Iterable[Tensor], black: Tensor, white: Tensor, chunk: int) -> tuple[Tensor, np.ndarray]:
    """Volumes (C, slices, H, W) -> `LatentSet.padded` and `LatentSet.slices`."""
    halves = [volume.half() for volume in volumes]
    slices = np.array([volume.shape[1] for volume in halves])
    longest = -(-int(slices.max()) // chunk) * chunk
    padded = white.half().repeat(len(halves), longest + 2 * chunk, 1, 1, 1)
    padded[:, :chunk] = black.half()
    for row, volume in zip(padded, halves, strict=True):
        row[chunk : chunk + volume.shape[1]] = volume.transpose(0, 1)
    return padded, slices


def encode_phantoms(
    path: Path, avae: AutoencoderKL, phantoms: PhantomSet, intensity: IntensityMap, device: str, batch: int
) -> list[Tensor]:
    """The unscaled latents of all phantoms (C, slices, H, W) in float16. They are kept at `path`."""
    if not path.exists():
        # 1.8 times as fast on a CPU. torch has the argument, and no type for it.
        avae.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        volumes = zip(phantoms.hu, tqdm(phantoms.slices, desc="latents", unit="phantom"), strict=True)
        save_atomic([encode_volume(avae, intensity, hu[:count], batch) for hu, count in volumes], path)
        avae.cpu()
    return torch.load(path, weights_only=True)


@torch.inference_mode()
def encode_volume(avae: AutoencoderKL, intensity: IntensityMap, hu: np.ndarray, batch: int) -> Tensor:
    """int16 HU (slices, rows, columns) -> unscaled latents (C, slices, H, W) in float16, on the CPU."""
    pixels = intensity.to_intensity_like(torch.tensor(np.asarray(hu), device=avae.device).float())[:, None]
    means = [avae.encode(some).mean for some in pixels.split(batch)]
    return torch.cat(means).transpose(0, 1).half().contiguous().cpu()


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
    path: Path, encoder: TextEncoder, phantoms: PhantomSet, parts: tuple[str, ...], seed: int, device: str
) -> Tensor:
    """Embeddings of several reports of each truth: (phantoms, REPORTS_PER_PHANTOM, D). They are kept at `path`."""
    if not path.exists():
        rng = random_stream(seed, "reports for the transformer")
        truths = [truth for truth in phantoms.truths for _ in range(REPORTS_PER_PHANTOM)]
        texts = [encoder_text(write_report(truth, rng, unsized=UNSIZED), parts) for truth in truths]
        embedded = embed_texts(encoder.to(device), texts).cpu()
        encoder.cpu()
        save_atomic(embedded.unflatten(0, (-1, REPORTS_PER_PHANTOM)).clone(), path)
    return torch.load(path, weights_only=True)


def _person_odds(report_facts: np.ndarray) -> np.ndarray:
    """Persons with a large finding are drawn more often: they are rare, and there the report can change most."""
    odds = 1 + 3 * report_facts.reshape(-1, STUDIES, report_facts.shape[1]).max(axis=(1, 2))
    return odds / odds.sum()
