"""Phantoms with one finding each, and examples for detectors, that several tests of this folder look at."""

from __future__ import annotations

from functools import cache

import numpy as np

from ctflow.evaluation.obedience.measured_phantoms import MeasuredPhantom
from ctflow.evaluation.obedience.measures.measure import Measures, measure
from ctflow.evaluation.obedience.phantom_views import PlainView
from ctflow.phantom import SLOTS, Finding, Truth, amounts, effusions, grades, make_phantom
from ctflow.volume import Volume

SEED = 11
FINDINGS: dict[str, Finding] = {
    "effusion": effusions(right=900.0)[0],
    "pneumothorax": Finding(kind="Pneumothorax", size="large", side="left", ml=1000.0),
    "nodule": Finding(kind="Lung nodule", size="large", side="right", lobe="lower", mm=24.0, variant="solid"),
    "heart": Finding(kind="Cardiomegaly", size="large", ratio=0.65),
    "coronaries": Finding(kind="Coronary artery wall calcification", size="large"),
    "pericardium": Finding(kind="Pericardial effusion", size="large", mm=25.0),
    "hernia": Finding(kind="Hiatal hernia", size="large", mm=80.0),
    "consolidation": Finding(kind="Consolidation", size="moderate", side="right", lobe="lower", mm=60.0),
    "collapse": Finding(kind="Atelectasis", size="large", side="right", lobe="lower"),
    "plates": Finding(kind="Atelectasis", size="small", side="right", lobe="lower"),
    "opacity": Finding(kind="Lung opacity", size="moderate", side="right", lobe="lower", mm=60.0),
}


@cache
def volume(name: str | None) -> Volume:
    """The phantom with the finding of this name; of the same person without any finding for None."""
    findings = () if name is None else (FINDINGS[name],)
    return PlainView().show(make_phantom(SEED, truth=Truth(findings=findings)))


@cache
def measures(name: str | None) -> Measures:
    return measure(volume(name))


def example_of_nodule(rng: np.random.Generator, names: tuple[str, ...]) -> MeasuredPhantom:
    """An example whose measures tell a nodule's presence and amount at each lobe, and nothing else."""
    side, lobe = [("right", "upper"), ("left", "lower")][int(rng.integers(2))]
    there = rng.random() < 0.5
    nodule = Finding(kind="Lung nodule", side=side, lobe=lobe, mm=float(rng.uniform(5, 30)))
    truth = Truth(findings=(nodule,) if there else ())
    made_up = {name: float(rng.normal()) for name in names}
    for (kind, site), grade, amount in zip(SLOTS, grades(truth), amounts(truth), strict=True):
        if kind == "Lung nodule":
            made_up[f"{site[0]} {site[1]} roundest"] = float((grade > 0) * (5 + 20 * amount))
    return MeasuredPhantom(made_up, truth)
