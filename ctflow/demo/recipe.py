"""How the demo model is made, from nothing or from a checkpoint: `python -m ctflow train demo`.

This is the whole recipe: a table of the stages, and below it the stages in their order. What a network is taught, and
how it is checked, stands in the file of that network.
"""

import json
import logging
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from ctflow.checkpoint.folder import save_checkpoint
from ctflow.checkpoint.networks import Checkpoint
from ctflow.data.phantoms import phantom_set
from ctflow.demo.avae import new_avae, train_avae
from ctflow.demo.card import DEMO_END, INTENSITY, MAX_TOKENS, PUBLISHED_END, TEXT_PARTS, demo_card, provenance
from ctflow.demo.initial import new_transformer
from ctflow.demo.latents import embed_reports, encode_phantoms, latent_scale, latent_set
from ctflow.demo.mentions import check_reader, new_reader, train_mentions
from ctflow.demo.sizes import CHUNK, Sizes, transformer_config
from ctflow.demo.text import check_text, keep_tokenizer, new_graded_encoder, train_text, train_text_further
from ctflow.demo.tower import train_tower
from ctflow.demo.transformer import train_transformer
from ctflow.demo.work import LATENTS, TEXTS, check_room, keep_base, load_base, note_demo, train_once
from ctflow.errors import RequestError
from ctflow.io.files import replacing
from ctflow.models.avae import AVAE
from ctflow.models.ctclip import CTClip
from ctflow.runtime.device import resolve_device
from ctflow.training.optimizers import OptimizerConfig
from ctflow.training.randomness import seed_torch
from ctflow.training.stage import SUMMARY, Budget, Stage

log = logging.getLogger(__name__)

BERT_LAYERS = ("encoder.bert.encoder.layer.",)
STDIT_BLOCKS = ("blocks.", "detail.blocks.")
ENCODED_SLICES = 4  # at once on a CPU, where more gain nothing
CUDA_BATCHES = 8  # a GPU's batches are so many times as large as a CPU's


def adamw(learning_rate: float, *, max_gradient_norm: float) -> OptimizerConfig:
    """AdamW for all parameters."""
    return OptimizerConfig(
        learning_rate=learning_rate,
        muon_rate=None,
        muon_prefixes=(),
        ema_decay=0.99,
        max_gradient_norm=max_gradient_norm,
    )


def muon(learning_rate: float, muon_rate: float, matrices: tuple[str, ...], *, ema_decay: float) -> OptimizerConfig:
    """Muon for the matrices whose names begin so, AdamW for the rest."""
    return OptimizerConfig(
        learning_rate=learning_rate,
        muon_rate=muon_rate,
        muon_prefixes=matrices,
        ema_decay=ema_decay,
        max_gradient_norm=1.0,
    )


@dataclass(frozen=True, kw_only=True)
class StageRow:
    """A stage, its share of the hours, and how its network is trained."""

    name: str
    share: float
    optimizer: OptimizerConfig


FROM_NOTHING = (
    StageRow(name="avae", share=0.22, optimizer=adamw(4e-3, max_gradient_norm=10.0)),
    StageRow(name="text", share=0.05, optimizer=muon(1e-3, 3e-3, BERT_LAYERS, ema_decay=0.99)),
    StageRow(name="mentions", share=0.008, optimizer=adamw(3e-3, max_gradient_norm=10.0)),
    StageRow(name="tower", share=0.02, optimizer=adamw(3e-3, max_gradient_norm=1.0)),
    StageRow(name="transformer", share=0.702, optimizer=muon(1e-3, 3e-3, STDIT_BLOCKS, ema_decay=0.995)),
)
# At the rates above, networks that were trained to the end would first forget. The mentions learn anew anyway.
FROM_CHECKPOINT = (
    StageRow(name="text", share=0.1, optimizer=adamw(4e-4, max_gradient_norm=1.0)),
    StageRow(name="mentions", share=0.03, optimizer=adamw(3e-3, max_gradient_norm=10.0)),
    StageRow(name="tower", share=0.02, optimizer=adamw(3e-3, max_gradient_norm=1.0)),
    StageRow(name="decoder", share=0.07, optimizer=adamw(2e-3, max_gradient_norm=10.0)),
    StageRow(name="transformer", share=0.78, optimizer=muon(1e-4, 3e-4, STDIT_BLOCKS, ema_decay=0.995)),
)


