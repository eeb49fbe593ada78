"""What comes before the transformer: A-VAE, text encoder, reader and image tower, trained once each."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, get_args

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from ctflow.data.phantoms import PhantomSet
from ctflow.demo.avae import new_avae, train_avae
from ctflow.demo.mentions import new_reader, train_mentions
from ctflow.demo.sizes import Sizes
from ctflow.demo.text import (
    Attributes,
    accuracy,
    new_bert,
    new_tokenizer,
    train_text,
    train_text_on,
)
from ctflow.demo.tower import (
    check_tower,
    fit_tower,
    seen,
    tower_set,
    train_tower,
)
from ctflow.evaluation.reading import check_mentions
from ctflow.hu import AIR_HU, IntensityMap
from ctflow.io.files import replacing
from ctflow.models.ctclip import CTClip
from ctflow.models.reader import Reader
from ctflow.models.text import TextEncoder
from ctflow.phantom import Phrasings, draw_truth, write_report
from ctflow.phantom.sentences import UNSIZED, teaching_sentences
from ctflow.report import encoder_text
from ctflow.training.loop import Recipe, Stage

log = logging.getLogger(__name__)
N = TypeVar("N", bound=nn.Module)

INTENSITY = IntensityMap(black=0.0, white=1.0, hu_black=AIR_HU, hu_white=1400)
TEXT_PARTS = ("[Sex: {sex}]", "[Age: {age:03d}Y]", "Findings: {findings}", "Impression: {impression}")
MAX_TOKENS = 256
# Each with its share of the time.
AVAE_RECIPE, AVAE_SHARE = Recipe("avae", 4e-3, None, ema_decay=0.99, max_gradient_norm=10.0), 0.22
TEXT_RECIPE, TEXT_SHARE, TEXT_BATCH = Recipe("text", 1e-3, 3e-3, ema_decay=0.99, max_gradient_norm=1.0), 0.05, 64
MENTIONS_RECIPE, MENTIONS_SHARE = Recipe("mentions", 3e-3, None, ema_decay=0.99, max_gradient_norm=10.0), 0.008
TOWER_RECIPE, TOWER_SHARE = Recipe("tower", 3e-3, None, ema_decay=0.99, max_gradient_norm=1.0), 0.02
# From a checkpoint on. What was trained to the end would at the full rates first forget; mentions learn anew anyway.
TEXT_ON_RECIPE, TEXT_ON_SHARE = replace(TEXT_RECIPE, learning_rate=4e-4, matrix_rate=1.2e-3), 0.1
MENTIONS_ON_SHARE = 0.03


@dataclass(frozen=True, eq=False)
class Parts:
    """The trained networks, frozen."""

    kl: AutoencoderKL
    encoder: TextEncoder
    reader: Reader
    tower: CTClip


def train_parts(stage: Callable[[Recipe, float], Stage], sizes: Sizes, phantoms: PhantomSet) -> Parts:
    """`stage`: of a recipe and its share of the time."""
    kl = _avae(stage(AVAE_RECIPE, AVAE_SHARE), sizes, phantoms)
    reading = stage(TEXT_RECIPE, TEXT_SHARE)
    attributes = _text(reading, sizes)
    encoder, reader = attributes.encoder, new_reader(attributes)
    _check_text(encoder, reader.grades, reading.seed)
    reader = _mentions(stage(MENTIONS_RECIPE, MENTIONS_SHARE), sizes, reader, encoder)
    tower = _tower(stage(TOWER_RECIPE, TOWER_SHARE), sizes, encoder, phantoms)
    return Parts(kl, encoder, reader, tower)


def train_parts_on(stage: Callable[[Recipe, float], Stage], sizes: Sizes, phantoms: PhantomSet, begun: Parts) -> Parts:
    """A checkpoint's A-VAE, whose latents stay, its encoder and reader with today's wordings, and a new tower."""
    reading, grades = stage(TEXT_ON_RECIPE, TEXT_ON_SHARE), begun.reader.grades
    encoder = once(
        reading, begun.encoder, lambda: train_text_on(reading, begun.encoder, grades, TEXT_PARTS, TEXT_BATCH)
    )
    _check_text(encoder, grades, reading.seed)
    reader = _mentions(stage(MENTIONS_RECIPE, MENTIONS_ON_SHARE), sizes, begun.reader, encoder)
    tower = _tower(stage(TOWER_RECIPE, TOWER_SHARE), sizes, encoder, phantoms)
    return Parts(begun.kl, encoder, reader, tower)


def save(what: object, path: Path) -> None:
    """As torch saves it; what was there stays until it is whole."""
    with replacing(path) as new:
        torch.save(what, new)


def once(stage: Stage, network: N, train: Callable[[], nn.Module]) -> N:
    """The trained network for good: what comes after depends on every number in it."""
    done = stage.folder.with_suffix(".pt")
    if not done.exists():
        save(train().state_dict(), done)
    network.load_state_dict(torch.load(done, weights_only=True))
    return network.eval().requires_grad_(False)


def _avae(stage: Stage, sizes: Sizes, phantoms: PhantomSet) -> AutoencoderKL:
    kl = new_avae(sizes.avae_channels, sizes.latent_channels)
    return once(stage, kl, lambda: train_avae(stage, kl, phantoms, INTENSITY, sizes.avae_batch))


def _tokenizer(folder: Path, seed: int, count: int) -> PreTrainedTokenizerBase:
    """Made once: the trainer of vocabularies breaks ties at random, so a second one would number words otherwise."""
    if not folder.exists():
        rng = np.random.default_rng([seed, 1])
        reports = [write_report(draw_truth(rng), rng, unsized=UNSIZED) for _ in range(count)]
        texts = [encoder_text(report, TEXT_PARTS) for report in reports]
        with replacing(folder) as new:
            new_tokenizer(texts, MAX_TOKENS).save_pretrained(new)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _text(stage: Stage, sizes: Sizes) -> Attributes:
    tokenizer = _tokenizer(stage.folder.with_name("tokenizer"), stage.seed, sizes.vocabulary_reports)
    bert = new_bert(len(tokenizer), sizes.text_hidden, sizes.text_layers, MAX_TOKENS)
    attributes = Attributes(TextEncoder(bert, tokenizer, MAX_TOKENS))
    return once(stage, attributes, lambda: train_text(stage, attributes, TEXT_PARTS, TEXT_BATCH))


def _check_text(encoder: TextEncoder, grades: nn.Linear, seed: int) -> None:
    for phrasings in get_args(Phrasings):
        right = accuracy(encoder, grades, TEXT_PARTS, 500, seed, phrasings)
        log.info("text encoder reads %.1f %% of grades right in new reports, %s phrasings", 100 * right, phrasings)


def _mentions(stage: Stage, sizes: Sizes, reader: Reader, encoder: TextEncoder) -> Reader:
    """What the frozen text encoder tells of a sentence."""
    reader.mentions.requires_grad_(True)
    once(stage, reader.mentions, lambda: train_mentions(stage, reader, encoder, TEXT_PARTS, sizes.sentences))
    old = frozenset(one.text for one in teaching_sentences(stage.seed, sizes.sentences))
    count = sizes.sentences // 6
    for phrasings in get_args(Phrasings):
        found = check_mentions(reader, encoder, TEXT_PARTS, phrasings, count, stage.seed, without=old)
        right = ", ".join(f"{100 * one.value:.1f} % {sort} (n {one.n})" for sort, one in found.right.items())
        misread = 100 * found.misread.value
        log.info("reader, new sentences, %s phrasings: right %s; %.1f %% misread", phrasings, right, misread)
    return reader


def _tower(stage: Stage, sizes: Sizes, encoder: TextEncoder, phantoms: PhantomSet) -> CTClip:
    """The image tower that scores volumes, taught with the frozen text encoder."""

    def trained() -> nn.Module:
        fitted, latents = fit_tower(sizes.tower, phantoms, stage.seed)
        data, count = tower_set(phantoms, latents, sizes.tower, encoder, stage.seed), seen(phantoms)
        tower = train_tower(stage, fitted, data, count)
        found = check_tower(tower, phantoms, data, count)
        areas = ", ".join(f"{label} {area.value:.2f}" for label, area in found.labels.items())
        log.info("image tower's AUROC on phantoms it has not seen: %s", areas)
        log.info("their own report scores above that of another in %.1f %%", 100 * found.retrieval.value)
        return tower

    return once(stage, CTClip(sizes.tower), trained)
