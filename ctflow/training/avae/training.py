"""Tunes a checkpoint's A-VAE on slices of volumes, as v2's was; `train_avae` is the whole of it.

The discriminator learns in the same step as the A-VAE, and by the same AdamW, which moves each number by its own
gradients alone: that is the same as two optimizers of one rate.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from accelerate import Accelerator

from ctflow.card import CARD, ModelCard, read_card
from ctflow.checkpoint.folder import load_autoencoder
from ctflow.data.encoder import encoders_sha256
from ctflow.data.slice_pairs import PairedVolume, SlicePairs
from ctflow.io.files import write_atomic
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.training.avae.config import AvaeConfig
from ctflow.training.avae.discriminator import PatchDiscriminator
from ctflow.training.avae.export import AvaeExport, latent_of
from ctflow.training.avae.losses import AvaeLosses, TunedAvae
from ctflow.training.avae.perceptual import Perceptual
from ctflow.training.avae.slices import PairSamples, check_sizes, split_by_patient
from ctflow.training.config.batches import batches_of
from ctflow.training.config.failures import check_finite, enough_memory
from ctflow.training.config.file import as_toml
from ctflow.training.config.stage import CONFIG, MODEL, STATES, budget_of, stage_of
from ctflow.training.loop import train
from ctflow.training.randomness import seed_torch
from ctflow.training.restarts.saving import NumberedFiles
from ctflow.training.stage import Stage
from ctflow.training.watcher import Watcher

LESS_MEMORY = "a larger batch.accumulation or more processes, a smaller slices.crop"
STATISTICS_PAIRS = 512  # of the training set, from which the latents' scale and shift are taken


@dataclass(frozen=True, kw_only=True)
class AvaeTraining:
    """One training of the A-VAE of `model` in the folder `out`.

    `perceptual`: where the config names a network, it and the hash of its files. `data`: the hash of what `pairs` were
    collected from. `seconds`: for how long this call trains, instead of `run.steps`. `device`: cpu or cuda.
    """

    config: AvaeConfig
    pairs: SlicePairs
    data: str
    out: Path
    model: Path
    device: str
    perceptual: tuple[Perceptual, str] | None = None
    seconds: float | None = None

    def volumes(self) -> tuple[list[PairedVolume], list[PairedVolume]]:
        """Those to train on, and those to measure on. Raises RequestError where none is left to train on."""
        config = self.config
        return split_by_patient(self.pairs.volumes, config.slices.held_out_volumes, config.batch.seed)


def train_avae(training: AvaeTraining) -> AutoencoderKL:
    """Trains, or goes on with what is in `out` -> the averaged A-VAE, on the CPU.

    Raises CTFlowError for a model that cannot be read, RequestError where config and model do not fit each other or
    `out` holds another training, ResourceError where memory is not enough, TrainingStopped after SIGTERM or Ctrl-C.
    """
    config, card = training.config, read_card(training.model / CARD)
    network = tuned_avae(training.model, config)
    samples = pair_samples(training, card, network.avae)
    run, perceptual = config.run, training.perceptual
    with enough_memory(training.device, LESS_MEMORY):
        tuned = train(
            avae_stage(training),
            network,
            AvaeLosses(config, card.intensity, perceptual[0] if perceptual else None),
            batches=partial(batches_of, samples, config.batch, run.workers, training.device),
            describe=config.plan()
            | {
                "data": training.data,
                "model": encoders_sha256(training.model),
                "perceptual weights": perceptual[1] if perceptual else None,
            },
            saving=NumberedFiles(training.out / STATES, run.save_every, run.keep, keep_every=0),
            watcher=AvaeWatcher(config, training.out),
        )
    return tuned.avae


def tuned_avae(model: Path, config: AvaeConfig) -> TunedAvae:
    """The A-VAE of a checkpoint, with what is to be trained of it, and a new discriminator."""
    avae = load_autoencoder(model / "avae").requires_grad_(True)
    avae.encoder.requires_grad_(config.losses.trained == "all")
    seed_torch(config.batch.seed, "first weights of the discriminator")
    adversarial = config.adversarial
    discriminator = PatchDiscriminator(adversarial.width, adversarial.layers) if adversarial.weight else None
    return TunedAvae(avae, discriminator)


def pair_samples(training: AvaeTraining, card: ModelCard, avae: AutoencoderKL) -> PairSamples:
    """What is trained on. Raises RequestError for sizes that do not fit the model."""
    cell = 2 ** (len(avae.config.block_out_channels) - 1)
    check_sizes(training.config, card.latent, cell)
    trained, _ = training.volumes()
    return PairSamples(training.pairs, trained, training.config, card.intensity, card.latent, cell)


def avae_stage(training: AvaeTraining) -> Stage:
    """The training as the general loop knows it."""
    config = training.config
    return stage_of(
        "avae",
        training.out,
        budget_of(config.run.steps, training.seconds),
        training.device,
        optimizer=config.optimizer,
        batch=config.batch,
        log_every=config.run.log_every,
        tracker=config.run.tracker,
    )


class AvaeWatcher(Watcher[TunedAvae]):
    """Writes the config of this call, and ends a training whose losses are no numbers."""

    def __init__(self, config: AvaeConfig, out: Path) -> None:
        self._config, self._out = config, out

    def begun(self, accelerator: Accelerator, step: int) -> None:
        if accelerator.is_main_process:
            write_atomic(self._out / CONFIG, as_toml(self._config).encode())

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        check_finite(values, step, self._out)


def export_avae(training: AvaeTraining, avae: AutoencoderKL) -> Path:
    """Writes the model with the tuned A-VAE -> its folder. Where the latents changed, their scale and shift are new."""
    card = read_card(training.model / CARD)
    trained, _ = training.volumes()
    latent, losses = card.latent, training.config.losses
    if losses.trained == "all":
        latent = latent_of(avae.to(training.device), card.intensity, _some_slices(training, trained), latent)
    export = AvaeExport(
        base=training.model,
        out=training.out / MODEL,
        trained=losses.trained,
        steps=json.loads(avae_stage(training).summary.read_text(encoding="utf-8"))["steps"],
        data=f"slices of {len(trained)} volumes (set {training.data[:12]})",
    )
    export.write(avae.cpu(), latent)
    return export.out


def _some_slices(training: AvaeTraining, volumes: list[PairedVolume]) -> Iterator[np.ndarray]:
    """HU (2, rows, columns) of pairs that are spread over volumes."""
    per_volume = training.config.slices.pairs_per_volume
    places = np.linspace(0, len(volumes) * per_volume - 1, min(STATISTICS_PAIRS, len(volumes) * per_volume))
    for place in places.astype(int):
        yield training.pairs.of(volumes[place // per_volume])[place % per_volume]
