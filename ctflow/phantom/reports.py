"""Reports in the manner of CT-RATE's, written from the truth alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ctflow.phantom import phrases as said
from ctflow.phantom import phrases_frames as frames
from ctflow.phantom.phrases import Phrases
from ctflow.phantom.phrases_lungs import LUNGS, NODULES
from ctflow.phantom.phrases_mediastinum import MEDIASTINUM
from ctflow.phantom.phrases_pleura import (
    BOTH_DIFFERENT,
    BOTH_DIFFERENT_NEW,
    BOTH_EQUAL,
    BOTH_UNSIZED,
    PLEURA,
    SIDE_DENIAL,
)
from ctflow.phantom.truth import KINDS, LOBAR, SIZES, Finding, Kind, Size, Truth
from ctflow.report import Report

Phrasings = Literal["known", "held-out"]
BARE_ODDS = 0.35  # the facts are the whole report, as users type it
SILENT_ODDS = 0.35  # a normal study's report may deny nothing by name
TYPO_ODDS = 0.06
MOST_DENIALS, MOST_BACKGROUND = 5, 4
WRITTEN_ODDS = 0.4  # a sentence is one of those written out, where frames give others
LIST_ODDS = 0.3  # several denials are one sentence
SEVERAL_ODDS = 0.2  # without a place: "Multiple nodules."
UNPLACED_ODDS = 0.3  # a sentence that leaves the size out says no place either, where that stands at its end
PHRASES: dict[Kind, Phrases] = {**PLEURA, **MEDIASTINUM, **LUNGS}
# Fluid thickness in mm that goes with a size in the measured sentences.
THICKNESS_MM: dict[Size, tuple[int, int]] = {"small": (8, 20), "moderate": (28, 45), "large": (60, 100)}
BEFORE_A_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou]|8\d*\b|11\b|18\b)")
SIZE_BEHIND = re.compile(r"[,:] \{size\}( in (amount|extent))?(?=[.,{])")
SIZE_BEFORE = re.compile(r"\{(size|mildly)\},? (?!degree|extent)")
SIZED = re.compile(r"\{(size|mildly|quantity|mm|cm)\}")
ABBREVIATIONS = {"upper": "UL", "middle": "ML", "lower": "LL"}
KEPT_FROM_TYPOS = ("middle", "without", "absent", "absence", "neither", "negative")


@dataclass(frozen=True)
class _Draw:
    """Random choices by one cheap uniform number each: text-encoder training draws tens of thousands.

    ``unsized`` and ``unplaced``: the odds that a sentence leaves the size out, and with it the place, where it can.
    ``plain``: always the first of the options, of the phrasings the first that says a size.
    """

    rng: np.random.Generator
    phrasings: Phrasings
    unsized: float = 0.0
    unplaced: float = 0.0
    plain: bool = False

    def of(self, options: Sequence[str]) -> str:
        return options[0 if self.plain else int(self.rng.random() * len(options))]

    def chance(self, odds: float) -> bool:
        return not self.plain and bool(self.rng.random() < odds)

    def some(self, options: Sequence[str], count: int) -> list[str]:
        return [options[i] for i in self.rng.permutation(len(options))[:count]]

    def version(self, known: Sequence[str], held_out: Sequence[str]) -> str:
        return self.of(known if self.phrasings == "known" else held_out)

    def told(self, phrases: Phrases) -> str:
        if self.plain:
            return next(text for text in phrases.told if SIZED.search(text) or "{device}" in text)
        return self._one(phrases.told, phrases.told_new, frames.told(phrases))

    def denied(self, phrases: Phrases) -> str:
        return self._one(phrases.denied, phrases.denied_new, frames.denied(phrases))

    def perhaps_unsized(self, template: str, phrases: Phrases) -> str:
        """The template, perhaps without its size: not where it cannot do without, or would be a held-out one."""
        if not self.chance(self.unsized):
            return template
        without = SIZE_BEFORE.sub("", SIZE_BEHIND.sub("", template))
        sized = any(f"{{{word}}}" in without for word in ("size", "mildly", "quantity"))
        return template if sized or frames.is_held_out(without, phrases) else without

    def _one(self, known: Sequence[str], held_out: Sequence[str], framed: tuple[list[str], list[str]]) -> str:
        """A sentence that is written out, or one of a noun phrase in a frame."""
        written = self.chance(WRITTEN_ODDS) or not framed[0]
        return self.version(*(known, held_out) if written else framed)


def write_report(
    truth: Truth,
    rng: np.random.Generator,
    phrasings: Phrasings = "known",
    denied: Sequence[Kind] | None = None,
    unsized: float = 0.0,
) -> Report:
    """Write a report that asserts all that ``truth`` has, and denies some of what it has not.

    ``phrasings``: "held-out" ones are never used in training. ``denied``: the kinds to deny, all of them and no others;
    they are drawn if left out. ``unsized``: the odds that a sentence leaves the size out, where it can, and now and
    then the place too; not for held-out ones. Raises ValueError where one of the denied is there.
    """
    if denied is not None and (there := truth.kinds & set(denied)):
        raise ValueError(f"a report cannot deny what is there: {', '.join(sorted(there))}")
    unsized = unsized if phrasings == "known" else 0.0
    d = _Draw(rng, phrasings, unsized, UNPLACED_ODDS)
    facts = _facts(d, truth)
    denials = _denials(d, truth) if denied is None else [deny(kind, d, denied) for kind in denied]
    sex = truth.sex if d.chance(0.4) else None
    age = truth.age if d.chance(0.4) else None
    if not truth.findings and denied is None and d.chance(SILENT_ODDS):
        findings, impression = (d.of(said.NORMAL_WHOLE), "") if d.chance(0.7) else (_paragraph(d, [], []), "")
    elif d.chance(BARE_ODDS):
        findings, impression = " ".join([*facts, *(denials if denied is not None else denials[:2])]), ""
    else:
        findings, impression = _full(d, truth, facts, denials)
    if not findings and not impression:
        findings = d.of(said.NORMAL_WHOLE)
    return Report(_cased(d, _misspelt(d, findings)), _cased(d, impression), sex, age)


def write_plainly(truth: Truth) -> Report:
    """The findings alone, with their sizes, each in its kind's first phrasing."""
    d = _Draw(np.random.default_rng(0), "known", plain=True)
    sentences = [sentence for kind in KINDS for sentence in _told(d, truth, kind)]
    return Report(" ".join(sentences) or said.NORMAL_WHOLE[0])


