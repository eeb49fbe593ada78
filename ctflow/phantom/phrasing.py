"""Sentences about findings: drawn from known or held-out phrasings, and filled with what a truth says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from ctflow.phantom import phrases as wording
from ctflow.phantom import phrases_frames as frames
from ctflow.phantom.phrases import Phrases
from ctflow.phantom.phrases_lungs import LUNGS, NODULES
from ctflow.phantom.phrases_mediastinum import MEDIASTINUM
from ctflow.phantom.phrases_pleura import (
    BOTH_DIFFERENT,
    BOTH_DIFFERENT_HELD_OUT,
    BOTH_EQUAL,
    BOTH_UNSIZED,
    PLEURA,
    SIDE_DENIAL,
)
from ctflow.phantom.truth import KINDS, LOBAR, SIZES, Finding, Kind, Size, Truth

Phrasings = Literal["known", "held-out"]
T = TypeVar("T")
PHRASES: dict[Kind, Phrases] = {**PLEURA, **MEDIASTINUM, **LUNGS}
WRITTEN_ODDS = 0.4  # that a sentence is one of those written out, and not one from a frame
PLURAL_ODDS = 0.2  # that a sentence without a place is like "Multiple nodules."
# The thickness of fluid (mm) that goes with each size, in sentences that measure it.
THICKNESS_MM: dict[Size, tuple[int, int]] = {"small": (8, 20), "moderate": (28, 45), "large": (60, 100)}
BEFORE_A_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou]|8\d*\b|11\b|18\b)")
SIZE_BEHIND = re.compile(r"[,:] \{size\}( in (amount|extent))?(?=[.,{])")
SIZE_BEFORE = re.compile(r"\{(size|mildly)\},? (?!degree|extent)")
SIZED = re.compile(r"\{(size|mildly|quantity|mm|cm)\}")
ABBREVIATIONS = {"upper": "UL", "middle": "ML", "lower": "LL"}


@dataclass(frozen=True)
class Draw:
    """Random choices, each by one cheap uniform number, because training of the text encoder draws tens of thousands.

    ``unsized`` and ``unplaced``: the odds that a sentence that can leaves out the size, and with it the place.
    ``plain``: takes the first option every time, and the first phrasing that states a size.
    """

    rng: np.random.Generator
    phrasings: Phrasings
    unsized: float = 0.0
    unplaced: float = 0.0
    plain: bool = False

    def of(self, options: Sequence[T]) -> T:
        return options[0 if self.plain else int(self.rng.random() * len(options))]

    def chance(self, odds: float) -> bool:
        return not self.plain and bool(self.rng.random() < odds)

    def some(self, options: Sequence[T], count: int) -> list[T]:
        return [options[i] for i in self.rng.permutation(len(options))[:count]]

    def version(self, known: Sequence[str], held_out: Sequence[str]) -> str:
        return self.of(known if self.phrasings == "known" else held_out)

    def assertion(self, phrases: Phrases) -> str:
        if self.plain:
            return next(text for text in phrases.assertions if SIZED.search(text) or "{device}" in text)
        return self._one(phrases.assertions, phrases.held_out_assertions, frames.framed_assertions(phrases))

    def denial(self, phrases: Phrases) -> str:
        return self._one(phrases.denials, phrases.held_out_denials, frames.framed_denials(phrases))

    def perhaps_unsized(self, template: str, phrases: Phrases) -> str:
        return without_size(template, phrases) if self.chance(self.unsized) else template

    def _one(self, known: Sequence[str], held_out: Sequence[str], framed: tuple[list[str], list[str]]) -> str:
        """A sentence that is written out, or a noun phrase in a frame."""
        written = self.chance(WRITTEN_ODDS) or not framed[0]
        return self.version(*(known, held_out) if written else framed)


def sentences_about(
    truth: Truth, kind: Kind, rng: np.random.Generator, phrasings: Phrasings = "known", unsized: float = 0.0
) -> list[str]:
    """The sentences that say everything about one kind, asserted or denied.

    ``unsized``: as in ``write_report``, but the place is always stated.
    """
    d = Draw(rng, phrasings, unsized if phrasings == "known" else 0.0)
    return assert_kind(d, truth, kind) or [deny(d, kind, absent_kinds(truth))]


def sentence_in_both_lungs(kind: Kind, rng: np.random.Generator) -> str:
    """A sentence that says that a kind that lies in lobes is in both lungs, and neither where exactly nor how large."""
    return _in_both_lungs(Draw(rng, "known"), kind)


def sentence_without_place(kind: Kind, rng: np.random.Generator) -> str:
    """A sentence that says that a kind that has a side is there, but neither where nor how large."""
    d = Draw(rng, "known", unsized=1.0)
    several = [noun.text for noun in frames.deniable_nouns(PHRASES[kind]) if noun.number == "many"]
    if several and d.chance(PLURAL_ODDS):
        return f"Multiple {d.of(several)}."
    template = ""
    while "{place}" not in template or SIZED.search(template):
        template = d.perhaps_unsized(d.of(frames.framed_assertions(PHRASES[kind])[0]), PHRASES[kind])
    words = {"measure": "", "nodule": d.of(wording.NODULE_WORDS["solid"])}
    return fill(template.replace(" {place}", ""), words)


def deny(d: Draw, kind: Kind, absent: Sequence[Kind]) -> str:
    """A sentence that denies a kind, and nothing else that is not absent too."""
    text = d.denial(PHRASES[kind])
    while not set(wording.ALSO_DENIED.get(text, ())) <= {kind, *absent}:
        text = d.denial(PHRASES[kind])
    return text


def deny_several(kinds: Sequence[Kind], rng: np.random.Generator, phrasings: Phrasings = "known") -> str:
    """One sentence that denies several kinds, at least two, and nothing else."""
    d = Draw(rng, phrasings)
    nouns = [d.of(frames.deniable_nouns(PHRASES[kind])) for kind in kinds]
    return frames.list_denial(d.version(frames.DENIAL_LISTS, frames.DENIAL_LISTS_HELD_OUT), nouns)


def without_size(template: str, phrases: Phrases) -> str:
    """The template without its size; unchanged if it needs the size, or if it would become a held-out one."""
    shorter = SIZE_BEFORE.sub("", SIZE_BEHIND.sub("", template))
    sized = any(f"{{{word}}}" in shorter for word in ("size", "mildly", "quantity"))
    return template if sized or frames.is_held_out(shorter, phrases) else shorter


def fill(template: str, words: dict[str, str]) -> str:
    """The template with its slots filled, a capital at the start, and "an" before vowels."""
    text = BEFORE_A_VOWEL.sub(r"\1n ", template.format(**words))
    return text[:1].upper() + text[1:]


def assert_kind(d: Draw, truth: Truth, kind: Kind) -> list[str]:
    """The sentences that assert all findings of one kind; none if there are none."""
    findings = truth.of(kind)
    if kind in LOBAR and len({finding.side for finding in findings}) == 2 and d.chance(d.unsized):
        return [_in_both_lungs(d, kind)]
    if kind != "Pleural effusion":
        return [_sentence(d, finding) for finding in findings]
    sides = {finding.side: finding for finding in findings}
    if len(sides) == 2 and not d.chance(0.2):
        return [_both(d, sides["right"].size, sides["left"].size)]
    sentences = [_sentence(d, finding) for finding in findings]
    if len(sides) == 1 and d.phrasings == "known" and d.chance(0.25):
        other = "left" if "right" in sides else "right"
        sentences.append(fill(d.of(SIDE_DENIAL), {"side": other}))
    return sentences


def _sentence(d: Draw, finding: Finding) -> str:
    phrases = PHRASES[finding.kind] if finding.count == 1 else NODULES
    low, high = THICKNESS_MM[finding.size]
    mm = finding.mm or low + int(d.rng.random() * (high - low))
    words = {
        **_size_words(d, phrases, finding.size),
        "side": finding.side or "",
        "lobe": finding.lobe or "",
        "abbreviation": _abbreviation(finding),
        "mm": f"{mm:g}",
        "cm": f"{mm / 10:.1f}",
        "ml": f"{round(finding.ml or 0.0, -1):.0f}",
        "ratio": f"{finding.ratio or 0.0:.2f}",
    }
    if finding.variant in wording.DEVICE_WORDS:
        words["device"] = d.of(wording.DEVICE_WORDS[finding.variant])
    words["nodule"] = d.of(wording.NODULE_WORDS.get(finding.variant, wording.NODULE_WORDS["solid"]))
    if finding.count > 1:
        words["nodules"] = words["nodule"].replace("nodule", "nodules")
        words["number"] = wording.NUMBERS[finding.count]
    full = d.assertion(phrases)
    template = d.perhaps_unsized(full, phrases)
    if "{measure}" in template:
        words["measure"] = d.of(phrases.measures).format(**words)
    if "{place}" in template:
        words["place"] = "" if template != full and d.chance(d.unplaced) else _of_place(d, finding)
        template = template if words["place"] else template.replace(" {place}", "")
    elif "{where}" in template:
        words["where"] = _where(d, finding)
    return fill(template, words)


def _both(d: Draw, right: Size, left: Size) -> str:
    amounts = PHRASES["Pleural effusion"].words
    if right == left and d.chance(0.7):
        return fill(
            d.perhaps_unsized(d.assertion(BOTH_EQUAL), BOTH_EQUAL), {**_size_words(d, BOTH_EQUAL, right), "measure": ""}
        )
    if right != left and d.chance(d.unsized):
        larger, other = sorted(("right", "left"), key=lambda side: -SIZES.index(right if side == "right" else left))
        return fill(d.of(BOTH_UNSIZED), {"larger": larger, "other": other})
    words = {"r": d.of(amounts[right]), "l": d.of(amounts[left])}
    return fill(d.version(BOTH_DIFFERENT, BOTH_DIFFERENT_HELD_OUT), words)


def _in_both_lungs(d: Draw, kind: Kind) -> str:
    noun = d.of([noun for noun in frames.deniable_nouns(PHRASES[kind]) if noun.number != "one"])
    are, multiple = ("are", "multiple ") if noun.number == "many" else ("is", "")
    words = {"noun": noun.text, "both": d.of(wording.BOTH_KNOWN), "are": are, "multiple": multiple}
    return fill(d.of(frames.BOTH_LUNGS_FRAMES), words)


def _abbreviation(finding: Finding) -> str:
    return finding.side[0].upper() + ABBREVIATIONS[finding.lobe] if finding.side and finding.lobe else ""


def _size_words(d: Draw, phrases: Phrases, size: Size) -> dict[str, str]:
    return {
        "size": d.of(phrases.words[size]),
        "quantity": d.of(wording.QUANTITIES[size]),
        "mildly": d.of(wording.ADVERBS[size]),
    }


def _where(d: Draw, finding: Finding) -> str:
    side, lobe = finding.side, finding.lobe
    if side is None:
        return d.version(wording.BOTH_KNOWN, wording.BOTH_HELD_OUT)
    if lobe is None:
        return d.version(wording.SIDE_KNOWN, wording.SIDE_HELD_OUT).format(side=side)
    if d.phrasings == "known" and lobe != "middle" and d.chance(0.1):
        return d.of(wording.BASE_KNOWN if lobe == "lower" else wording.APEX_KNOWN).format(side=side)
    place = d.version(wording.LOBE_KNOWN, wording.LOBE_HELD_OUT)
    return place.format(side=side, lobe=lobe, abbreviation=_abbreviation(finding))


def _of_place(d: Draw, finding: Finding) -> str:
    """A place that follows the noun it belongs to."""
    if finding.lobe is None or d.chance(0.7):
        return _where(d, finding)
    return d.version(wording.OF_LOBE_KNOWN, wording.OF_LOBE_HELD_OUT).format(side=finding.side, lobe=finding.lobe)


def absent_kinds(truth: Truth) -> list[Kind]:
    """The kinds that a truth does not have."""
    return [kind for kind in KINDS if not truth.has(kind)]
