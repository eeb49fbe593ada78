"""The stages of the demo model's training, each with what it leaves for the next."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch

from ctflow.card import Latent, Text
from ctflow.checkpoint.networks import Checkpoint
from ctflow.data.phantoms import GrowingPhantomSet, PhantomSet
from ctflow.demo.avae import new_avae, train_avae
from ctflow.demo.card import INTENSITY, MAX_TOKENS, TEXT, TEXT_PARTS, provenance
from ctflow.demo.chip_share import measure_chip_share, write_chip_share
from ctflow.demo.initial import new_transformer
from ctflow.demo.latents import LatentSet, embed_reports, encode_phantoms, latent_scale, latent_set
from ctflow.demo.mentions import check_reader, new_reader, train_mentions
from ctflow.demo.pool import LatentPool
from ctflow.demo.sizes import CHUNK, Sizes, transformer_config
from ctflow.demo.text import check_text, keep_tokenizer, new_graded_encoder, train_text, train_text_further
from ctflow.demo.tower import train_tower
from ctflow.demo.transformer import train_transformer
from ctflow.demo.work import LATENTS, TEXTS, train_once
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.models.avae import AVAE
from ctflow.models.ctclip import CTClip
from ctflow.models.fact_encoder import FactEncoder
from ctflow.models.reader import Reader
from ctflow.models.stdit import STDiT
from ctflow.models.text import ReportEncoder, TextEncoder
from ctflow.training.optimizers import OptimizerConfig
from ctflow.training.randomness import seed_torch
from ctflow.training.stage import SUMMARY, Budget, Stage

ENCODED_SLICES = 4  # at once on a CPU, where more gain nothing
# So many times as large as on a CPU are a GPU's batches of slices, and of chunks: 256 of these fill the units of any
# card, and what is kept of them for the gradients takes 22 GB.
CUDA_SLICES, CUDA_CHUNKS = 8, 32
CHIP_SHARE = "chip.json"  # in `--work`: what the last call used of the chip

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class StageRow:
    """A stage, its share of the hours, and how its network is trained."""

    name: str
    share: float
    optimizer: OptimizerConfig


@dataclass(frozen=True, kw_only=True)
class Training:
    """One call of `train_demo`: its stages, in their order.

    `table`: of the stages. `anew`: how a transformer that does not begin as a checkpoint's is trained. `base`: the
    checkpoint that the training began with. `keeps_text`: whether text encoder, reader and tower stay those of it.
    """

    work: Path
    hours: float
    sizes: Sizes
    seed: int
    device: str
    table: tuple[StageRow, ...]
    anew: OptimizerConfig
    base: Checkpoint | None
    keeps_text: bool

    @property
    def trains_further(self) -> bool:
        """Whether the transformer is the checkpoint's. One of another size cannot be trained further."""
        return self.base is not None and self.base.transformer.config == transformer_config(self.sizes)

    def stage(self, name: str) -> Stage:
        """The stage of this name, with its share of the hours."""
        row = row_of(self.table, name)
        return Stage(
            name=name,
            optimizer=row.optimizer,
            folder=self.work / name,
            budget=Budget.of_seconds(3600 * self.hours * row.share),
            seed=self.seed,
            device=self.device,
        )

    def times(self, on_cuda: int) -> int:
        """How many times as large a batch is as on a CPU."""
        return on_cuda if self.device == "cuda" else 1

    @property
    def text(self) -> Text:
        """What the card says of the text encoder."""
        return self.base.card.text if self.base and isinstance(self.base.text, FactEncoder) else TEXT

    def text_and_reader(self) -> tuple[ReportEncoder, Reader | None]:
        """The text encoder, with the grades that are read off its embeddings; then the reader's mentions: which
        findings a sentence asserts or denies."""
        if self.base and self.keeps_text:
            return self.base.text, self.base.reader
        if self.base:
            encoder, reader = self.base.text, self.base.reader
            assert isinstance(encoder, TextEncoder) and reader, "load_base accepts no checkpoint without one"
            further = partial(train_text_further, encoder=encoder, heads=reader.grades, parts=TEXT_PARTS)
            train_once(self.stage("text"), encoder, further)
        else:
            tokenizer = keep_tokenizer(self.work / "tokenizer", TEXT_PARTS, self.sizes.vocabulary_reports, self.seed)
            seed_torch(self.seed, "first weights of the text encoder")
            graded = new_graded_encoder(tokenizer, self.sizes.text_hidden, self.sizes.text_layers, MAX_TOKENS)
            train_once(self.stage("text"), graded, partial(train_text, model=graded, parts=TEXT_PARTS))
            seed_torch(self.seed, "first weights of the mentions")
            encoder, reader = graded.encoder, new_reader(graded)
        check_text(encoder, reader.grades, TEXT_PARTS, self.seed)
        taught = self.sizes.sentences
        mentions = partial(train_mentions, reader=reader, encoder=encoder, parts=TEXT_PARTS, count=taught)
        train_once(self.stage("mentions"), reader.mentions, mentions)
        check_reader(reader, encoder, TEXT_PARTS, taught, self.seed)
        return encoder, reader

    def avae(self, phantoms: PhantomSet) -> AutoencoderKL:
        """The A-VAE. A checkpoint's stays as it is, so that its latents do."""
        if self.base:
            return self.base.avae.network
        seed_torch(self.seed, "first weights of the A-VAE")
        avae = new_avae(self.sizes.avae_channels, self.sizes.latent_channels)
        batch = self.sizes.avae_batch
        return train_once(self.stage("avae"), avae, lambda stage: train_avae(stage, avae, phantoms, INTENSITY, batch))

    def tower(self, phantoms: PhantomSet, encoder: ReportEncoder) -> CTClip:
        """The image tower, which scores volumes."""
        if self.keeps_text:
            assert self.base and self.base.ctclip, "load_base accepts no checkpoint without one"
            return self.base.ctclip
        sizes = self.sizes.tower
        return train_once(
            self.stage("tower"), CTClip(sizes), lambda stage: train_tower(stage, sizes, phantoms, encoder)
        )

    def latents(self, phantoms: PhantomSet, avae: AutoencoderKL, encoder: ReportEncoder) -> tuple[LatentSet, Latent]:
        """What the transformer learns from, and how latents are scaled."""
        batch = ENCODED_SLICES * self.times(CUDA_SLICES)
        volumes = encode_phantoms(self.work / LATENTS, avae, phantoms, INTENSITY, self.device, batch)
        latent = self.base.card.latent if self.base else latent_scale(volumes)
        texts = embed_reports(self.work / TEXTS, encoder, phantoms, self.text.parts, self.seed, self.device)
        scaled = AVAE(avae, latent.scale, latent.shift)
        return latent_set(volumes, scaled, texts, phantoms, INTENSITY, CHUNK), latent

    def decoder(self, phantoms: PhantomSet, avae: AutoencoderKL) -> None:
        """A better decoder for the same latents."""
        if self.base:
            avae.decoder.requires_grad_(True)
            batch = self.sizes.avae_batch * self.times(CUDA_SLICES)
            train_once(self.stage("decoder"), avae, lambda stage: train_avae(stage, avae, phantoms, INTENSITY, batch))

    def pool(self, latents: LatentSet, phantoms: GrowingPhantomSet, avae: AVAE, encoder: ReportEncoder) -> LatentPool:
        """The latents with those that are still to come."""
        return LatentPool(
            latents.to(self.device),
            phantoms,
            avae.to(self.device),
            encoder.to(self.device),
            intensity=INTENSITY,
            parts=self.text.parts,
            seed=self.seed,
            batch=ENCODED_SLICES * self.times(CUDA_SLICES),
        )

    def transformer(self, pool: LatentPool) -> STDiT:
        """The transformer."""
        stage, larger = self.stage("transformer"), self.times(CUDA_CHUNKS)
        if self.base and self.trains_further:
            # With larger batches rates grow by the root, as the noise of the gradients falls.
            stage = replace(stage, optimizer=stage.optimizer.scaled(larger**0.5))
            model = self.base.transformer.requires_grad_(True)
        else:
            stage = replace(stage, optimizer=self.anew)
            seed_torch(self.seed, "first weights of the transformer")
            model = new_transformer(transformer_config(self.sizes), pool.latents.to("cpu"), self.seed)
        chunks = self.sizes.batch * larger
        trained = train_transformer(stage, model, pool.latents, chunks, pool.grown)
        pace = json.loads(stage.summary.read_text(encoding="utf-8"))["steps_per_s"]
        used = measure_chip_share(trained, chunks, pace, torch.device(self.device))
        write_chip_share(used, self.work / CHIP_SHARE)
        log.info("the transformer was trained in %s", used)
        return trained

    def history(self, phantoms: int) -> str:
        """The card's provenance, from what the stages left behind. `phantoms`: how many the transformer met."""
        # The folder of a stage that ended may be removed.
        summaries = {name: self.work / name / SUMMARY for name in names(self.table)}
        trained = {
            name: json.loads(path.read_text(encoding="utf-8")) for name, path in summaries.items() if path.exists()
        }
        begun = None
        if self.base:
            anew = "" if self.trains_further else ", but with a new transformer"
            begun = f"It began as {self.base.card.name}{anew}: {self.base.card.provenance}"
        hardware = f"{self.device} with {torch.get_num_threads()} threads"
        return provenance(trained, phantoms, hardware, f"{datetime.now(UTC):%Y-%m-%d}", begun)


def row_of(table: Iterable[StageRow], name: str) -> StageRow:
    """The row of that name."""
    return next(row for row in table if row.name == name)


def names(table: Iterable[StageRow]) -> tuple[str, ...]:
    """The names of the stages, each once."""
    return tuple(dict.fromkeys(row.name for row in table))
