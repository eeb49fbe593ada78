"""Labelled sentences: what a sentence of a report says of each finding at each site.

They teach a reader and test it. Some say nothing of any finding.
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

Sort = Literal["asserted", "denied", "other"]
PLACED = (*SIDED, *LOBAR)
JOINED_SHARE = 0.2  # of the sentences are two, joined by a comma
UNSIZED = 0.3  # of the sentences that can leave the size out do: else a finding without one reads as its denial


@dataclass(frozen=True, eq=False)
class Sentence:
    """`slots`: int64 (len(SLOTS),), each NOT_MENTIONED, DENIED or ASSERTED. `unplaced`: asserted, but in no slot."""

    text: str
    slots: np.ndarray
    sort: Sort
    unplaced: Kind | None = None


def draw_sentence(rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
    """One sentence, or two that are joined, as reports have them."""
    first = _draw_one(rng, phrasings)
    if rng.random() >= JOINED_SHARE:
        return first
    second = _draw_one(rng, phrasings)
    while _contradict(first, second) or _contradict(second, first):
        second = _draw_one(rng, phrasings)
    text = f"{first.text.rstrip('.')}, {second.text[:1].lower()}{second.text[1:]}"
    return Sentence(text, np.maximum(first.slots, second.slots), max(first.sort, second.sort, key=_WEIGHT.get))


def _contradict(one: Sentence, other: Sentence) -> bool:
    """Whether one denies what the other asserts, or speaks of what the other asserts somewhere."""
    unplaced = [kind == one.unplaced for kind, _ in SLOTS]
    return bool((one.slots * other.slots * (one.slots - other.slots)).any() or other.slots[unplaced].any())


_WEIGHT: dict[Sort, int] = {"other": 0, "denied": 1, "asserted": 2}


def _draw_one(rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
    draw = rng.random()
    kind = KINDS[int(rng.integers(len(KINDS)))]
    if draw < 0.45:
        return _asserted(kind, rng, phrasings)
    if draw < 0.70:
        (text,) = sentences_about(Truth(), kind, rng, phrasings)
        return Sentence(text, _slots(dict.fromkeys((kind, *ALSO_DENIED.get(text, ())), DENIED)), "denied")
    if draw < 0.75:
        several = [KINDS[i] for i in rng.permutation(len(KINDS))[: int(rng.integers(2, 4))]]
        return Sentence(deny_several(several, rng, phrasings), _slots(dict.fromkeys(several, DENIED)), "denied")
    if phrasings == "known" and draw < 0.79:
        text, kinds = GENERAL_DENIALS[int(rng.integers(len(GENERAL_DENIALS)))]
        return Sentence(text, _slots(dict.fromkeys(kinds, DENIED)), "denied")
    if phrasings == "known" and draw < 0.82:
        text = str(rng.choice(NORMAL_WHOLE + NORMAL_IMPRESSION))
        return Sentence(text, _slots(dict.fromkeys(KINDS, DENIED)), "denied")
    if phrasings == "known" and draw < 0.86:
        kind = LOBAR[int(rng.integers(len(LOBAR)))]
        return Sentence(sentence_in_both_lungs(kind, rng), _slots({kind: ASSERTED}), "asserted")
    if phrasings == "known" and draw < 0.90:  # as it cannot be said where it is, it is better not recognised
        kind = PLACED[int(rng.integers(len(PLACED)))]
        return Sentence(sentence_without_place(kind, rng), _slots({}), "other", kind)
    return Sentence(_other(rng, phrasings), _slots({}), "other")


def _other(rng: np.random.Generator, phrasings: Phrasings) -> str:
    held_out = phrasings == "held-out"
    if rng.random() < 0.5:
        return str(rng.choice(OTHERS_NEW if held_out else BACKGROUND + OTHERS))
    said = frames.framed_assertions if rng.random() < 0.5 else frames.framed_denials
    framed = said(OTHER_THINGS)[held_out]
    words = {"size": str(rng.choice(SIZES)), "measure": ""}
    return fill(framed[int(rng.integers(len(framed)))], words)


def _asserted(kind: Kind, rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
    findings = draw_finding(kind, rng)
    if kind != "Pleural effusion":
        findings = findings[:1]
    texts = sentences_about(Truth(findings=tuple(findings)), kind, rng, phrasings, UNSIZED)
    if len(texts) == len(findings):
        which = int(rng.integers(len(texts)))
        return Sentence(texts[which], _at(findings[which], ASSERTED), "asserted")
    if len(texts) < len(findings):  # both sides in one sentence
        return Sentence(texts[0], _slots({kind: ASSERTED}), "asserted")
    other = Finding(kind=kind, side="left" if findings[0].side == "right" else "right")
    return Sentence(texts[1], _at(other, DENIED), "denied")  # of an effusion on one side, that it is not on the other


def labelled(text: str, slots: np.ndarray) -> Sentence:
    """The sentence of these answers, of the sort that they make it."""
    return Sentence(text, slots, "asserted" if (slots == ASSERTED).any() else "denied" if slots.any() else "other")


def _slots(answers: dict[Kind, int]) -> np.ndarray:
    return np.array([answers.get(kind, NOT_MENTIONED) for kind, _ in SLOTS], np.int64)


def _at(finding: Finding, answer: int) -> np.ndarray:
    def there(kind: Kind, site: Site) -> bool:
        return kind == finding.kind and site in finding.sites

    return np.array([answer if there(*slot) else NOT_MENTIONED for slot in SLOTS], np.int64)


def taught(seed: int, count: int) -> frozenset[str]:
    """The texts of the `count` sentences that a reader is taught with this seed."""
    rng = np.random.default_rng([seed, 6])
    return frozenset(draw_sentence(rng, "known").text for _ in range(count))
