"""Labelled sentences: what a sentence of a report says of each finding at each site.

They teach a reader and test it. Some of them speak of nothing that phantoms have.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ctflow.phantom import phrases_frames as frames
from ctflow.phantom.others import OTHER_THINGS, OTHERS, OTHERS_NEW
from ctflow.phantom.phrases import ALSO_DENIED, BACKGROUND, GENERAL_DENIALS, NORMAL_IMPRESSION, NORMAL_WHOLE
from ctflow.phantom.phrasing import (
    Phrasings,
    deny_several,
    fill,
    sentence_in_both_lungs,
    sentence_without_place,
    sentences_about,
)
from ctflow.phantom.rates import draw_finding
from ctflow.phantom.truth import KINDS, LOBAR, SIDED, SIZES, SLOTS, Finding, Kind, Site, Truth
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED

Stance = Literal["asserted", "denied", "other"]
KINDS_WITH_PLACES = (*SIDED, *LOBAR)
JOINED_SHARE = 0.2  # of the sentences consist of two clauses, joined by a comma
# This share of the sentences that could state a size leave it out. A reader taught only sized findings would take a
# finding without a size for a denial.
UNSIZED = 0.3


@dataclass(frozen=True, eq=False)
class Sentence:
    """`labels`: int64 (len(SLOTS),), each NOT_MENTIONED, DENIED or ASSERTED.

    `unplaced`: a kind that the sentence asserts without saying where, so that no slot holds it.
    """

    text: str
    labels: np.ndarray
    unplaced: Kind | None = None

    @property
    def stance(self) -> Stance:
        """Asserted if any slot is, denied if slots are only denied, other if none is mentioned."""
        if (self.labels == ASSERTED).any():
            return "asserted"
        return "denied" if (self.labels == DENIED).any() else "other"


def draw_sentence(rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
    """A sentence of one clause, or of two that do not contradict each other."""
    first = draw_clause(rng, phrasings)
    if rng.random() >= JOINED_SHARE:
        return first
    return join(first, draw_compatible(first, rng, phrasings))


def draw_clause(rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
    """A sentence of one clause: it asserts one finding, denies one or several, or speaks of something else."""
    draw = rng.random()
    kind = KINDS[int(rng.integers(len(KINDS)))]
    if draw < 0.45:
        return _assert_finding(kind, rng, phrasings)
    if draw < 0.70:
        (text,) = sentences_about(Truth(), kind, rng, phrasings)
        return Sentence(text, _labels(DENIED, kind, *ALSO_DENIED.get(text, ())))
    if draw < 0.75:
        several = [KINDS[i] for i in rng.permutation(len(KINDS))[: int(rng.integers(2, 4))]]
        return Sentence(deny_several(several, rng, phrasings), _labels(DENIED, *several))
    if phrasings == "known" and draw < 0.90:
        return _summary(draw, rng)
    return Sentence(_speak_of_something_else(rng, phrasings), _labels(NOT_MENTIONED))


def draw_compatible(first: Sentence, rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
    """A clause that does not contradict the first one."""
    second = draw_clause(rng, phrasings)
    while _contradicts(first, second) or _contradicts(second, first):
        second = draw_clause(rng, phrasings)
    return second


def join(first: Sentence, second: Sentence) -> Sentence:
    """Two clauses as one sentence. What one asserts and the other denies elsewhere is asserted."""
    text = f"{first.text.rstrip('.')}, {second.text[:1].lower()}{second.text[1:]}"
    return Sentence(text, np.maximum(first.labels, second.labels))


def teaching_sentences(seed: int, count: int) -> list[Sentence]:
    """The sentences that a reader is taught: a data set that seed and count define, as a seed defines a phantom.

    How they are drawn must not change: this is how sentences that a trained reader has seen are known again.
    """
    rng = np.random.default_rng([seed, 6])
    return [draw_sentence(rng, "known") for _ in range(count)]


def _contradicts(one: Sentence, other: Sentence) -> bool:
    """Whether a slot is asserted by one and denied by the other, or the other speaks of a kind that is unplaced."""
    unplaced = [kind == one.unplaced for kind, _ in SLOTS]
    conflict = one.labels * other.labels * (one.labels - other.labels)
    return bool(conflict.any() or other.labels[unplaced].any())


def _assert_finding(kind: Kind, rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
    findings = draw_finding(kind, rng)
    if kind != "Pleural effusion":
        findings = findings[:1]
    texts = sentences_about(Truth(findings=tuple(findings)), kind, rng, phrasings, UNSIZED)
    if len(texts) == len(findings):
        which = int(rng.integers(len(texts)))
        return Sentence(texts[which], _labels_at(findings[which], ASSERTED))
    if len(texts) < len(findings):  # both sides in one sentence
        return Sentence(texts[0], _labels(ASSERTED, kind))
    # The second sentence denies the effusion of the other side.
    other = Finding(kind=kind, side="left" if findings[0].side == "right" else "right")
    return Sentence(texts[1], _labels_at(other, DENIED))


def _summary(draw: float, rng: np.random.Generator) -> Sentence:
    """A sentence that names no single place: general denials, a normal chest, both lungs, or a finding without place.

    There are no held-out wordings of these. `draw`: from 0.75 to 0.90.
    """
    if draw < 0.79:
        text, kinds = GENERAL_DENIALS[int(rng.integers(len(GENERAL_DENIALS)))]
        return Sentence(text, _labels(DENIED, *kinds))
    if draw < 0.82:
        return Sentence(str(rng.choice(NORMAL_WHOLE + NORMAL_IMPRESSION)), _labels(DENIED, *KINDS))
    if draw < 0.86:
        kind = LOBAR[int(rng.integers(len(LOBAR)))]
        return Sentence(sentence_in_both_lungs(kind, rng), _labels(ASSERTED, kind))
    # A reader cannot say where this finding is, so it is better not recognised.
    kind = KINDS_WITH_PLACES[int(rng.integers(len(KINDS_WITH_PLACES)))]
    return Sentence(sentence_without_place(kind, rng), _labels(NOT_MENTIONED), unplaced=kind)


def _speak_of_something_else(rng: np.random.Generator, phrasings: Phrasings) -> str:
    held_out = phrasings == "held-out"
    if rng.random() < 0.5:
        return str(rng.choice(OTHERS_NEW if held_out else BACKGROUND + OTHERS))
    template = frames.framed_assertions if rng.random() < 0.5 else frames.framed_denials
    templates = template(OTHER_THINGS)[held_out]
    words = {"size": str(rng.choice(SIZES)), "measure": ""}
    return fill(templates[int(rng.integers(len(templates)))], words)


def _labels(label: int, *kinds: Kind) -> np.ndarray:
    """The label at every slot of these kinds."""
    return np.array([label if kind in kinds else NOT_MENTIONED for kind, _ in SLOTS], np.int64)


def _labels_at(finding: Finding, label: int) -> np.ndarray:
    """The label at the slots of one finding's sites."""

    def there(kind: Kind, site: Site) -> bool:
        return kind == finding.kind and site in finding.sites

    return np.array([label if there(*slot) else NOT_MENTIONED for slot in SLOTS], np.int64)
