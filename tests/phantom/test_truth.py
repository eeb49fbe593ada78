"""What is drawn: realistic rates, measures that fit their words, and a truth that survives being written down."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from ctflow.phantom import EFFUSION_ML, KINDS, SLOTS, Finding, Truth, amounts, draw_truth, effusions, grades, sites_of
from ctflow.phantom.truth import LOBAR, SIDED, SIZES, measures_of

RNG = np.random.default_rng(0)
TRUTHS = [draw_truth(RNG) for _ in range(4000)]


def test_the_kinds_are_ct_rates_labels_in_order_and_pneumothorax() -> None:
    assert len(KINDS) == 19
    assert KINDS[0] == "Medical material" and KINDS[17] == "Interlobular septal thickening"
    assert KINDS[18] == "Pneumothorax"


def test_every_kind_occurs_often_enough_to_be_learnt_and_none_in_most_studies() -> None:
    often = Counter(kind for truth in TRUTHS for kind in truth.kinds)
    assert set(often) == set(KINDS)
    assert all(0.05 < count / len(TRUTHS) < 0.45 for count in often.values()), often


def test_studies_have_two_to_four_kinds_mostly_and_some_are_normal() -> None:
    counts = np.array([len(truth.kinds) for truth in TRUTHS])
    assert 0.10 < (counts == 0).mean() < 0.20
    assert ((counts >= 2) & (counts <= 4)).mean() > 0.45
    assert counts.max() <= 6


def test_what_belongs_together_occurs_together() -> None:
    def odds(kind: str, given: str) -> float:
        return float(np.mean([truth.has(kind) for truth in TRUTHS if truth.has(given)]))

    overall = np.mean([truth.has("Cardiomegaly") for truth in TRUTHS])
    assert odds("Cardiomegaly", "Interlobular septal thickening") > 1.2 * overall
    old = [truth.has("Coronary artery wall calcification") for truth in TRUTHS if truth.age > 70]
    young = [truth.has("Coronary artery wall calcification") for truth in TRUTHS if truth.age < 45]
    assert np.mean(old) > 1.5 * np.mean(young)


def test_no_finding_in_a_lobe_is_drawn_beside_much_fluid_or_air() -> None:
    both = 0
    for truth in TRUTHS:
        much = {one.side for one in truth.of(*SIDED) if one.size != "small"}
        lobar = truth.of(*LOBAR)
        both += bool(much and lobar)
        assert not any(one.side in much for one in lobar), truth
        places = [(one.kind, one.side, one.lobe) for one in lobar]
        assert len(set(places)) == len(places), truth
    assert both > 300, "they still occur together"


def test_a_measure_lies_in_the_range_of_its_size_word() -> None:
    for finding in (finding for truth in TRUTHS for finding in truth.findings):
        if (ranges := measures_of(finding.kind)) is not None:
            low, high = ranges[finding.size]
            value = finding.mm or finding.ml or finding.ratio
            assert value is not None and low - 0.6 <= value <= high + 0.6, finding


def test_nodules_alone_come_in_numbers() -> None:
    counts = Counter((one.kind, one.count) for truth in TRUTHS for one in truth.findings if one.count > 1)
    assert set(counts) == {("Lung nodule", number) for number in range(2, 6)}
    assert 0.1 < counts.total() / sum(len(truth.of("Lung nodule")) for truth in TRUTHS) < 0.3


def test_ranges_of_neighbouring_sizes_do_not_touch() -> None:
    for kind in KINDS:
        if (ranges := measures_of(kind)) is not None:
            assert ranges["small"][1] < ranges["moderate"][0] and ranges["moderate"][1] < ranges["large"][0], kind


def test_a_truth_written_as_json_reads_back_the_same() -> None:
    for truth in TRUTHS[:200]:
        assert Truth.from_json(json.loads(json.dumps(truth.to_json()))) == truth


def test_grades_and_amounts_stand_at_the_slots_of_the_places_found() -> None:
    nodule = Finding(kind="Lung nodule", side="left", lobe="lower", size="large", mm=30.0)
    truth = Truth(findings=(nodule, *effusions(right=60.0)))
    filled = {SLOTS[i]: grade for i, grade in enumerate(grades(truth)) if grade}
    assert filled == {("Lung nodule", ("left", "lower")): 3, ("Pleural effusion", ("right", None)): 1}
    assert amounts(truth)[SLOTS.index(("Lung nodule", ("left", "lower")))] == pytest.approx(1.0)
    assert amounts(truth)[SLOTS.index(("Pleural effusion", ("right", None)))] < 0.1


def test_a_finding_without_a_place_is_everywhere_its_kind_can_be() -> None:
    assert Finding(kind="Bronchiectasis").sites == sites_of("Bronchiectasis")
    assert Finding(kind="Bronchiectasis", side="right").sites == sites_of("Bronchiectasis")[:3]
    assert Finding(kind="Emphysema").sites == ((None, None),)


def test_the_size_word_of_an_effusion_follows_from_its_ml() -> None:
    for size in SIZES:
        assert effusions(right=sum(EFFUSION_ML[size]) / 2)[0].size == size
