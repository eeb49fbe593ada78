"""The language's reports say all that their facts are, and nothing against it."""

from itertools import islice

import numpy as np
import pytest

from ctflow.phantom import SLOTS, Finding, Truth, grades
from ctflow.phantom.language import MANNERS, Manner, Phrasings, WrittenReport, reports, write_report
from ctflow.reading import ASSERTED, DENIED

PHRASINGS: tuple[Phrasings, ...] = ("known", "held-out")
TRUTH = Truth(
    findings=(
        Finding(kind="Pleural effusion", size="large", side="right", ml=1000),
        Finding(kind="Lung nodule", size="small", side="left", lobe="upper", mm=6, variant="solid"),
        Finding(kind="Cardiomegaly", size="moderate", ratio=0.59),
    )
)


def words(written: WrittenReport) -> int:
    return len(f"{written.report.findings} {written.report.impression}".split())


def test_the_same_seed_gives_the_same_reports() -> None:
    first, second, other = ([one.report for one in islice(reports(seed), 5)] for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.parametrize("phrasings", PHRASINGS)
def test_a_report_asserts_what_its_facts_are_and_denies_nothing_of_it(phrasings: Phrasings) -> None:
    for written in islice(reports(5, phrasings), 150):
        there = grades(written.facts) > 0
        labels = written.labels
        unplaced = {kind for one in written.statements for kind in one.unplaced}
        asserted = {SLOTS[i] for i in np.flatnonzero(labels == ASSERTED)}
        assert asserted == {SLOTS[i] for i in np.flatnonzero(there)}, written.report
        assert not unplaced
        denied = np.stack([one.labels for one in written.statements]) == DENIED
        assert not (denied.any(0) & there).any(), written.report


@pytest.mark.parametrize("manner", MANNERS)
def test_one_truth_can_be_written_in_every_manner(manner: Manner) -> None:
    written = write_report(TRUTH, np.random.default_rng(0), manner)
    assert written.manner == manner and written.facts == TRUTH
    assert {SLOTS[i] for i in np.flatnonzero(written.labels == ASSERTED)} == {
        ("Pleural effusion", ("right", None)),
        ("Lung nodule", ("left", "upper")),
        ("Cardiomegaly", (None, None)),
    }


def test_reports_are_as_long_as_they_are_asked_to_be() -> None:
    rng = np.random.default_rng(1)
    short = [words(write_report(TRUTH, rng, words=(22, 22))) for _ in range(40)]
    long = [words(write_report(TRUTH, rng, words=(250, 250))) for _ in range(40)]
    assert np.median(short) < 45
    assert all(240 < count < 300 for count in long)


def test_what_is_said_stands_in_findings_or_impression_or_both() -> None:
    written = list(islice(reports(2), 200))
    with_impression = [one for one in written if one.report.impression]
    assert 0.3 < len(with_impression) / len(written) < 0.8
    assert any("\n" in one.report.findings for one in written if one.manner == "structured")


def test_the_sizes_that_a_report_states_are_those_of_its_facts() -> None:
    for written in islice(reports(7), 100):
        sizes: dict[str, set[str]] = {}
        for finding in written.facts.findings:
            sizes.setdefault(finding.kind, set()).add(finding.size)
        for one in written.statements:
            for mention in one.mentions:
                assert mention.size is None or mention.size in sizes[mention.finding], one.text
