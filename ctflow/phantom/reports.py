"""Reports in the style of CT-RATE's, written from the truth alone."""

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
from ctflow.report import Report

Phrasings = Literal["known", "held-out"]
T = TypeVar("T")
# The odds that …
BARE_ODDS = 0.35  # the facts are the whole report, as users type it
SILENT_ODDS = 0.35  # the report of a normal study denies nothing by name
TYPO_ODDS = 0.06  # a word of the findings is misspelt
WRITTEN_ODDS = 0.4  # a sentence is one of those written out, and not one from a frame
LIST_ODDS = 0.3  # several denials become one sentence
PLURAL_ODDS = 0.2  # a sentence without a place is like "Multiple nodules."
UNPLACED_ODDS = 0.3  # a sentence that leaves out its size leaves out the place too, if that stands at its end
MOST_DENIALS, MOST_BACKGROUND = 5, 4
PHRASES: dict[Kind, Phrases] = {**PLEURA, **MEDIASTINUM, **LUNGS}
# The thickness of fluid (mm) that goes with each size, in sentences that measure it.
THICKNESS_MM: dict[Size, tuple[int, int]] = {"small": (8, 20), "moderate": (28, 45), "large": (60, 100)}
BEFORE_A_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou]|8\d*\b|11\b|18\b)")
SIZE_BEHIND = re.compile(r"[,:] \{size\}( in (amount|extent))?(?=[.,{])")
SIZE_BEFORE = re.compile(r"\{(size|mildly)\},? (?!degree|extent)")
SIZED = re.compile(r"\{(size|mildly|quantity|mm|cm)\}")
ABBREVIATIONS = {"upper": "UL", "middle": "ML", "lower": "LL"}
NEVER_MISSPELT = ("middle", "without", "absent", "absence", "neither", "negative")


@dataclass(frozen=True)
class _Draw:
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


def without_size(template: str, phrases: Phrases) -> str:
    """The template without its size; unchanged if it needs the size, or if it would become a held-out one."""
    shorter = SIZE_BEFORE.sub("", SIZE_BEHIND.sub("", template))
    sized = any(f"{{{word}}}" in shorter for word in ("size", "mildly", "quantity"))
    return template if sized or frames.is_held_out(shorter, phrases) else shorter


def write_report(
    truth: Truth,
    rng: np.random.Generator,
    phrasings: Phrasings = "known",
    denied: Sequence[Kind] | None = None,
    unsized: float = 0.0,
    typo_odds: float = TYPO_ODDS,
) -> Report:
    """Write a report that asserts everything that ``truth`` has, and denies some of what it does not have.

    ``phrasings``: "held-out" ones are never used in training. ``denied``: the kinds to deny, all of them and no others;
    drawn if left out. ``unsized``: the odds that a sentence that can leaves out the size, and sometimes the place too;
    not for held-out phrasings. Raises ValueError if one of the denied kinds is there.
    """
    if denied is not None and (there := truth.kinds & set(denied)):
        raise ValueError(f"a report cannot deny what is there: {', '.join(sorted(there))}")
    unsized = unsized if phrasings == "known" else 0.0
    d = _Draw(rng, phrasings, unsized, UNPLACED_ODDS)
    facts = _facts(d, truth)
    denials = _denials(d, truth) if denied is None else [_deny(d, kind, denied) for kind in denied]
    sex = truth.sex if d.chance(0.4) else None
    age = truth.age if d.chance(0.4) else None
    if not truth.findings and denied is None and d.chance(SILENT_ODDS):
        findings, impression = (d.of(wording.NORMAL_WHOLE), "") if d.chance(0.7) else (_paragraph(d, [], []), "")
    elif d.chance(BARE_ODDS):
        findings, impression = " ".join([*facts, *(denials if denied is not None else denials[:2])]), ""
    else:
        findings, impression = _full(d, truth, facts, denials)
    if not findings and not impression:
        findings = d.of(wording.NORMAL_WHOLE)
    return Report(_cased(d, _misspelt(d, findings, typo_odds)), _cased(d, impression), sex, age)


