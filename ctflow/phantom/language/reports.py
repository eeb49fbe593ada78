"""Writes whole reports: all that a truth has, some of what it has not, and much that speaks of neither."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ctflow.phantom.language.author import Author
from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.drawing import as_stance, denied, measure_depth
from ctflow.phantom.language.facts import Fact, Place, facts_of
from ctflow.phantom.language.manner import MANNERS, Manner
from ctflow.phantom.language.sampler import NEVER_GONE
from ctflow.phantom.language.statements import Statement, WrittenReport
from ctflow.phantom.language.style import cased, finished, heading_of, joined
from ctflow.phantom.phrasing import Phrasings
from ctflow.phantom.rates import draw_truth
from ctflow.phantom.truth import KINDS, LOBAR, SIDED, Finding, Kind, Side, Truth
from ctflow.report import Report

WORDS = (20, 320)  # of a report: from about 30 to about 450 tokens
SIZED = 0.85  # the odds that a name has its size before it
TYPO_ODDS = 0.02  # that a word of a sentence is misspelt
WIDE_ODDS = 0.12  # that a finding of one lobe is in all of its lung, or in both
PAIR_ODDS, WITHOUT_ODDS, CHANGED_ODDS, CONTRAST_ODDS = 0.25, 0.15, 0.15, 0.2
# What a further statement does: it denies, tells what has gone or may be there, or speaks of something else.
FURTHER = {"denies": 0.25, "denies_list": 0.12, "normal": 0.12, "gone": 0.05, "unsure": 0.06, "other": 0.4}
SORTED_ODDS = 0.5  # that statements are in the order of the organs
IMPRESSION_ODDS, ONLY_THERE_ODDS, REPEATED_ODDS = 0.55, 0.15, 0.85
ORDER = ("lungs", "airways", "pleura", "heart", "vessels", "mediastinum", "lines", "other")
RUN_ON_CLAUSES = 4  # at most, in one sentence


def draw_report_truth(rng: np.random.Generator) -> Truth:
    """A phantom's truth, in which some findings lie in all lobes of a side, or in both lungs."""
    truth = draw_truth(rng)
    kinds = [one.kind for one in truth.findings]
    return replace(
        truth,
        findings=tuple(_wide(one, rng) if kinds.count(one.kind) == 1 else one for one in truth.findings),
    )


def write_report(
    truth: Truth,
    rng: np.random.Generator,
    manner: Manner | None = None,
    phrasings: Phrasings = "known",
    words: tuple[int, int] = WORDS,
) -> WrittenReport:
    """A report that asserts all findings of a truth and nothing else, in a manner or in any.

    `words`: its length, drawn between these two; what the truth has is told however long it is.
    """
    chance = Chance(rng)
    author = Author(chance.one_of(MANNERS) if manner is None else manner, rng, phrasings, SIZED)
    wanted = int(np.exp(np.log(words[0]) + rng.random() * np.log(words[1] / words[0])))
    facts = _Told(author, truth)
    findings, impression = facts.statements(), []
    if chance.happens(IMPRESSION_ODDS):
        if findings and chance.happens(ONLY_THERE_ODDS):
            findings, impression = [], findings
        else:
            impression = facts.statements(REPEATED_ODDS)
    impression += [author.other()] * bool(impression and chance.happens(0.4))
    while _words((*findings, *impression)) < wanted or not findings + impression:
        findings.append(facts.further())
    return _put_together(author, truth, _ordered(findings, chance), impression)


def _put_together(
    author: Author, truth: Truth, findings: list[Statement], impression: list[Statement]
) -> WrittenReport:
    chance = author.chance
    parts = [
        [finished(one, author.style, chance, TYPO_ODDS) for one in _hung_together(part, author)]
        for part in (findings, impression)
    ]
    between = "\n" if author.style.headings or chance.happens(0.15) else " "
    texts = [between.join(one.text for one in part) for part in parts]
    if all(texts):
        report = Report(texts[0], texts[1])
    else:
        report = Report("".join(texts)) if texts[0] or chance.happens(0.5) else Report("", texts[1])
    sex, age = truth.sex if chance.happens(0.4) else None, truth.age if chance.happens(0.4) else None
    report = replace(report, findings=cased(report.findings, chance), sex=sex, age=age)
    return WrittenReport(report, tuple(parts[0] + parts[1]), truth, author.manner)


