"""Whether a model's text embedding is of what a report says, and not of how, or at what length, it says it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ctflow.checkpoint.networks import Checkpoint
from ctflow.errors import CheckpointError
from ctflow.evaluation.reading import slots_read
from ctflow.evaluation.statistics import Estimate, share
from ctflow.models.fact_encoder import facts_of
from ctflow.phantom import SLOTS, Phrasings, Truth, grades
from ctflow.phantom.language import MANNERS, Manner, draw_report_truth, write_report
from ctflow.report import encoder_text

SEED = 3 * 10**6  # far from the seed of every training
HEAD = "| reports | value | n |\n|---|---|---|"


@dataclass(frozen=True)
class Length:
    """Reports of so many tokens, and the number of words to ask for."""

    name: str
    tokens: tuple[int, int]
    words: tuple[int, int]


LENGTHS = (Length("short", (30, 60), (22, 45)), Length("long", (300, 450), (180, 320)))


@dataclass(frozen=True, eq=False)
class Likeness:
    """Cosines of embeddings. `same`: one truth in two manners; `other`: two truths in one manner.

    `nearest`: how often the nearest of all other embeddings is of the same truth.
    """

    same: np.ndarray
    other: np.ndarray
    nearest: Estimate


class ReportMeasure:
    """Embeds reports of the language in these wordings.

    Raises CheckpointError if the checkpoint has no reader, or one that answers other questions than phantoms' truths.
    """

    def __init__(self, checkpoint: Checkpoint, phrasings: Phrasings) -> None:
        if slots_read(checkpoint) != tuple((kind, *site) for kind, site in SLOTS):
            raise CheckpointError(f"The reader of {checkpoint.card.name} does not answer what phantoms' truths do.")
        self._text, self._grades = checkpoint.text, grades_of(checkpoint)
        self._parts = checkpoint.card.text.parts
        self._phrasings: Phrasings = phrasings

    @torch.inference_mode()
    def likeness(self, count: int) -> Likeness:
        """Of `count` truths, all different and none without findings, each in every manner."""
        rng = np.random.default_rng([SEED, 1])
        truths = _different_truths(count, rng)
        texts = [self._written(truth, rng, manner) for truth in truths for manner in MANNERS]
        return compare(self._text.embed(texts).numpy(), len(MANNERS))

    @torch.inference_mode()
    def grades_told(self, count: int, length: Length) -> Estimate:
        """Of the findings in `count` reports, by slot: the share whose grade is told by the embedding.

        Where a report leaves a size out, its grade cannot be told.
        """
        rng = np.random.default_rng([SEED, 2])
        truths, texts = zip(*(self._of_length(length, rng) for _ in range(count)), strict=True)
        target = np.stack([grades(truth) for truth in truths])
        told = self._grades(self._text.embed(texts)).unflatten(1, (len(SLOTS), -1)).argmax(-1).numpy()
        there = target > 0
        return share(int((told == target)[there].sum()), int(there.sum()))

    def _of_length(self, length: Length, rng: np.random.Generator) -> tuple[Truth, str]:
        """A truth with findings, and its report of so many tokens."""
        low, high = length.tokens
        while True:
            truth = draw_report_truth(rng)
            text = self._written(truth, rng, None, length.words)
            if truth.findings and low <= self._text.read(text).tokens <= high:
                return truth, text

    def _written(
        self, truth: Truth, rng: np.random.Generator, manner: Manner | None, words: tuple[int, int] = LENGTHS[0].words
    ) -> str:
        return encoder_text(write_report(truth, rng, manner, self._phrasings, words).report, self._parts)


def grades_of(checkpoint: Checkpoint) -> nn.Linear:
    """What tells the grades by an embedding (D) -> slots · grades, in a checkpoint that says what it reads."""
    if (facts := facts_of(checkpoint.text)) is not None:
        return facts.grades
    assert checkpoint.reader is not None
    return checkpoint.reader.grades


def compare(embeddings: np.ndarray, manners: int) -> Likeness:
    """Embeddings (truths · manners, D) of unit length, those of one truth together -> how alike they are."""
    cosine = embeddings @ embeddings.T
    truth, manner = np.divmod(np.arange(len(embeddings)), manners)
    same_truth, same_manner = truth[:, None] == truth, manner[:, None] == manner
    once = np.triu(np.ones_like(same_truth), 1)
    same, other = cosine[same_truth & once], cosine[~same_truth & same_manner & once]
    np.fill_diagonal(cosine, -np.inf)
    hits = truth[cosine.argmax(1)] == truth
    return Likeness(same, other, share(int(hits.sum()), len(hits)))


def markdown(measure: ReportMeasure, count: int) -> Iterator[str]:
    """The lines under `HEAD`, for `count` truths and as many reports of each length."""
    found = measure.likeness(count)
    yield f"| one truth in two manners: cosine | {_spread(found.same)} | {len(found.same)} |"
    yield f"| two truths in one manner: cosine | {_spread(found.other)} | {len(found.other)} |"
    yield f"| whose nearest neighbour is of the same truth | {_percent(found.nearest)} | {found.nearest.n} |"
    for length in LENGTHS:
        told = measure.grades_told(count, length)
        low, high = length.tokens
        yield f"| {length.name}, {low} to {high} tokens: grades told | {_percent(told)} | {told.n} |"


def _different_truths(count: int, rng: np.random.Generator) -> list[Truth]:
    truths: dict[bytes, Truth] = {}
    while len(truths) < count:
        truth = draw_report_truth(rng)
        if truth.findings:
            truths[grades(truth).tobytes()] = truth
    return list(truths.values())


def _spread(values: np.ndarray) -> str:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def _percent(estimate: Estimate) -> str:
    low, value, high = (100 * x for x in (estimate.low, estimate.value, estimate.high))
    return f"{value:.1f} % ({low:.1f}–{high:.1f})"