def train_demo(
    out: Path,
    work: Path,
    *,
    hours: float,
    sizes: Sizes,
    seed: int,
    device: str,
    from_checkpoint: Path | None = None,
) -> None:
    """Trains for about `hours`, keeps its state in `work`, and writes a checkpoint folder `out`.

    Called again, it goes on with what is in `work`. All networks but the transformer are trained once, since what comes
    after them depends on them. With `from_checkpoint` they begin as the networks of that checkpoint; of its A-VAE only
    the decoder is trained further, since nothing depends on it.

    Raises RequestError where `work` holds another training, the checkpoint is not of the demo's kind, or several
    processes are started; CheckpointError where the checkpoint cannot be read; ResourceError without the device, or
    without room on the disk.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RequestError("The demo model is trained by one process: start `python -m ctflow train demo` by itself.")
    device = resolve_device(device).type
    base = load_base(work, from_checkpoint, sizes, INTENSITY)
    table = FROM_CHECKPOINT if base else FROM_NOTHING
    note_demo(work, sizes, seed, base.sha256 if base else None, names(FROM_NOTHING + FROM_CHECKPOINT))
    check_room(work, sizes, seed, shutil.disk_usage(work).free)
    keep_base(work, from_checkpoint)
    larger = CUDA_BATCHES if device == "cuda" else 1

    def stage(name: str) -> Stage:
        row = row_of(table, name)
        budget = Budget.of_seconds(3600 * hours * row.share)
        return Stage(name=name, optimizer=row.optimizer, folder=work / name, budget=budget, seed=seed, device=device)

    phantoms = phantom_set(work, sizes.phantoms, seed)

    # The A-VAE. A checkpoint's latents stay what they are.
    if base:
        avae = base.avae.network
    else:
        seed_torch(seed, "first weights of the A-VAE")
        avae = new_avae(sizes.avae_channels, sizes.latent_channels)
        train_once(stage("avae"), avae, lambda stage: train_avae(stage, avae, phantoms, INTENSITY, sizes.avae_batch))

    # The text encoder, with the grades that are read off its embeddings.
    if base:
        assert base.reader is not None, "load_base accepts no checkpoint without one"
        encoder, reader = base.text, base.reader
        train_once(stage("text"), encoder, lambda stage: train_text_further(stage, encoder, reader.grades, TEXT_PARTS))
    else:
        tokenizer = keep_tokenizer(work / "tokenizer", TEXT_PARTS, sizes.vocabulary_reports, seed)
        seed_torch(seed, "first weights of the text encoder")
        graded = new_graded_encoder(tokenizer, sizes.text_hidden, sizes.text_layers, MAX_TOKENS)
        train_once(stage("text"), graded, lambda stage: train_text(stage, graded, TEXT_PARTS))
        seed_torch(seed, "first weights of the mentions")
        encoder, reader = graded.encoder, new_reader(graded)
    check_text(encoder, reader.grades, TEXT_PARTS, seed)

    # The reader's mentions: which findings a sentence asserts or denies.
    train_once(
        stage("mentions"),
        reader.mentions,
        lambda stage: train_mentions(stage, reader, encoder, TEXT_PARTS, sizes.sentences),
    )
    check_reader(reader, encoder, TEXT_PARTS, sizes.sentences, seed)

    # The image tower, which scores volumes.
    tower = train_once(
        stage("tower"),
        CTClip(sizes.tower),
        lambda stage: train_tower(stage, sizes.tower, phantoms, encoder),
    )

    # What the transformer learns from.
    volumes = encode_phantoms(work / LATENTS, avae, phantoms, INTENSITY, device, ENCODED_SLICES * larger)
    latent = base.card.latent if base else latent_scale(volumes)
    texts = embed_reports(work / TEXTS, encoder, phantoms, TEXT_PARTS, seed, device)
    data = latent_set(volumes, AVAE(avae, latent.scale, latent.shift), texts, phantoms, INTENSITY, CHUNK)

    # A better decoder for the same latents.
    if base:
        avae.decoder.requires_grad_(True)
        batch = sizes.avae_batch * larger
        train_once(stage("decoder"), avae, lambda stage: train_avae(stage, avae, phantoms, INTENSITY, batch))

    # The transformer. A checkpoint's of another size cannot be trained further, so a new one takes its place.
    last = stage("transformer")
    trains_further = base is not None and base.transformer.config == transformer_config(sizes)
    if base and trains_further:
        # With larger batches rates grow by the root, as the noise of the gradients falls.
        last = replace(last, optimizer=last.optimizer.scaled(larger**0.5))
        transformer = base.transformer.requires_grad_(True)
    else:
        last = replace(last, optimizer=row_of(FROM_NOTHING, "transformer").optimizer)
        seed_torch(seed, "first weights of the transformer")
        transformer = new_transformer(transformer_config(sizes), data, seed)
    transformer = train_transformer(last, transformer, data, sizes.batch * larger)

    history = describe_training(work, names(table), sizes.phantoms, device, base, trains_further)
    card = demo_card(latent, history, measured=None, end=DEMO_END if sizes.learns_end else PUBLISHED_END)
    with replacing(out) as new:
        save_checkpoint(new, card, transformer, avae, encoder.bert, encoder.tokenizer, tower, reader)
    log.info("%s is there; try it with: python app.py --model %s", out, out)


def row_of(table: Iterable[StageRow], name: str) -> StageRow:
    """The row of that name."""
    return next(row for row in table if row.name == name)


def names(table: Iterable[StageRow]) -> tuple[str, ...]:
    """The names of the stages, each once."""
    return tuple(dict.fromkeys(row.name for row in table))


def describe_training(
    work: Path, stages: Iterable[str], phantoms: int, device: str, base: Checkpoint | None, trains_further: bool
) -> str:
    """The card's provenance, from what the stages left in `work`."""
    summaries = {name: work / name / SUMMARY for name in stages}  # the folder of a stage that ended may be removed
    trained = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in summaries.items() if path.exists()}
    begun = None
    if base:
        anew = "" if trains_further else ", but with a new transformer"
        begun = f"It began as {base.card.name}{anew}: {base.card.provenance}"
    hardware = f"{device} with {torch.get_num_threads()} threads"
    return provenance(trained, phantoms, hardware, f"{datetime.now(UTC):%Y-%m-%d}", begun)
