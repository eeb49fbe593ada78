"""Training of the reader's mentions: a head on the frozen text encoder, taught with phantoms' labelled sentences."""

import logging
from typing import get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctflow.demo.text import LOGIT_SCALE, GradedEncoder
from ctflow.evaluation.reading import check_mentions
from ctflow.models.reader import Reader, ReaderConfig
from ctflow.models.text import TextEncoder, encode_texts
from ctflow.phantom import SIZES, SLOTS, Phrasings
from ctflow.phantom.sentences import Sentence, teaching_sentences
from ctflow.report import Report, encoder_text
from ctflow.runtime.device import on_device
from ctflow.training.loop import train
from ctflow.training.randomness import random_stream
from ctflow.training.stage import Stage

log = logging.getLogger(__name__)

HIDDEN = 256
BATCH = 256  # sentences in a step
LABELS = 3  # not mentioned, denied, asserted
# In every second sentence this share of the words is made unknown, so that no single word decides alone.
UNKNOWN_SHARE = 0.15
CHECKED_SHARE = 1 / 6  # as many sentences check a reader as this share of those that teach it


def new_reader(graded: GradedEncoder) -> Reader:
    """With the grades that the encoder was trained with, and mentions that are still to be trained."""
    bert = graded.encoder.bert.config
    slots = tuple((kind, *site) for kind, site in SLOTS)
    config = ReaderConfig(dim=bert.hidden_size, layers=bert.num_hidden_layers, hidden=HIDDEN, slots=slots, sizes=SIZES)
    reader = Reader(config)
    # The reader gets embeddings as they are, without LOGIT_SCALE. The last number of a slot is the amount, which
    # nobody reads.
    weight, bias = (
        tensor.unflatten(0, (len(SLOTS), -1))[:, :-1].flatten(0, 1).detach()
        for tensor in (graded.heads.weight, graded.heads.bias)
    )
    reader.grades.load_state_dict({"weight": LOGIT_SCALE * weight, "bias": bias})
    return reader


def train_mentions(
    stage: Stage, reader: Reader, encoder: TextEncoder, parts: tuple[str, ...], count: int
) -> nn.Sequential:
    """Cross-entropy over the slots of `count` sentences. They are encoded once, since the encoder stays as it is."""
    sentences = teaching_sentences(stage.seed, count)
    states = encode_with_unknown_words(encoder, sentences, parts, random_stream(stage.seed, "unknown words"))
    states = states.to(stage.device)
    labels = torch.from_numpy(np.stack([one.labels for one in sentences])).to(stage.device)

    def losses(mentions: nn.Sequential, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        picks = on_device(torch.from_numpy(rng.integers(count, size=BATCH)), device)
        logits = mentions(states[picks]).float().unflatten(1, (-1, LABELS))
        target = labels[picks]
        return {"mentions": F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum") / BATCH}

    return train(stage, reader.mentions.requires_grad_(True), losses)


@torch.no_grad()
def encode_with_unknown_words(
    encoder: TextEncoder, sentences: list[Sentence], parts: tuple[str, ...], rng: np.random.Generator
) -> Tensor:
    """The encoder's states (sentences, (1 + layers) · D), as `TextEncoder.states` gives them."""
    vocabulary = encoder.tokenizer.get_vocab()
    special_tokens = torch.tensor([vocabulary["[CLS]"], vocabulary["[SEP]"]])

    def states(ids: Tensor, mask: Tensor) -> tuple[Tensor]:
        some = rng.random(ids.shape) < UNKNOWN_SHARE * rng.integers(2, size=(len(ids), 1))
        special = torch.isin(ids, special_tokens.to(ids.device))
        unknown = torch.from_numpy(some).to(ids.device) & ~special
        return (encoder.states(torch.where(unknown, vocabulary["[UNK]"], ids), mask)[1],)

    texts = [encoder_text(Report(one.text), parts) for one in sentences]
    return encode_texts(states, encoder, texts)[0]


def check_reader(reader: Reader, encoder: TextEncoder, parts: tuple[str, ...], count: int, seed: int) -> None:
    """Logs how well the reader reads new sentences. `count`: how many it was taught, with this seed."""
    taught = frozenset(one.text for one in teaching_sentences(seed, count))
    checked = int(CHECKED_SHARE * count)
    for phrasings in get_args(Phrasings):
        found = check_mentions(reader, encoder, parts, phrasings, checked, seed, without=taught)
        right = ", ".join(f"{100 * one.value:.1f} % {stance} (n {one.n})" for stance, one in found.right.items())
        misread = 100 * found.misread.value
        log.info("reader, new sentences, %s phrasings: right %s; %.1f %% misread", phrasings, right, misread)