def tell(
    truth: Truth, kind: Kind, rng: np.random.Generator, phrasings: Phrasings = "known", unsized: float = 0.0
) -> list[str]:
    """The sentences that say all the truth on one kind, asserted or denied. ``unsized``: as in ``write_report``, but
    they always say the place."""
    d = _Draw(rng, phrasings, unsized if phrasings == "known" else 0.0)
    return _told(d, truth, kind) or [deny(kind, d, _absent(truth))]


def deny(kind: Kind, d: _Draw, absent: Sequence[Kind]) -> str:
    """A sentence that denies a kind, and nothing that is not among the absent ones."""
    text = d.denied(PHRASES[kind])
    while not set(said.ALSO_DENIED.get(text, ())) <= {kind, *absent}:
        text = d.denied(PHRASES[kind])
    return text


def deny_all(kinds: Sequence[Kind], rng: np.random.Generator, phrasings: Phrasings = "known") -> str:
    """One sentence that denies several kinds, at least two, and nothing else."""
    d = _Draw(rng, phrasings)
    nouns = [d.of(frames.deniable(PHRASES[kind])) for kind in kinds]
    return frames.listed(d.version(frames.LISTS, frames.LISTS_NEW), nouns)


def tell_everywhere(kind: Kind, rng: np.random.Generator) -> str:
    """A sentence that says a kind that lies in lobes to be in both lungs, and no more of where or how large."""
    return _everywhere(_Draw(rng, "known"), kind)