def write_plainly(truth: Truth) -> Report:
    """Only the findings, with their sizes, each in the first phrasing of its kind."""
    d = _Draw(np.random.default_rng(0), "known", plain=True)
    sentences = [sentence for kind in KINDS for sentence in _assert_kind(d, truth, kind)]
    return Report(" ".join(sentences) or wording.NORMAL_WHOLE[0])


def sentences_about(
    truth: Truth, kind: Kind, rng: np.random.Generator, phrasings: Phrasings = "known", unsized: float = 0.0
) -> list[str]:
    """The sentences that say everything about one kind, asserted or denied.

    ``unsized``: as in ``write_report``, but the place is always stated.
    """
    d = _Draw(rng, phrasings, unsized if phrasings == "known" else 0.0)
    return _assert_kind(d, truth, kind) or [_deny(d, kind, _absent(truth))]


def _deny(d: _Draw, kind: Kind, absent: Sequence[Kind]) -> str:
    """A sentence that denies a kind, and nothing else that is not absent too."""
    text = d.denial(PHRASES[kind])
    while not set(wording.ALSO_DENIED.get(text, ())) <= {kind, *absent}:
        text = d.denial(PHRASES[kind])
    return text


def deny_several(kinds: Sequence[Kind], rng: np.random.Generator, phrasings: Phrasings = "known") -> str:
    """One sentence that denies several kinds, at least two, and nothing else."""
    d = _Draw(rng, phrasings)
    nouns = [d.of(frames.deniable_nouns(PHRASES[kind])) for kind in kinds]
    return frames.list_denial(d.version(frames.DENIAL_LISTS, frames.DENIAL_LISTS_HELD_OUT), nouns)


def sentence_in_both_lungs(kind: Kind, rng: np.random.Generator) -> str:
    """A sentence that says that a kind that lies in lobes is in both lungs, and neither where exactly nor how large."""
    return _in_both_lungs(_Draw(rng, "known"), kind)


def sentence_without_place(kind: Kind, rng: np.random.Generator) -> str:
    """A sentence that says that a kind that has a side is there, but neither where nor how large."""
    d = _Draw(rng, "known", unsized=1.0)
    several = [noun.text for noun in frames.deniable_nouns(PHRASES[kind]) if noun.number == "many"]
    if several and d.chance(PLURAL_ODDS):
        return f"Multiple {d.of(several)}."
    template = ""
    while "{place}" not in template or SIZED.search(template):
        template = d.perhaps_unsized(d.of(frames.framed_assertions(PHRASES[kind])[0]), PHRASES[kind])
    words = {"measure": "", "nodule": d.of(wording.NODULE_WORDS["solid"])}
    return fill(template.replace(" {place}", ""), words)


def _in_both_lungs(d: _Draw, kind: Kind) -> str:
    noun = d.of([noun for noun in frames.deniable_nouns(PHRASES[kind]) if noun.number != "one"])
    are, multiple = ("are", "multiple ") if noun.number == "many" else ("is", "")
    words = {"noun": noun.text, "both": d.of(wording.BOTH_KNOWN), "are": are, "multiple": multiple}
    return fill(d.of(frames.BOTH_LUNGS_FRAMES), words)


def _assert_kind(d: _Draw, truth: Truth, kind: Kind) -> list[str]:
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


def _sentence(d: _Draw, finding: Finding) -> str:
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


def _abbreviation(finding: Finding) -> str:
    return finding.side[0].upper() + ABBREVIATIONS[finding.lobe] if finding.side and finding.lobe else ""


def _size_words(d: _Draw, phrases: Phrases, size: Size) -> dict[str, str]:
    return {
        "size": d.of(phrases.words[size]),
        "quantity": d.of(wording.QUANTITIES[size]),
        "mildly": d.of(wording.ADVERBS[size]),
    }


