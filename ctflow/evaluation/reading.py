"""How well a model's reader reads sentences that it was not taught, in wordings that it was taught and in others."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from ctflow.checkpoint.networks import Checkpoint
from ctflow.errors import CheckpointError
from ctflow.evaluation.statistics import Estimate, share
from ctflow.models.reader import Reader
from ctflow.models.text import TextEncoder
from ctflow.phantom import SLOTS, Phrasings
from ctflow.phantom.sentences import Sentence, Sort, draw_sentence, labelled, taught
from ctflow.reading import NOT_MENTIONED
from ctflow.report import Report, encoder_text

SEED = 2 * 10**6  # another stream than any training's
ENCODED = 64  # sentences at once
# Of every second sentence for training these many words are unknown ones, so that no single word decides alone.
UNKNOWN_SHARE = 0.15
HEAD = "| wordings | new sentences that | share (95 % interval) | n |\n|---|---|---|---|"


def measure(checkpoint: Checkpoint, count: int, seed: int, sentences: int) -> Iterator[tuple[str, str, Estimate]]:
    """Wordings, sort of sentence, and the share of those that are new among `count` sentences, each counted once.

    `seed` and `sentences`: seed and count of the reader's training sentences, which are left out.
    Raises CheckpointError without a reader.
    """
    if checkpoint.reader is None:
        raise CheckpointError(f"{checkpoint.card.name} has no reader: it does not say what it reads.")
    old, parts = taught(seed, sentences), checkpoint.card.text.parts
    for phrasings in get_args(Phrasings):
        found = check_mentions(checkpoint.reader, checkpoint.text, parts, phrasings, count, SEED, without=old)
        sorts = {
            "asserted": "assert what it knows: read wholly right",
            "denied": "deny what it knows: read wholly right",
            "other": "say something else: nothing read",
        }
        for sort, words in sorts.items():
            yield phrasings, words, found.right[sort]  # type: ignore[index]
        yield phrasings, "say anything: misread", found.misread


def markdown(phrasings: str, words: str, estimate: Estimate) -> str:
    """One line of the table."""
    if not estimate.n:
        return f"| {phrasings} | {words} | – | 0 |"
    low, value, high = (100 * x for x in (estimate.low, estimate.value, estimate.high))
    return f"| {phrasings} | {words} | {value:.1f} % ({low:.1f}–{high:.1f}) | {estimate.n} |"


@torch.no_grad()
def encode_sentences(
    encoder: TextEncoder, sentences: list[Sentence], parts: tuple[str, ...], rng: np.random.Generator | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """-> embeddings (sentences, D), states (sentences, (1 + layers) · D), answers (sentences, slots).

    With `rng`, some words are made unknown.
    """
    tokenizer, encoded = encoder.tokenizer, []
    for first in range(0, len(sentences), ENCODED):
        texts = [encoder_text(Report(one.text), parts) for one in sentences[first : first + ENCODED]]
        tokens = tokenizer(texts, padding=True, truncation=True, max_length=encoder.max_tokens, return_tensors="pt")
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        if rng:
            lost = torch.from_numpy(rng.random(ids.shape) < UNKNOWN_SHARE * rng.integers(2, size=(len(ids), 1)))
            kept = (ids == tokenizer.cls_token_id) | (ids == tokenizer.sep_token_id)
            ids = torch.where(lost & ~kept, tokenizer.unk_token_id, ids)
        encoded.append(encoder.states(ids, mask))
    embeddings, states = map(torch.cat, zip(*encoded, strict=True))
    return embeddings, states, torch.from_numpy(np.stack([one.slots for one in sentences]))


@dataclass(frozen=True)
class MentionCheck:
    """Shares of distinct sentences: of each sort those read wholly right, and of all those where something was misread.

    What is neither right nor misread was not recognised.
    """

    right: dict[Sort, Estimate]
    misread: Estimate


@torch.inference_mode()
def check_mentions(
    reader: Reader,
    encoder: TextEncoder,
    parts: tuple[str, ...],
    phrasings: Phrasings,
    count: int,
    seed: int,
    without: Container[str] = (),
) -> MentionCheck:
    """See `MentionCheck`; of `count` sentences drawn, those that differ, `without` what the reader was taught.

    A sentence of what the reader does not know is of the sort "other".
    """
    rng = np.random.default_rng([seed, 7])
    known = [SLOTS.index((kind, (side, lobe))) for kind, side, lobe in reader.config.slots]  # type: ignore[arg-type]
    drawn = {one.text: one for one in (draw_sentence(rng, phrasings) for _ in range(count))}
    sentences = [labelled(one.text, one.slots[known]) for one in drawn.values() if one.text not in without]
    by_sort: dict[Sort, list[bool]] = {"asserted": [], "denied": [], "other": []}
    misread = 0
    if sentences:
        embeddings, states, answers = encode_sentences(encoder, sentences, parts)
        read = reader.answers(embeddings, states)
        for one, good in zip(sentences, (read == answers).all(-1).tolist(), strict=True):
            by_sort[one.sort].append(good)
        misread = int(((read != answers) & (read != NOT_MENTIONED)).any(-1).sum())
    shares = {sort: share(sum(good), len(good)) for sort, good in by_sort.items()}
    return MentionCheck(shares, share(misread, len(sentences)))
