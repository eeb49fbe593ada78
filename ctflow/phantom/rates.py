"""How often findings occur, and which occur together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ctflow.phantom.truth import LOBAR, LOBES, SIDED, SIZES, Finding, Kind, Lobe, Sex, Side, Size, Truth, measures_of

NORMAL_ODDS = 0.14  # of a study without findings
MOST_FINDINGS = 6
# Odds in a study that is not normal. They are CT-RATE's, moved closer together so that rare findings can be learnt too.
ODDS: dict[Kind, float] = {
    "Medical material": 0.12,
    "Arterial wall calcification": 0.19,
    "Cardiomegaly": 0.14,
    "Pericardial effusion": 0.12,
    "Coronary artery wall calcification": 0.18,
    "Hiatal hernia": 0.11,
    "Lymphadenopathy": 0.15,
    "Emphysema": 0.16,
    "Atelectasis": 0.20,
    "Lung nodule": 0.28,
    "Lung opacity": 0.20,
    "Pulmonary fibrotic sequela": 0.15,
    "Pleural effusion": 0.30,
    "Mosaic attenuation pattern": 0.09,
    "Peribronchial thickening": 0.11,
    "Consolidation": 0.20,
    "Bronchiectasis": 0.11,
    "Interlobular septal thickening": 0.10,
    "Pneumothorax": 0.16,
}
# An illness makes some findings likelier and the others a little less likely.
ILLNESSES: tuple[frozenset[Kind], ...] = (
    frozenset({"Cardiomegaly", "Pleural effusion", "Pericardial effusion", "Interlobular septal thickening"}),
    frozenset({"Consolidation", "Lung opacity", "Peribronchial thickening", "Lymphadenopathy", "Pleural effusion"}),
    frozenset({"Emphysema", "Bronchiectasis", "Mosaic attenuation pattern", "Peribronchial thickening"}),
    frozenset({"Pleural effusion", "Atelectasis", "Medical material"}),
    frozenset({"Lung nodule", "Lymphadenopathy"}),
    frozenset(),
)
LIKELIER, LESS_LIKELY = 2.0, 0.85
COMMONER_WITH_AGE: frozenset[Kind] = frozenset(
    {"Arterial wall calcification", "Coronary artery wall calcification", "Emphysema", "Hiatal hernia"}
)
DEVICE_VARIANTS = ("port", "pacemaker", "central venous catheter", "chest tube", "sternal wires", "tracheal tube")
SEVERAL_NODULES_ODDS, MOST_NODULES = 0.2, 5  # in one lobe
NODULE_VARIANTS = ("solid", "ground-glass", "calcified")
# Pairs of findings that would hide each other in one place.
EXCLUSIVE: tuple[frozenset[Kind], ...] = (
    frozenset({"Emphysema", "Mosaic attenuation pattern"}),
    frozenset({"Bronchiectasis", "Peribronchial thickening"}),
)


def draw_truth(rng: np.random.Generator) -> Truth:
    """Draw sex, age and findings: ``NORMAL_ODDS`` have none, most of the others 2-4 kinds."""
    sex: Sex = "F" if rng.random() < 0.5 else "M"
    age = int(rng.integers(25, 90))
    if rng.random() < NORMAL_ODDS:
        return Truth(sex=sex, age=age)
    kinds: list[Kind] = []
    while not kinds:
        kinds = _draw_kinds(rng, age)
    findings = [finding for kind in kinds for finding in draw_finding(kind, rng)]
    return Truth(findings=tuple(without_hidden(findings)), sex=sex, age=age)


def without_hidden(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, without those in lobes that fluid or air on the same side would hide.

    They are moved to the same lobe of the other side, or left out if that is hidden or taken too.
    """
    hidden = {one.side for one in findings if one.kind in SIDED and one.size != "small"}
    taken = {(one.kind, one.side, one.lobe) for one in findings}
    kept = []
    for one in findings:
        if one.kind in LOBAR and one.side in hidden:
            other: Side = "left" if one.side == "right" else "right"
            lobe = "upper" if one.lobe == "middle" else one.lobe
            if other in hidden or (one.kind, other, lobe) in taken:
                continue
            one = replace(one, side=other, lobe=lobe)
            taken.add((one.kind, other, lobe))
        kept.append(one)
    return kept


