"""Contradictions within a report: the same finding, at one place, both asserted and denied."""

import pytest

from ctflow.reading import Mention, contradictions


def said(asserted: bool, side: str | None = None, lobe: str | None = None, finding: str = "Consolidation") -> Mention:
    return Mention(finding, asserted, side, lobe, None)


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
    ],
)
def test_a_contradiction_is_at_one_place(found: tuple[Mention, ...], contradicted: bool) -> None:
    assert contradictions(found) == (("Consolidation",) if contradicted else ())
    assert contradictions(found[::-1]) == (("Consolidation",) if contradicted else ())
