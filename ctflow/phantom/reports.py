"""Reports in the style of CT-RATE's, written from the truth alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ctflow.phantom import phrases as wording
from ctflow.phantom.phrasing import Draw, Phrasings, absent_kinds, assert_kind, deny, deny_several
from ctflow.phantom.truth import KINDS, Kind, Truth
from ctflow.report import Report

BARE_ODDS = 0.35  # that the facts are the whole report, as users type it
SILENT_ODDS = 0.35  # that the report of a normal study denies nothing by name
TYPO_ODDS = 0.06  # that a word of the findings is misspelt
LIST_ODDS = 0.3  # that several denials become one sentence
UNPLACED_ODDS = 0.3  # that a sentence that leaves out its size leaves out a place at its end too
MOST_DENIALS, MOST_BACKGROUND = 5, 4
NEVER_MISSPELT = ("middle", "without", "absent", "absence", "neither", "negative")


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
    d = Draw(rng, phrasings, unsized, UNPLACED_ODDS)
    facts = _facts(d, truth)
    denials = _denials(d, truth) if denied is None else [deny(d, kind, denied) for kind in denied]
    sex = truth.sex if d.chance(0.4) else None
    age = truth.age if d.chance(0.4) else None
    if not truth.findings and denied is None and d.chance(SILENT_ODDS):
        findings = d.of(wording.NORMAL_WHOLE) if d.chance(0.7) else _paragraph(d, [], [])
        impression = ""
    elif d.chance(BARE_ODDS):
        findings = " ".join([*facts, *(denials if denied is not None else denials[:2])])
        impression = ""
    else:
        findings, impression = _full(d, truth, facts, denials)
    if not findings and not impression:
        findings = d.of(wording.NORMAL_WHOLE)
    return Report(_cased(d, _misspelt(d, findings, typo_odds)), _cased(d, impression), sex, age)


def write_plainly(truth: Truth) -> Report:
    """Only the findings, with their sizes, each in the first phrasing of its kind."""
    d = Draw(np.random.default_rng(0), "known", plain=True)
    sentences = [sentence for kind in KINDS for sentence in assert_kind(d, truth, kind)]
    return Report(" ".join(sentences) or wording.NORMAL_WHOLE[0])


def _facts(d: Draw, truth: Truth) -> list[str]:
    """The sentences of all findings: kinds in random order, those of a kind together."""
    kinds = [kind for kind in KINDS if truth.has(kind)]
    return [sentence for kind in d.some(kinds, len(kinds)) for sentence in assert_kind(d, truth, kind)]


def _denials(d: Draw, truth: Truth) -> list[str]:
    absent = absent_kinds(truth)
    count = int(d.rng.random() * (MOST_DENIALS + 1))
    kinds: list[Kind] = d.some(absent, count)
    denials = []
    if len(kinds) > 1 and d.chance(LIST_ODDS):
        together = 2 + d.chance(0.5)
        denials.append(deny_several(kinds[:together], d.rng, d.phrasings))
        kinds = kinds[together:]
    denials += [deny(d, kind, absent) for kind in kinds]
    if d.phrasings == "known" and d.chance(0.6):
        fitting = [text for text, kinds in wording.GENERAL_DENIALS if not truth.kinds & set(kinds)]
        denials += d.some(fitting, 1)
    return denials


def _full(d: Draw, truth: Truth, facts: list[str], denials: list[str]) -> tuple[str, str]:
    """Findings of several sentences, and an impression. The facts are in either or in both."""
    where = d.rng.random()
    if where < 0.15 and facts:  # in the impression alone
        return _paragraph(d, [], denials), " ".join(facts)
    findings = _paragraph(d, facts, denials)
    if where < 0.45:
        return findings, ""
    return findings, " ".join(_facts(d, truth)) if facts else d.of(wording.NORMAL_IMPRESSION)


def _paragraph(d: Draw, facts: list[str], denials: list[str]) -> str:
    """Facts, denials and normal statements, shuffled."""
    count = int(d.rng.random() * (MOST_BACKGROUND + 1)) + (not facts and not denials)
    sentences = [*facts, *denials, *d.some(wording.BACKGROUND, count)]
    return " ".join(d.some(sentences, len(sentences)))


def _misspelt(d: Draw, text: str, odds: float) -> str:
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


def _cased(d: Draw, text: str) -> str:
    draw = d.rng.random()
    if draw < 0.06:
        return text.lower()
    if draw < 0.10:
        return text.upper()
    return text.rstrip(".") if draw < 0.16 else text
