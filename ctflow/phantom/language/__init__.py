"""Sentences and reports as radiologists of several places write them, each with what it says.

`sentences` and `reports` yield them from a seed without end; `draw_sentence` and `write_report` make
one. Words and patterns are data (`lexicon`, `manners`): README.md tells how to add to them.
"""

from collections.abc import Iterator

import numpy as np

from ctflow.phantom.language.manner import MANNERS, Manner
from ctflow.phantom.language.reports import WORDS, draw_report_truth, write_report
from ctflow.phantom.language.sampler import draw_sentence
from ctflow.phantom.language.statements import Statement, WrittenReport
from ctflow.phantom.phrasing import Phrasings

__all__ = [
    "MANNERS",
    "Manner",
    "Phrasings",
    "Statement",
    "WrittenReport",
    "draw_report_truth",
    "draw_sentence",
    "reports",
    "sentences",
    "write_report",
]


def sentences(seed: int, phrasings: Phrasings = "known", manner: Manner | None = None) -> Iterator[Statement]:
    """Sentences about random facts, without end: the same seed gives the same ones, whatever the number taken.

    `phrasings`: families of wordings that are taught ("known") or those that never are ("held-out"); `manner`: in
    which all of them are written, any if left out. A `Statement` has `text`, `mentions` (what it says, in the terms of
    the reader), `labels` (int64 (len(SLOTS),): NOT_MENTIONED, DENIED or ASSERTED), `unplaced` (the findings that it
    asserts without saying where), `manner` and `family`.
    """
    rng = np.random.default_rng([seed, 28])
    while True:
        yield draw_sentence(rng, phrasings, manner)


def reports(
    seed: int, phrasings: Phrasings = "known", manner: Manner | None = None, words: tuple[int, int] = WORDS
) -> Iterator[WrittenReport]:
    """Reports of random truths, without end: the same seed gives the same ones.

    `words`: how long they are, between these two; `phrasings` and `manner` as in `sentences`. A `WrittenReport` has
    `report` (findings, impression, sex, age), `statements` (its sentences with what each says), `labels` (what they
    say together), `facts` (the `Truth` behind it: `grades(facts)` and `amounts(facts)` are its targets) and `manner`.
    To write one truth in several manners: `write_report(truth, rng, manner)`.
    """
    rng = np.random.default_rng([seed, 29])
    while True:
        yield write_report(draw_report_truth(rng), rng, manner, phrasings, words)