def tell_unplaced(kind: Kind, rng: np.random.Generator) -> str:
    """A sentence that says a kind that has a side to be there, but not where or how large."""
    d = _Draw(rng, "known", unsized=1.0)
    several = [noun.text for noun in frames.deniable(PHRASES[kind]) if noun.number == "many"]
    if several and d.chance(SEVERAL_ODDS):
        return f"Multiple {d.of(several)}."
    template = ""
    while "{place}" not in template or SIZED.search(template):
        template = d.perhaps_unsized(d.of(frames.told(PHRASES[kind])[0]), PHRASES[kind])
    words = {"measure": "", "nodule": d.of(said.NODULE_WORDS["solid"])}
    return filled(template.replace(" {place}", ""), words)


def _everywhere(d: _Draw, kind: Kind) -> str:
    noun = d.of([noun for noun in frames.deniable(PHRASES[kind]) if noun.number != "one"])
    are, multiple = ("are", "multiple ") if noun.number == "many" else ("is", "")
    words = {"noun": noun.text, "both": d.of(said.BOTH_KNOWN), "are": are, "multiple": multiple}
    return filled(d.of(frames.EVERYWHERE), words)


def _told(d: _Draw, truth: Truth, kind: Kind) -> list[str]:
    findings = truth.of(kind)
    if kind in LOBAR and len({finding.side for finding in findings}) == 2 and d.chance(d.unsized):
        return [_everywhere(d, kind)]
    if kind != "Pleural effusion":
        return [_sentence(d, finding) for finding in findings]
    sides = {finding.side: finding for finding in findings}
    if len(sides) == 2 and not d.chance(0.2):
        return [_both(d, sides["right"].size, sides["left"].size)]
    sentences = [_sentence(d, finding) for finding in findings]
    if len(sides) == 1 and d.phrasings == "known" and d.chance(0.25):
        other = "left" if "right" in sides else "right"
        sentences.append(filled(d.of(SIDE_DENIAL), {"side": other}))
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
    if finding.variant in said.DEVICE_WORDS:
        words["device"] = d.of(said.DEVICE_WORDS[finding.variant])
    words["nodule"] = d.of(said.NODULE_WORDS.get(finding.variant, said.NODULE_WORDS["solid"]))
    if finding.count > 1:
        words["nodules"] = words["nodule"].replace("nodule", "nodules")
        words["number"] = said.NUMBERS[finding.count]
    told = d.told(phrases)
    template = d.perhaps_unsized(told, phrases)
    if "{measure}" in template:
        words["measure"] = d.of(phrases.measures).format(**words)
    if "{place}" in template:
        words["place"] = "" if template != told and d.chance(d.unplaced) else _of_place(d, finding)
        template = template if words["place"] else template.replace(" {place}", "")
    elif "{where}" in template:
        words["where"] = _where(d, finding)
    return filled(template, words)


def _abbreviation(finding: Finding) -> str:
    return finding.side[0].upper() + ABBREVIATIONS[finding.lobe] if finding.side and finding.lobe else ""


def _size_words(d: _Draw, phrases: Phrases, size: Size) -> dict[str, str]:
    return {
        "size": d.of(phrases.words[size]),
        "quantity": d.of(said.QUANTITIES[size]),
        "mildly": d.of(said.ADVERBS[size]),
    }


def _where(d: _Draw, finding: Finding) -> str:
    side, lobe = finding.side, finding.lobe
    if side is None:
        return d.version(said.BOTH_KNOWN, said.BOTH_NEW)
    if lobe is None:
        return d.version(said.SIDE_KNOWN, said.SIDE_NEW).format(side=side)
    if d.phrasings == "known" and lobe != "middle" and d.chance(0.1):
        return d.of(said.BASE_KNOWN if lobe == "lower" else said.APEX_KNOWN).format(side=side)
    place = d.version(said.LOBE_KNOWN, said.LOBE_NEW)
    return place.format(side=side, lobe=lobe, abbreviation=_abbreviation(finding))


