"""Scans become latents and reports embeddings, by the A-VAE and the text encoder of a checkpoint."""

import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from ctflow.card import CARD, ModelCard, read_card
from ctflow.checkpoint.folder import ENDINGS, files_sha256, load_autoencoder, load_text
from ctflow.data.manifest import CODES
from ctflow.data.shard_writer import Encoded
from ctflow.data.shards import BLACK, LOG_VARIANCE, MEAN, TEXT, WHITE
from ctflow.errors import ResourceError, VolumeError
from ctflow.io.files import files_below, write_atomic
from ctflow.models.avae import AVAE
from ctflow.report import Report, encoder_text
from ctflow.runtime.device import on_device, resolve_device, resolve_precision
from ctflow.runtime.memory import ran_out

GPU_SLICES = 32  # that are encoded together on a GPU where its memory allows
GPU_MEMORY_SHARE = 1 / 4
_FOLDERS = ("avae", "text")


def encoders_sha256(model: Path) -> str:
    """The hash of the networks that a data set is encoded by, and of nothing else in the checkpoint."""
    files = [path for name in _FOLDERS for path in files_below(model / name) if path.suffix in ENDINGS]
    return files_sha256(model, files)


class VolumeEncoder:
    """The A-VAE and the text encoder of a checkpoint folder, on a device. `precision`: one of PRECISIONS, of the A-VAE.
    `slices`: how many are encoded together; None means as many as its memory is thought to hold.

    `avae_s`: how long the A-VAE has computed, in seconds of the clock on a GPU, and of the CPU elsewhere.
    Raises CTFlowError for a folder that is no checkpoint, or a device that is not there.
    """

    def __init__(self, model: Path, device: str, precision: str, slices: int | None = None) -> None:
        self._device = resolve_device(device)
        dtype = resolve_precision(self._device, precision).avae
        self.card: ModelCard = read_card(model / CARD)
        self._text = load_text(model / "text", self.card.text.max_tokens).to(self._device).eval()
        self._avae = AVAE(load_autoencoder(model / "avae"), scale=1, shift=0).eval()
        # Not with the channels last, although that takes a fifth less time: on a CPU, torch's group norm then takes the
        # variance for the mean of squares less the square of the mean, of which little is right in a plane that is
        # nearly even.
        self._avae.to(self._device, dtype)
        if self._device.type == "cuda":
            self._avae.most_at_once = GPU_SLICES
            self._avae.memory_bytes = int(
                GPU_MEMORY_SHARE * torch.cuda.get_device_properties(self._device).total_memory
            )
        self._slices = slices
        self._now_s = time.perf_counter if self._device.type == "cuda" else time.process_time
        self.avae_s = 0.0

    @torch.inference_mode()
    def encode(self, hu: np.ndarray, report: Report) -> Encoded:
        """int16 HU (slices, rows, columns) on the model's axes, and its report -> what is stored of them.

        Raises VolumeError if the A-VAE answers with what is no number, ResourceError if memory runs out.
        """
        slices = self._slices or self._avae.slices_at_once(*hu.shape[1:])
        try:
            mean, log_variance = self._posterior(hu, slices)
        except (MemoryError, RuntimeError) as error:
            if not ran_out(error):
                raise
            raise ResourceError(
                f"The memory of {self._device} is not enough to encode {slices} slices together: give fewer with "
                "--slices."
            ) from error
        for latents in (mean, log_variance):
            if not latents.isfinite().all():
                raise VolumeError("The A-VAE gives values that are not numbers. Try --precision float32.")
        texts = self._all_texts(report)
        return {MEAN: mean.numpy(), LOG_VARIANCE: log_variance.numpy(), TEXT: texts[None].numpy()}

    def cuts(self, report: Report) -> bool:
        """Whether the whole report is longer than the text encoder reads."""
        return bool(self._text.read(encoder_text(report, self.card.text.parts)).cut_text)

    @torch.inference_mode()
    def write_codes(self, folder: Path) -> None:
        """Writes the codes of a black and a white slice. Raises CTFlowError."""
        rows, columns = self.card.geometry.rows, self.card.geometry.columns
        ends = {BLACK: self.card.intensity.black, WHITE: self.card.intensity.white}
        codes = {name: self._avae.code_of(value, rows, columns).float().cpu() for name, value in ends.items()}
        write_atomic(folder / CODES, save({name: code.contiguous() for name, code in codes.items()}))

    def _posterior(self, hu: np.ndarray, slices_at_once: int) -> tuple[Tensor, Tensor]:
        """-> mean and log-variance, float16 (slices, C, h, w) on the CPU."""
        network = self._avae.network
        all_slices = on_device(torch.tensor(hu), self._device)  # a copy: Ray's arrays may not be written to
        intensity = self.card.intensity.to_intensity_like(all_slices.float())
        pixels = intensity.to(network.dtype)[:, None].expand(-1, network.config.in_channels, -1, -1)
        began_s = self._now_s()
        encoded = [network.encode(batch) for batch in pixels.split(slices_at_once)]
        means, log_variances = ([getattr(one, name) for one in encoded] for name in ("mean", "log_variance"))
        found = torch.cat(means).half().cpu(), torch.cat(log_variances).half().cpu()
        self.avae_s += self._now_s() - began_s
        return found

    def _all_texts(self, report: Report) -> Tensor:
        """The report with any of its parts left out, see `Shards.text` -> float32 (2 ** parts, D)."""
        parts = self.card.text.parts
        texts = [text_of_parts(report, parts, row) for row in range(2 ** len(parts))]
        embedded = {text: self._text.encode(text)[0, 0].cpu() for text in dict.fromkeys(texts) if text}
        nothing = torch.zeros(self._text.dim)
        return torch.stack([embedded.get(text, nothing) for text in texts])


def text_of_parts(report: Report, parts: tuple[str, ...], row: int) -> str:
    """The text of those parts whose bit is set in `row`."""
    return encoder_text(report, tuple(part for bit, part in enumerate(parts) if row >> bit & 1))
