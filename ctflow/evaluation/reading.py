"""How well a model's reader reads sentences that it was not taught, in wordings that it was taught and in others."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from ctflow.checkpoint.networks import Checkpoint
from ctflow.errors import CheckpointError
from ctflow.evaluation.statistics import Estimate, share
from ctflow.models.fact_encoder import facts_of
from ctflow.models.mentions import Slot
from ctflow.models.reader import Reader
from ctflow.models.report_reader import ReportReader
from ctflow.models.text import TextEncoder
from ctflow.phantom import SLOTS, Phrasings
from ctflow.phantom.sentences import Sentence, Stance, draw_sentence, teaching_sentences
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED
from ctflow.report import Report, encoder_text

SENTENCE_SEED = 2 * 10**6  # far from the seed of every training
ENCODED_TOGETHER = 64  # sentences
STANCES: dict[Stance, str] = {
    "asserted": "assert what it knows: read wholly right",
    "denied": "deny what it knows: read wholly right",
    "other": "say something else: nothing read",
}


@dataclass(frozen=True)
class ReadingShare:
    """One row of the table: of which wordings and which sentences it is the share."""

    phrasings: Phrasings
    sentences: str
    estimate: Estimate


@dataclass(frozen=True)
class MentionCheck:
    """Shares of distinct sentences: `right`, of each stance those read wholly right; `misread`, of all those in which
    something was read that they do not say.

    What is neither right nor misread was not recognised.
    """

    right: dict[Stance, Estimate]
    misread: Estimate


def slots_read(checkpoint: Checkpoint) -> tuple[Slot, ...]:
    """The slots that it reads. Raises CheckpointError if it cannot say what it reads."""
    if (facts := facts_of(checkpoint.text)) is not None:
        return facts.config.slots[: facts.config.graded]
    if checkpoint.reader is None:
        raise CheckpointError(
            f"{checkpoint.card.name} has no reader, so there is nothing to measure: choose a --model whose folder has "
            "`reader`."
        )
    return checkpoint.reader.config.slots


def measure_reading(
    checkpoint: Checkpoint, count: int, training_seed: int, training_sentences: int
) -> Iterator[ReadingShare]:
    """Draws `count` sentences of each wording, and reads those that the reader was not taught, equal ones once.

    What counts is what is shown of them, past the guard. `training_seed` and `training_sentences` tell what the reader
    was taught. Raises CheckpointError without a reader.
    """
    slots = slots_read(checkpoint)
    shown = ReportReader(checkpoint.text, checkpoint.reader, checkpoint.card.text.parts)
    old = frozenset(one.text for one in teaching_sentences(training_seed, training_sentences))
    phrasings: Phrasings
    for phrasings in get_args(Phrasings):
        sentences = _new_sentences(slots, phrasings, count, SENTENCE_SEED, without=old)
        found = _checked(sentences, [_slots_shown(shown, slots, one.text) for one in sentences])
        for stance, words in STANCES.items():
            yield ReadingShare(phrasings, words, found.right[stance])
        yield ReadingShare(phrasings, "say anything: misread", found.misread)


def _slots_shown(shown: ReportReader, slots: Sequence[Slot], sentence: str) -> np.ndarray:
    """What is shown of a sentence, at each of the slots; what is asserted somewhere is at none."""
    answers = np.full(len(slots), NOT_MENTIONED)
    for one in shown.read(Report(sentence)).found:
        for index, (finding, side, lobe) in enumerate(slots):
            if one.asserted and one.side is None and side is not None:
                continue
            if finding == one.finding and one.side in (side, "both", None) and one.lobe in (lobe, None):
                answers[index] = max(answers[index], ASSERTED if one.asserted else DENIED)
    return answers


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
    """Draws `count` sentences and reads the distinct ones, `without` those that the reader was taught.

    What counts is what the reader alone says, before the guard. A sentence on what it does not know is of the stance
    "other".
    """
    sentences = _new_sentences(reader.config.slots, phrasings, count, seed, without)
    if not sentences:
        return _checked([], [])
    embeddings, states, _ = encode_sentences(encoder, sentences, parts)
    return _checked(sentences, reader.answers(embeddings, states).numpy())


def _checked(sentences: Sequence[Sentence], read: Iterable[np.ndarray]) -> MentionCheck:
    """Compares what was read, by slot, with what the sentences say."""
    right: dict[Stance, list[bool]] = {stance: [] for stance in STANCES}
    misread = 0
    for sentence, answers in zip(sentences, read, strict=True):
        right[sentence.stance].append(bool((answers == sentence.labels).all()))
        misread += bool(((answers != sentence.labels) & (answers != NOT_MENTIONED)).any())
    shares = {stance: share(sum(good), len(good)) for stance, good in right.items()}
    return MentionCheck(shares, share(misread, len(sentences)))


def _new_sentences(
    slots: Sequence[Slot], phrasings: Phrasings, count: int, seed: int, without: Container[str]
) -> list[Sentence]:
    """Distinct sentences with the answers at these slots."""
    rng = np.random.default_rng([seed, 7])
    places: dict[Slot, int] = {(kind, side, lobe): index for index, (kind, (side, lobe)) in enumerate(SLOTS)}
    known = [places[slot] for slot in slots]
    drawn = {one.text: one for one in (draw_sentence(rng, phrasings) for _ in range(count))}
    return [Sentence(one.text, one.labels[known]) for one in drawn.values() if one.text not in without]


@torch.no_grad()
def encode_sentences(
    encoder: TextEncoder, sentences: Sequence[Sentence], parts: tuple[str, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """-> embeddings (sentences, D), states (sentences, (1 + layers) · D), answers (sentences, slots)."""
    encoded = []
    for first in range(0, len(sentences), ENCODED_TOGETHER):
        texts = [encoder_text(Report(one.text), parts) for one in sentences[first : first + ENCODED_TOGETHER]]
        encoded.append(encoder.encode_states(*texts))
    embeddings, states = (torch.cat(parts) for parts in zip(*encoded, strict=True))
    return embeddings, states, torch.from_numpy(np.stack([one.labels for one in sentences]))


HEAD = "| wordings | new sentences that | share (95 % interval) | n |\n|---|---|---|---|"


def markdown(row: ReadingShare) -> str:
    """A line of the table under `HEAD`."""
    estimate = row.estimate
    if not estimate.n:
        return f"| {row.phrasings} | {row.sentences} | – | 0 |"
    low, value, high = (100 * x for x in (estimate.low, estimate.value, estimate.high))
    return f"| {row.phrasings} | {row.sentences} | {value:.1f} % ({low:.1f}–{high:.1f}) | {estimate.n} |"