def _of_place(d: _Draw, finding: Finding) -> str:
    """A place behind the noun that it belongs to."""
    if finding.lobe is None or d.chance(0.7):
        return _where(d, finding)
    return d.version(said.OF_LOBE_KNOWN, said.OF_LOBE_NEW).format(side=finding.side, lobe=finding.lobe)


def filled(template: str, words: dict[str, str]) -> str:
    """The template with its words, begun with a capital, and "an" before a vowel."""
    text = BEFORE_A_VOWEL.sub(r"\1n ", template.format(**words))
    return text[:1].upper() + text[1:]


def _both(d: _Draw, right: Size, left: Size) -> str:
    amounts = PHRASES["Pleural effusion"].words
    if right == left and d.chance(0.7):
        return filled(
            d.perhaps_unsized(d.told(BOTH_EQUAL), BOTH_EQUAL), {**_size_words(d, BOTH_EQUAL, right), "measure": ""}
        )
    if right != left and d.chance(d.unsized):
        larger, other = sorted(("right", "left"), key=lambda side: -SIZES.index(right if side == "right" else left))
        return filled(d.of(BOTH_UNSIZED), {"larger": larger, "other": other})
    words = {"r": d.of(amounts[right]), "l": d.of(amounts[left])}
    return filled(d.version(BOTH_DIFFERENT, BOTH_DIFFERENT_NEW), words)


def _facts(d: _Draw, truth: Truth) -> list[str]:
    """The sentences of all findings, kinds in random order, those of a kind together."""
    kinds = [kind for kind in KINDS if truth.has(kind)]
    return [sentence for kind in d.some(kinds, len(kinds)) for sentence in _told(d, truth, kind)]  # type: ignore[arg-type]


def _denials(d: _Draw, truth: Truth) -> list[str]:
    absent = _absent(truth)
    count = int(d.rng.random() * (MOST_DENIALS + 1))
    kinds: list[Kind] = d.some(absent, count)  # type: ignore[assignment,arg-type]
    denials = []
    if len(kinds) > 1 and d.chance(LIST_ODDS):
        together = 2 + d.chance(0.5)
        denials, kinds = [deny_all(kinds[:together], d.rng, d.phrasings)], kinds[together:]
    denials += [deny(kind, d, absent) for kind in kinds]
    if d.phrasings == "known" and d.chance(0.6):
        fitting = [text for text, kinds in said.GENERAL_DENIALS if not truth.kinds & set(kinds)]
        denials += d.some(fitting, 1)
    return denials


def _absent(truth: Truth) -> list[Kind]:
    return [kind for kind in KINDS if not truth.has(kind)]


def _paragraph(d: _Draw, facts: list[str], denials: list[str]) -> str:
    """Facts, denials and normal statements, shuffled."""
    count = int(d.rng.random() * (MOST_BACKGROUND + 1)) + (not facts and not denials)
    sentences = [*facts, *denials, *d.some(said.BACKGROUND, count)]
    return " ".join(d.some(sentences, len(sentences)))


def _full(d: _Draw, truth: Truth, facts: list[str], denials: list[str]) -> tuple[str, str]:
    """Findings of several sentences and an impression; the facts stand in either or in both."""
    where = d.rng.random()
    if where < 0.15 and facts:  # in the impression alone
        return _paragraph(d, [], denials), " ".join(facts)
    findings = _paragraph(d, facts, denials)
    if where < 0.45:
        return findings, ""
    return findings, " ".join(_facts(d, truth)) if facts else d.of(said.NORMAL_IMPRESSION)


def _misspelt(d: _Draw, text: str) -> str:
    """Now and then two letters of a long word change places."""
    if not d.chance(TYPO_ODDS):
        return text
    words = text.split(" ")
    long = [
        i for i, word in enumerate(words) if len(word) > 6 and word.isalpha() and word.lower() not in KEPT_FROM_TYPOS
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
