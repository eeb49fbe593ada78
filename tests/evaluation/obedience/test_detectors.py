"""The detectors, on examples whose measures tell one finding and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ctflow.evaluation.obedience.detectors import Detectors, FittedDetectors, fit, presence, thresholds
from ctflow.evaluation.obedience.measured_phantoms import MeasuredPhantom
from ctflow.evaluation.obedience.measures.measure import Measures
from ctflow.phantom import KINDS, SLOTS, Kind, sites_of
from ctflow.phantom.truth import amount
from tests.evaluation.obedience.phantoms import example_of_nodule, measures

NODULE: tuple[Kind, ...] = ("Lung nodule",)


def examples(rng: np.random.Generator, count: int) -> list[MeasuredPhantom]:
    return [example_of_nodule(rng, tuple(measures(None))) for _ in range(count)]


@pytest.mark.slow
def test_detectors_find_presence_place_and_amount() -> None:
    rng = np.random.default_rng(0)
    known, new = examples(rng, 300), examples(rng, 60)
    fitted, limit = fit(known, NODULE), thresholds(known, NODULE)["Lung nodule"]
    right, asked, read, false = 0, [], [], 0
    for one in new:
        odds = fitted.log_odds(one.measures)
        shown = presence(odds, "Lung nodule") > limit
        if not one.truth.findings:
            false += shown
            continue
        (finding,) = one.truth.findings
        best = max(sites_of("Lung nodule"), key=lambda site: odds["Lung nodule", site])
        right += shown and best == (finding.side, finding.lobe)
        asked.append(amount(finding))
        read.append(fitted.amounts(one.measures)["Lung nodule", (finding.side, finding.lobe)])
    assert right >= 0.9 * len(asked) and len(asked) > 20
    assert false <= 0.15 * (len(new) - len(asked))
    assert np.corrcoef(asked, read)[0, 1] > 0.8


@pytest.mark.slow
def test_thresholds_are_not_set_by_detectors_that_know_the_example() -> None:
    known = examples(np.random.default_rng(0), 20)
    read: list[tuple[int, bool]] = []

    class Remembers(Detectors):
        def __init__(self, taught: Sequence[MeasuredPhantom]) -> None:
            self.taught = [id(one.measures) for one in taught]

        def log_odds(self, measures: Measures) -> dict:
            read.append((id(measures), id(measures) in self.taught))
            return dict.fromkeys(SLOTS, 0.0)

    thresholds(known, NODULE, fit=lambda taught, _: Remembers(taught))
    assert sorted(read) == sorted((id(one.measures), False) for one in known)


def test_a_finding_that_no_example_has_is_never_shown() -> None:
    """There is nothing to fit: every volume gets the same log odds, and none lies above them."""
    known = examples(np.random.default_rng(0), 20)
    kinds: tuple[Kind, ...] = ("Cardiomegaly",)
    fitted, limit = fit(known, kinds), thresholds(known, kinds)["Cardiomegaly"]
    odds = {presence(fitted.log_odds(one.measures), "Cardiomegaly") for one in known}
    assert len(odds) == 1 and odds.pop() <= limit < 0
    assert set(fitted.amounts(known[0].measures).values()) == {0.0}


@pytest.mark.slow
def test_every_fourth_example_is_kept_for_testing() -> None:
    known = examples(np.random.default_rng(0), 16)
    fitted = FittedDetectors.fit(known)
    assert list(fitted.held_out) == known[3::4]
    assert set(fitted.thresholds) == set(KINDS) == set(fitted.detectors.kinds)