def _draw_kinds(rng: np.random.Generator, age: int) -> list[Kind]:
    illness = ILLNESSES[int(rng.integers(len(ILLNESSES)))]
    kinds = [kind for kind in ODDS if rng.random() < _odds(kind, illness, age)]
    for pair in EXCLUSIVE:
        if pair <= set(kinds):
            kinds.remove(sorted(pair)[int(rng.integers(2))])
    order = rng.permutation(len(kinds))[:MOST_FINDINGS]
    return [kinds[i] for i in sorted(order)]


def _odds(kind: Kind, illness: frozenset[Kind], age: int) -> float:
    weight = LIKELIER if kind in illness else LESS_LIKELY
    return min(0.9, ODDS[kind] * weight * ((0.3 + age / 60.0) if kind in COMMONER_WITH_AGE else 1.0))


def draw_finding(kind: Kind, rng: np.random.Generator, size: Size | None = None) -> list[Finding]:
    """The findings of one kind in one study: mostly one, sometimes on both sides or in several lobes."""
    first = _one(kind, rng, size)
    if kind in ("Pleural effusion", "Lung opacity", "Consolidation", "Atelectasis", "Lung nodule", "Bronchiectasis"):
        again = {"Pleural effusion": 0.3, "Lung opacity": 0.35, "Lung nodule": 0.35}.get(kind, 0.2)
        if rng.random() < again:
            return [first, _elsewhere(first, _one(kind, rng, size), rng)]
    return [first]


def _one(kind: Kind, rng: np.random.Generator, size: Size | None) -> Finding:
    size = size or SIZES[int(rng.integers(3))]
    finding = Finding(kind=kind, size=size)
    if (ranges := measures_of(kind)) is not None:
        finding = _measured(finding, float(rng.uniform(*ranges[size])))
    side, lobe = _place(kind, rng)
    several = kind == "Lung nodule" and rng.random() < SEVERAL_NODULES_ODDS
    count = int(rng.integers(2, MOST_NODULES + 1)) if several else 1
    return replace(finding, side=side, lobe=lobe, count=count, variant=_variant(finding, rng))


def _measured(finding: Finding, value: float) -> Finding:
    """The finding with its measure, in the unit of its kind."""
    if finding.kind in SIDED:
        return replace(finding, ml=round(value, 0))
    if finding.kind == "Cardiomegaly":
        return replace(finding, ratio=round(value, 2))
    return replace(finding, mm=round(value, 0))


def _place(kind: Kind, rng: np.random.Generator) -> tuple[Side | None, Lobe | None]:
    side: Side = "right" if rng.random() < 0.55 else "left"
    if kind in ("Pleural effusion", "Pneumothorax"):
        return side, None
    if kind == "Atelectasis":  # mostly at the bases
        odds = (0.13, 0.15, 0.30, 0.13, 0.29)
    elif kind == "Pulmonary fibrotic sequela":  # mostly at the apices
        odds = (0.34, 0.06, 0.15, 0.30, 0.15)
    elif kind in ("Lung nodule", "Lung opacity", "Consolidation", "Bronchiectasis"):
        odds = (0.24, 0.12, 0.24, 0.20, 0.20)
    else:
        return None, None
    return LOBES[int(rng.choice(5, p=odds))]


def _variant(finding: Finding, rng: np.random.Generator) -> str:
    if finding.kind == "Medical material":
        return DEVICE_VARIANTS[int(rng.integers(len(DEVICE_VARIANTS)))]
    if finding.kind == "Lung nodule":
        return NODULE_VARIANTS[int(rng.choice(3, p=(0.8, 0.12, 0.08)))]
    return ""


def _elsewhere(first: Finding, second: Finding, rng: np.random.Generator) -> Finding:
    """The second finding, moved to a place where the first is not."""
    if first.lobe is None:
        return replace(second, side="left" if first.side == "right" else "right")
    others = [place for place in LOBES if place != (first.side, first.lobe)]
    side, lobe = others[int(rng.integers(len(others)))]
    return replace(second, side=side, lobe=lobe)
