"""Detectors of findings: logistic regressions on measures, fitted on phantoms alone and tested on held-out phantoms.

They see a volume through `measures` only, so what they say of a generated volume does not depend on any network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ctflow.evaluation.obedience.examples import Example
from ctflow.evaluation.obedience.measures import Measures
from ctflow.phantom import KINDS, SLOTS, Kind, Site, Truth, amounts, grades, sites_of

Vector = NDArray[np.float64]
Slot = tuple[Kind, Site]
PENALTY, AMOUNT_PENALTY = 3.0, 10.0
HELD_OUT = 4  # every fourth phantom tests and does not teach
FOLDS = 4  # of the others, for thresholds
FALSE_ALARMS = 0.02  # of the threshold above which a finding is said to be shown


# Measures of a lobe, by parts of their names, that tell a kind's presence there; for other kinds all of a site's.
OWN: dict[Kind, tuple[str, ...]] = {
    "Atelectasis": ("solid", "edge", "fluid", "ball mm", "lung share", "ground glass share", "plate"),
    "Lung nodule": ("roundest", "round 1.7 first", "round 5 first", "nodule calcium"),
    "Lung opacity": ("hazy patch", "haze", "ground glass", "dense lung", "aerated hu", "lung share"),
    "Pulmonary fibrotic sequela": ("edge", "ground glass share", "solid ml", "round 1.7", "round 3"),
    "Consolidation": (
        "solid",
        "ball mm",
        "island mm",
        "ground glass",
        "edge",
        "fluid",
        "lung share",
        "ringed air",
        "halo",
        "open bronchi",
    ),
    "Bronchiectasis": ("ringed air", "bronchial wall"),
}
# Measures, by parts of their names, that concern a kind beside those of its own lobes or sides.
ELSEWHERE: dict[Kind, tuple[str, ...]] = {
    "Medical material": ("metal", "dense ml", "peak hu"),
    "Arterial wall calcification": ("arch calcium", "aorta calcium", "oesophagus dense"),
    "Cardiomegaly": ("heart width", "cardiothoracic", "heart middle", "heart outer", "heart rim", "heart inner"),
    "Pericardial effusion": ("heart ", "cardiothoracic", "side back fluid"),
    "Coronary artery wall calcification": ("heart calcium", "heart metal", "heart dense", "arch calcium"),
    "Hiatal hernia": ("hernia",),
    "Lymphadenopathy": ("station", "mediastinum"),
    "Emphysema": ("below 950", "hole share", "thin lung", "free air", "spread hu", "patchiness"),
    "Atelectasis": ("heart middle", "side back fluid", "side aerated share", "heart width"),
    "Lung nodule": (),
    "Lung opacity": ("net share", "patchiness"),
    "Pulmonary fibrotic sequela": ("rim net share", "side back fluid"),
    "Pleural effusion": ("heart outer fluid",),
    "Mosaic attenuation pattern": ("patchiness", "spread hu", "hole share", "net share", "haze"),
    "Peribronchial thickening": ("bronchial wall", "ringed air", "net share", "hole share"),
    "Consolidation": ("side back fluid", "side aerated share", "heart width"),
    "Bronchiectasis": ("net share",),
    "Interlobular septal thickening": ("net share", "hole share", "spread hu", "haze", "patchiness"),
    "Pneumothorax": ("below 950",),
}


@dataclass(frozen=True, eq=False)
class Detector:
    """One kind's lines through what is measured at a site: log odds of its presence there, and its amount if there.

    The sites of a kind share the weights, but each is held against its own mean and spread.
    """

    kind: Kind
    names: tuple[str, ...]  # of all measures
    centre: Vector  # (sites, features)
    spread: Vector
    weights: Vector  # (1 + features + sites,)
    amount_weights: Vector

    def read(self, measures: Measures) -> tuple[Vector, Vector]:
        """-> log odds and amount at each site."""
        x = _rows(features(measures, self.kind, self.names)[None], self.centre, self.spread)[0]
        return x @ self.weights, x @ self.amount_weights


@dataclass(frozen=True, eq=False)
class Detectors:
    """A detector for every kind."""

    kinds: dict[Kind, Detector]

    def log_odds(self, measures: Measures) -> dict[Slot, float]:
        """Of the presence of each finding at each site."""
        return self._read(measures, 0)

    def amounts(self, measures: Measures) -> dict[Slot, float]:
        """What amount each would have, as `ctflow.phantom.truth.amount` has it: about 0 to 1."""
        return self._read(measures, 1)

    def _read(self, measures: Measures, which: int) -> dict[Slot, float]:
        read = {kind: detector.read(measures)[which].tolist() for kind, detector in self.kinds.items()}
        return {(kind, site): value for kind in read for site, value in zip(sites_of(kind), read[kind], strict=True)}


def features(measures: Measures, kind: Kind, names: Sequence[str]) -> Vector:
    """(sites, features): what is measured at each site of a kind, the mean of the same at its other sites, and what
    concerns the kind elsewhere."""
    others = [measures[name] for name in names if any(part in name for part in ELSEWHERE.get(kind, ()))]
    sites = sites_of(kind)
    if len(sites) == 1:
        return _squeezed(np.array([others]))
    prefixes = [f"{side} {lobe or 'side'} " for side, lobe in sites]
    suffixes = [name.removeprefix(prefixes[0]) for name in names if name.startswith(prefixes[0])]
    suffixes = [suffix for suffix in suffixes if any(part in suffix for part in OWN.get(kind, ("",)))]
    own = _squeezed(np.array([[measures[prefix + suffix] for suffix in suffixes] for prefix in prefixes]))
    rest = (own.sum(0) - own) / (len(sites) - 1)
    return np.concatenate([own, rest, np.tile(_squeezed(np.array(others)), (len(sites), 1))], 1)


def _squeezed(values: Vector) -> Vector:
    """Millilitres and the like count in orders of magnitude."""
    return np.sign(values) * np.log1p(np.abs(values))


def _rows(raw: Vector, centre: Vector, spread: Vector) -> Vector:
    """(n, sites, features) -> (n, sites, 1 + features + sites): a constant, standard scores, and which site it is."""
    n, sites, _ = raw.shape
    scores = np.clip((raw - centre) / spread, -5, 5)
    which = np.broadcast_to(np.eye(sites), (n, sites, sites))
    return np.concatenate([np.ones((n, sites, 1)), scores, which], 2)


def presence(log_odds: dict[Slot, float], kind: Kind) -> float:
    """The log odds that a kind is there at all: at its likeliest site."""
    return max(log_odds[kind, site] for site in sites_of(kind))


def fit(known: Sequence[Example]) -> Detectors:
    """Fits every kind on the examples."""
    graded = np.stack([grades(one.truth) for one in known])
    much = np.stack([amounts(one.truth) for one in known])
    names = tuple(known[0].measures)
    return Detectors({kind: _fit_kind(kind, names, known, graded, much) for kind in KINDS})


def _fit_kind(kind: Kind, names: tuple[str, ...], known: Sequence[Example], graded: Vector, much: Vector) -> Detector:
    slots = [i for i, (other, _) in enumerate(SLOTS) if other == kind]
    raw = np.stack([features(one.measures, kind, names) for one in known])
    centre, spread = raw.mean(0), raw.std(0) + 1e-3
    x = _rows(raw, centre, spread).reshape(len(known) * len(slots), -1)
    there, amount = (graded[:, slots] > 0).ravel(), much[:, slots].ravel()
    weights, amount_weights = _logistic(x, there), _ridge(x[there], amount[there])
    return Detector(kind, names, centre, spread, weights, amount_weights)


def _logistic(x: Vector, y: NDArray[np.bool_]) -> Vector:
    """Penalised logistic regression; the first column of x is 1 and is not penalised."""
    sign = np.where(y, 1.0, -1.0)

    def loss(w: Vector) -> tuple[float, Vector]:
        margin = sign * (x @ w)
        slope = -sign / (1.0 + np.exp(np.clip(margin, -60, 60)))
        penalty = PENALTY * np.append(0.0, w[1:])
        return float(np.logaddexp(0, -margin).sum() + 0.5 * penalty @ w), x.T @ slope + penalty

    return optimize.minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x


def _ridge(x: Vector, y: Vector) -> Vector:
    penalty = np.diag(np.append(1e-6, np.full(x.shape[1] - 1, AMOUNT_PENALTY)))
    return np.linalg.solve(x.T @ x + penalty, x.T @ y) if len(y) else np.zeros(x.shape[1])


def split(everything: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """-> (to fit, held out)."""
    held_out = [one for i, one in enumerate(everything) if i % HELD_OUT == HELD_OUT - 1]
    return [one for i, one in enumerate(everything) if i % HELD_OUT != HELD_OUT - 1], held_out


def thresholds(known: Sequence[Example]) -> dict[Kind, float]:
    """For every kind the log odds that only `FALSE_ALARMS` of the examples without it exceed.

    Each example is read by detectors that were fitted without it.
    """
    odds: list[tuple[Truth, dict[Slot, float]]] = []
    for fold in range(FOLDS):
        detectors = fit([one for i, one in enumerate(known) if i % FOLDS != fold])
        odds += [(one.truth, detectors.log_odds(one.measures)) for one in known[fold::FOLDS]]
    found: dict[Kind, float] = {}
    for kind in KINDS:
        without = [presence(o, kind) for truth, o in odds if not truth.has(kind)]
        found[kind] = float(np.quantile(without, 1 - FALSE_ALARMS)) if without else 0.0
    return found