def _hung_together(statements: list[Statement], author: Author) -> list[Statement]:
    """In a manner that runs on, several at a time become one sentence."""
    if not author.style.run_on:
        return statements
    hung: list[Statement] = []
    clauses = 0
    for one in statements:
        if hung and clauses < author.chance.between(1, RUN_ON_CLAUSES) and "." not in hung[-1].text[:-1]:
            hung[-1] = joined(hung[-1], one, author.style, author.chance)
            clauses += 1
        else:
            hung.append(one)
            clauses = 1
    return hung


def _ordered(statements: list[Statement], chance: Chance) -> list[Statement]:
    shuffled = chance.some(statements, len(statements))
    if chance.happens(SORTED_ODDS):
        shuffled.sort(key=lambda one: ORDER.index(heading_of(one)))
    return shuffled


def _words(statements: Sequence[Statement]) -> int:
    return sum(one.text.count(" ") + 1 for one in statements)


def _wide(finding: Finding, rng: np.random.Generator) -> Finding:
    if finding.kind not in LOBAR or rng.random() >= WIDE_ODDS:
        return finding
    return replace(finding, lobe=None, side=finding.side if rng.random() < 0.5 else None)


class _Told:
    """The statements that a truth asks for, and others that do not contradict it."""

    def __init__(self, author: Author, truth: Truth) -> None:
        self._author, self._truth, self._chance = author, truth, author.chance
        self._absent: list[Kind] = [kind for kind in KINDS if not truth.has(kind)]
        self._untold = list(self._absent)  # of which nothing has been said

    def statements(self, odds: float = 1.0) -> list[Statement]:
        """All that the truth has, or each fact with these odds; some share a sentence."""
        facts = [fact for kind in self._chance.some(KINDS, len(KINDS)) for fact in self._facts(kind)]
        left = [fact for fact in facts if odds == 1.0 or self._chance.happens(odds)]
        told = []
        while left:
            told.append(self._next(left))
        return told

    def further(self) -> Statement:
        """A statement on what is absent and of which nothing has been told, or on none of the findings."""
        act, untold = self._chance.weighted(FURTHER), self._untold
        if not untold or act == "other":
            return self._author.other()
        if act == "normal":
            statement = self._author.normal(untold)
        elif act == "denies":
            statement = self._author.deny(*self._chance.some(untold, 1))
        elif act == "denies_list":
            statement = self._author.deny(*self._chance.some(untold, self._chance.between(2, 4)))
        else:
            return self._gone() if act == "gone" else self._unsure()
        self._tell(*(mention.finding for mention in statement.mentions))
        return statement

    def _gone(self) -> Statement:
        kinds = [kind for kind in self._untold if kind not in NEVER_GONE]
        if not kinds:
            return self._author.other()
        kind = self._chance.one_of(kinds)
        self._tell(kind)
        return self._author.say("gone", as_stance(denied(kind), "gone"))

    def _unsure(self) -> Statement:
        kind = self._chance.one_of(self._untold)
        self._tell(kind)
        return self._author.say("unsure", as_stance(denied(kind), "unsure"))

    def _tell(self, *kinds: str) -> None:
        self._untold = [kind for kind in self._untold if kind not in kinds]

    def _facts(self, kind: Kind) -> list[Fact]:
        facts = facts_of(self._truth.of(kind))
        if kind in SIDED:
            for fact in facts:
                measure_depth(fact, self._chance)
        return facts

    def _next(self, left: list[Fact]) -> Statement:
        """Takes one or two facts off the front, and tells them in one sentence."""
        first = left.pop(0)
        if left and left[0].kind == first.kind and first.kind in SIDED and self._chance.happens(0.7):
            return self._author.say("unequal", first, left.pop(0))
        if left and left[0].kind != first.kind and self._chance.happens(PAIR_ODDS):
            second = left.pop(0)
            together = first.place == second.place and first.kind in LOBAR
            return self._author.say("together" if together else "pair", first, second)
        if first.place.form == "side" and not self._elsewhere(first) and self._chance.happens(CONTRAST_ODDS):
            other: Side = "left" if first.place.side == "right" else "right"
            return self._author.say("contrast", denied(first.kind, Place(other)), first)
        if self._absent and self._chance.happens(WITHOUT_ODDS):
            return self._author.say("without", first, denied(self._chance.one_of(self._absent)))
        changes = first.kind not in NEVER_GONE and self._chance.happens(CHANGED_ODDS)
        return self._author.say("changed" if changes else "asserts", first)

    def _elsewhere(self, fact: Fact) -> bool:
        """Whether the truth has the finding at another place too."""
        return len(self._truth.of(fact.kind)) > 1
