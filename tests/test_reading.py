"""Contradictions within a report: the same finding, at one place, both asserted and denied."""

import pytest

from ctflow.reading import Contradiction, Mention, Reading, SentenceReading
from ctflow.report import Sentence


def said(asserted: bool, side: str | None = None, lobe: str | None = None, finding: str = "Consolidation") -> Mention:
    return Mention(finding, asserted, side, lobe, None)


def reading(*found: tuple[Mention, ...]) -> Reading:
    """Of a report in whose sentences this was found."""
    placed = Sentence("A sentence.", "findings", 0, 11)
    return Reading(9, 64, "", ("Consolidation",), tuple(SentenceReading(placed, one) for one in found))


@pytest.mark.parametrize(
    ("found", "contradicted"),
    [
        ((said(True), said(False)), True),
        ((said(True, "left"), said(False)), True),
        ((said(True, "both"), said(False, "left")), True),
        ((said(True, "left", "upper"), said(False, "left")), True),
        ((said(True, "left"), said(False, "right")), False),
        ((said(True, "left", "upper"), said(False, "left", "lower")), False),
        ((said(True), said(False, finding="Emphysema")), False),
        ((said(True), said(True, "left")), False),
        ((said(True), said(False, "left")), False),
    ],
)
def test_a_contradiction_is_at_one_place(found: tuple[Mention, ...], contradicted: bool) -> None:
    expected = ("Consolidation",) if contradicted else ()
    for order in (found, found[::-1]):
        assert reading(order).contradicted == expected, "in one sentence"
        assert reading(*((one,) for one in order)).contradicted == expected, "in two"


def test_it_is_told_which_sentences_contradict_each_other() -> None:
    right, left, none = said(True, "right"), said(True, "left"), said(False)
    read = reading((right,), (), (none, left), (right, right))
    assert read.contradictions == (
        Contradiction("Consolidation", asserted_in=0, denied_in=2),
        Contradiction("Consolidation", asserted_in=2, denied_in=2),
        Contradiction("Consolidation", asserted_in=3, denied_in=2),
    )
    assert read.found == (right, none, left), "each once, in the order of the report"


def test_what_was_not_recognised_is_said_once() -> None:
    placed = Sentence("Fog.", "findings", 0, 4)
    parts = tuple(SentenceReading(placed, unread=(text,)) for text in ("Fog.", "a", "Fog."))
    read = Reading(9, 64, "", sentences=parts)
    assert read.unread == ("Fog.", "a")