def _where(d: _Draw, finding: Finding) -> str:
    side, lobe = finding.side, finding.lobe
    if side is None:
        return d.version(wording.BOTH_KNOWN, wording.BOTH_HELD_OUT)
    if lobe is None:
        return d.version(wording.SIDE_KNOWN, wording.SIDE_HELD_OUT).format(side=side)
    if d.phrasings == "known" and lobe != "middle" and d.chance(0.1):
        return d.of(wording.BASE_KNOWN if lobe == "lower" else wording.APEX_KNOWN).format(side=side)
    place = d.version(wording.LOBE_KNOWN, wording.LOBE_HELD_OUT)
    return place.format(side=side, lobe=lobe, abbreviation=_abbreviation(finding))


def _of_place(d: _Draw, finding: Finding) -> str:
    """A place that follows the noun it belongs to."""
    if finding.lobe is None or d.chance(0.7):
        return _where(d, finding)
    return d.version(wording.OF_LOBE_KNOWN, wording.OF_LOBE_HELD_OUT).format(side=finding.side, lobe=finding.lobe)


def fill(template: str, words: dict[str, str]) -> str:
    """The template with its slots filled, a capital at the start, and "an" before vowels."""
    text = BEFORE_A_VOWEL.sub(r"\1n ", template.format(**words))
    return text[:1].upper() + text[1:]


def _both(d: _Draw, right: Size, left: Size) -> str:
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


def _facts(d: _Draw, truth: Truth) -> list[str]:
    """The sentences of all findings: kinds in random order, those of a kind together."""
    kinds = [kind for kind in KINDS if truth.has(kind)]
    return [sentence for kind in d.some(kinds, len(kinds)) for sentence in _assert_kind(d, truth, kind)]


def _denials(d: _Draw, truth: Truth) -> list[str]:
    absent = _absent(truth)
    count = int(d.rng.random() * (MOST_DENIALS + 1))
    kinds: list[Kind] = d.some(absent, count)
    denials = []
    if len(kinds) > 1 and d.chance(LIST_ODDS):
        together = 2 + d.chance(0.5)
        denials, kinds = [deny_several(kinds[:together], d.rng, d.phrasings)], kinds[together:]
    denials += [_deny(d, kind, absent) for kind in kinds]
    if d.phrasings == "known" and d.chance(0.6):
        fitting = [text for text, kinds in wording.GENERAL_DENIALS if not truth.kinds & set(kinds)]
        denials += d.some(fitting, 1)
    return denials


def _absent(truth: Truth) -> list[Kind]:
    return [kind for kind in KINDS if not truth.has(kind)]


def _paragraph(d: _Draw, facts: list[str], denials: list[str]) -> str:
    """Facts, denials and normal statements, shuffled."""
    count = int(d.rng.random() * (MOST_BACKGROUND + 1)) + (not facts and not denials)
    sentences = [*facts, *denials, *d.some(wording.BACKGROUND, count)]
    return " ".join(d.some(sentences, len(sentences)))


def _full(d: _Draw, truth: Truth, facts: list[str], denials: list[str]) -> tuple[str, str]:
    """Findings of several sentences, and an impression. The facts are in either or in both."""
    where = d.rng.random()
    if where < 0.15 and facts:  # in the impression alone
        return _paragraph(d, [], denials), " ".join(facts)
    findings = _paragraph(d, facts, denials)
    if where < 0.45:
        return findings, ""
    return findings, " ".join(_facts(d, truth)) if facts else d.of(wording.NORMAL_IMPRESSION)


def _misspelt(d: _Draw, text: str, odds: float) -> str:
    """Now and then two letters of a long word are swapped."""
    if not d.chance(odds):
        return text
    words = text.split(" ")
    long = [
        i for i, word in enumerate(words) if len(word) > 6 and word.isalpha() and word.lower() not in NEVER_MISSPELT
    ]
    if long:
        i = long[int(d.rng.random() * len(long))]
        at = 1 + int(d.rng.random() * (len(words[i]) - 3))
        words[i] = words[i][:at] + words[i][at + 1] + words[i][at] + words[i][at + 2 :]
    return " ".join(words)


def _cased(d: _Draw, text: str) -> str:
    draw = d.rng.random()
    if draw < 0.06:
        return text.lower()
    if draw < 0.10:
        return text.upper()
    return text.rstrip(".") if draw < 0.16 else text
