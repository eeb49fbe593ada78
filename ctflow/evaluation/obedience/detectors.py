"""Detectors of findings: logistic regressions on measures, fitted on phantoms alone and tested on held-out phantoms.

They see a volume only through its measures, so what they say of a generated volume does not depend on any network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from ctflow.evaluation.obedience.features import Vector, features
from ctflow.evaluation.obedience.measured_phantoms import MeasuredPhantom
from ctflow.evaluation.obedience.measures.measure import Measures
from ctflow.phantom import KINDS, SLOTS, Kind, Site, amounts, grades, sites_of

Slot = tuple[Kind, Site]
PENALTY, AMOUNT_PENALTY = 3.0, 10.0  # of the squared weights
ITERATIONS, TOLERANCE = 1000, 1e-6
HELD_OUT_EVERY = 4  # every fourth phantom is for testing, not for fitting
FOLDS = 4  # of the phantoms for fitting, to find thresholds
FALSE_ALARMS = 0.02  # the share of volumes without a finding that exceed its threshold
LARGEST_SCORE = 5.0  # standard scores beyond it are clipped


@dataclass(frozen=True, eq=False)
class LinearModel:
    """`intercept + inputs @ weights`."""

    intercept: float
    weights: Vector

    def __call__(self, inputs: Vector) -> Vector:
        return self.intercept + inputs @ self.weights


@dataclass(frozen=True, eq=False)
class Detector:
    """Of one kind: log odds of its presence at each of its sites, and its amount there if it is present.

    The sites of a kind share the weights, but the measures of each are compared with their own mean and spread.
    """

    kind: Kind
    names: tuple[str, ...]  # of all measures
    centre: Vector  # (sites, features)
    spread: Vector  # (sites, features)
    presence: LinearModel
    amount: LinearModel

    def inputs(self, measures: Measures) -> Vector:
        """(sites, features + sites)."""
        return _inputs(features(measures, self.kind, self.names)[None], self.centre, self.spread)[0]


@dataclass(frozen=True, eq=False)
class Detectors:
    """One detector for each kind."""

    kinds: dict[Kind, Detector]

    def log_odds(self, measures: Measures) -> dict[Slot, float]:
        """The log odds that each finding is present at each of its sites."""
        return self._at_sites(lambda detector: detector.presence(detector.inputs(measures)))

    def amounts(self, measures: Measures) -> dict[Slot, float]:
        """The amount of each finding if it is present, as in `ctflow.phantom.truth.amount`: about 0 to 1."""
        return self._at_sites(lambda detector: detector.amount(detector.inputs(measures)))

    def _at_sites(self, read: Callable[[Detector], Vector]) -> dict[Slot, float]:
        found: dict[Slot, float] = {}
        for kind, detector in self.kinds.items():
            for site, value in zip(sites_of(kind), read(detector).tolist(), strict=True):
                found[kind, site] = value
        return found


@dataclass(frozen=True, eq=False)
class FittedDetectors:
    """Detectors, the log odds above which each kind counts as shown, and the phantoms that are kept to test both."""

    detectors: Detectors
    thresholds: dict[Kind, float]
    held_out: Sequence[MeasuredPhantom]

    @classmethod
    def fit(cls, phantoms: Sequence[MeasuredPhantom]) -> FittedDetectors:
        """Fits detectors and thresholds on three quarters of the phantoms."""
        held_out = [one for i, one in enumerate(phantoms) if i % HELD_OUT_EVERY == HELD_OUT_EVERY - 1]
        known = [one for i, one in enumerate(phantoms) if i % HELD_OUT_EVERY != HELD_OUT_EVERY - 1]
        return cls(fit(known), thresholds(known), held_out)


def presence(log_odds: dict[Slot, float], kind: Kind) -> float:
    """The log odds that a kind is present at all: those of its likeliest site."""
    return max(log_odds[kind, site] for site in sites_of(kind))


def fit(phantoms: Sequence[MeasuredPhantom], kinds: Sequence[Kind] = KINDS) -> Detectors:
    """Fits a detector of each kind on the phantoms."""
    graded = np.stack([grades(one.truth) for one in phantoms])
    amount = np.stack([amounts(one.truth) for one in phantoms])
    return Detectors({kind: _fit_kind(kind, phantoms, graded, amount) for kind in kinds})


def _fit_kind(kind: Kind, phantoms: Sequence[MeasuredPhantom], graded: NDArray, amount: NDArray) -> Detector:
    slots = [i for i, (other, _) in enumerate(SLOTS) if other == kind]
    names = tuple(phantoms[0].measures)
    raw = np.stack([features(one.measures, kind, names) for one in phantoms])
    centre, spread = raw.mean(0), raw.std(0) + 1e-3
    inputs = _inputs(raw, centre, spread).reshape(len(phantoms) * len(slots), -1)
    present = (graded[:, slots] > 0).ravel()
    return Detector(
        kind=kind,
        names=names,
        centre=centre,
        spread=spread,
        presence=_logistic(inputs, present),
        amount=_ridge(inputs[present], amount[:, slots].ravel()[present]),
    )


def _inputs(raw: Vector, centre: Vector, spread: Vector) -> Vector:
    """(n, sites, features) -> (n, sites, features + sites): standard scores, and which site it is."""
    n, sites, _ = raw.shape
    scores = np.clip((raw - centre) / spread, -LARGEST_SCORE, LARGEST_SCORE)
    return np.concatenate([scores, np.broadcast_to(np.eye(sites), (n, sites, sites))], 2)


def _logistic(inputs: Vector, present: NDArray[np.bool_]) -> LinearModel:
    """Logistic regression with a penalty of `PENALTY / 2` times the squared weights."""
    if present.all() or not present.any():  # nothing to tell apart: the same log odds for every volume
        odds = (present.sum() + 0.5) / ((~present).sum() + 0.5)
        return LinearModel(float(np.log(odds)), np.zeros(inputs.shape[1]))
    # scikit-learn weighs the cases against half the squared weights, where we weigh the weights: C = 1 / PENALTY.
    model = LogisticRegression(C=1 / PENALTY, max_iter=ITERATIONS, tol=TOLERANCE).fit(inputs, present)
    return LinearModel(float(model.intercept_[0]), model.coef_[0])


def _ridge(inputs: Vector, amount: Vector) -> LinearModel:
    """Least squares with a penalty of `AMOUNT_PENALTY` times the squared weights; 0 if there are no cases."""
    if not len(amount):
        return LinearModel(0.0, np.zeros(inputs.shape[1]))
    model = Ridge(alpha=AMOUNT_PENALTY).fit(inputs, amount)
    return LinearModel(float(model.intercept_), model.coef_)


def thresholds(
    phantoms: Sequence[MeasuredPhantom],
    kinds: Sequence[Kind] = KINDS,
    fit: Callable[[Sequence[MeasuredPhantom], Sequence[Kind]], Detectors] = fit,
) -> dict[Kind, float]:
    """For each kind the log odds that only `FALSE_ALARMS` of the phantoms without it exceed.

    Each phantom is read by detectors that were fitted without it.
    """
    without: dict[Kind, list[float]] = {kind: [] for kind in kinds}
    for fold in range(FOLDS):
        detectors = fit([one for i, one in enumerate(phantoms) if i % FOLDS != fold], kinds)
        for one in phantoms[fold::FOLDS]:
            log_odds = detectors.log_odds(one.measures)
            for kind in kinds:
                if not one.truth.has(kind):
                    without[kind].append(presence(log_odds, kind))
    return {kind: float(np.quantile(odds, 1 - FALSE_ALARMS)) if odds else 0.0 for kind, odds in without.items()}
