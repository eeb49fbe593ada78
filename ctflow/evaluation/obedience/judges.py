"""Judges of volumes whose accuracy is measured: detectors fitted on phantoms, and a model's image tower.

Both are tried on phantoms as the model's A-VAE shows them, on which the detectors were not fitted. In the checkpoint's
folder, `measured/judges.json` keeps detectors and accuracy; it is no part of the checkpoint's hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ctflow.checkpoint.drawn import MEASURED
from ctflow.errors import CheckpointError
from ctflow.evaluation.obedience.detectors import (
    HELD_OUT_EVERY,
    Detector,
    Detectors,
    FittedDetectors,
    LinearModel,
    presence,
)
from ctflow.evaluation.obedience.measured_phantoms import MeasuredPhantom, measured_phantoms
from ctflow.evaluation.obedience.measures.measure import MEASURES_VERSION, Measures, measure
from ctflow.evaluation.obedience.phantom_views import AvaeView
from ctflow.evaluation.obedience.study import FIT_SEED
from ctflow.generator import VolumeGenerator
from ctflow.io.files import write_atomic
from ctflow.judge import Accuracy, TowerJudge, Verdict
from ctflow.phantom import KINDS, Kind, Truth, make_phantom
from ctflow.volume import Volume

FORMAT = 1
JUDGES = "judges.json"


class DetectorJudge:
    """Detectors with their limits. They know a volume only through its measures, so no network decides."""

    name = "detectors fitted on phantoms"

    def __init__(self, detectors: Detectors, limits: dict[Kind, float], accuracy: dict[str, Accuracy]) -> None:
        self._detectors, self._limits, self._accuracy = detectors, limits, accuracy

    def judge(self, volume: Volume) -> dict[str, Verdict]:
        """See `Judge`. Raises ShortVolumeError for a volume that is too short to be measured."""
        return self.verdicts(measure(volume))

    def verdicts(self, measures: Measures) -> dict[str, Verdict]:
        """As `judge`, of a volume that has been measured."""
        log_odds = self._detectors.log_odds(measures)
        return {
            kind: Verdict(presence(log_odds, kind) > self._limits[kind], self._accuracy.get(kind)) for kind in KINDS
        }


@dataclass(frozen=True, eq=False)
class MeasuredJudges:
    """What `judges.json` holds."""

    detectors: DetectorJudge
    tower: dict[str, Accuracy]


def measure_judges(
    generator: VolumeGenerator, model: Path, out: Path, phantoms: int, tower_phantoms: int, workers: int
) -> Iterator[str]:
    """Writes `judges.json` into the checkpoint's folder `model`; yields what it is doing.

    Three quarters of the phantoms fit the detectors, the rest tests them, and the first `tower_phantoms` of that rest
    the tower. What was measured is kept in `out`, the folder of `measure_obedience`, which measures the same phantoms.
    """
    view = AvaeView(model)
    out.mkdir(parents=True, exist_ok=True)
    known: list[MeasuredPhantom] = []
    for one in measured_phantoms(out, phantoms, FIT_SEED, workers, view):
        known.append(one)
        yield f"phantoms {len(known)} of {phantoms}"
    fitted = FittedDetectors.fit(known)
    seen: list[tuple[Truth, dict[str, bool]]] = []
    held_out = [i for i in range(phantoms) if i % HELD_OUT_EVERY == HELD_OUT_EVERY - 1][:tower_phantoms]
    for count, i in enumerate(held_out, 1):
        phantom = make_phantom(FIT_SEED + i)
        verdicts = TowerJudge(generator, {}).judge(view.show(phantom))
        seen.append((phantom.truth, {finding: verdict.seen for finding, verdict in verdicts.items()}))
        yield f"tower {count} of {len(held_out)}"
    data = {
        "format": FORMAT,
        "view": view.name,
        "measures": MEASURES_VERSION,
        "detectors": _detectors_json(fitted),
        "accuracy": {"detectors": _as_json(_accuracy(_seen_by_detectors(fitted))), "tower": _as_json(_accuracy(seen))},
    }
    (model / MEASURED).mkdir(exist_ok=True)
    write_atomic(model / MEASURED / JUDGES, json.dumps(data, allow_nan=False).encode())


def read_judges(model: Path) -> MeasuredJudges | None:
    """The judges of a checkpoint's folder; None where none were measured.

    Raises CheckpointError for a file that is not one, or of another A-VAE or other measures than there are now.
    """
    path = model / MEASURED / JUDGES
    if not path.is_file():
        return None
    again = "Measure them again with `python -m ctflow evaluate judges`."
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        found = (data["format"], data["view"], data["measures"])
        detectors, limits = _detectors_of(data["detectors"])
        by_detectors, by_tower = (
            {finding: Accuracy(**numbers) for finding, numbers in data["accuracy"][judge].items()}
            for judge in ("detectors", "tower")
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CheckpointError(f"{path} holds no judges of format {FORMAT} ({error}). {again}") from error
    expected = (FORMAT, AvaeView(model).name, MEASURES_VERSION)
    if found != expected:
        raise CheckpointError(f"{path} is of {found}; {expected} was expected (format, A-VAE, measures). {again}")
    return MeasuredJudges(DetectorJudge(detectors, limits, by_detectors), by_tower)


def _seen_by_detectors(fitted: FittedDetectors) -> list[tuple[Truth, dict[str, bool]]]:
    judge = DetectorJudge(fitted.detectors, fitted.thresholds, {})
    verdicts = [(one.truth, judge.verdicts(one.measures)) for one in fitted.held_out]
    return [(truth, {finding: verdict.seen for finding, verdict in of.items()}) for truth, of in verdicts]


def _accuracy(seen: Sequence[tuple[Truth, dict[str, bool]]]) -> dict[str, Accuracy]:
    """By finding that the judge knows."""
    known = [kind for kind in KINDS if seen and kind in seen[0][1]]
    accuracy: dict[str, Accuracy] = {}
    for kind in known:
        there = [found[kind] for truth, found in seen if truth.has(kind)]
        absent = [found[kind] for truth, found in seen if not truth.has(kind)]
        accuracy[kind] = Accuracy(_share(there), len(there), _share(absent), len(absent))
    return accuracy


def _share(seen: Sequence[bool]) -> float | None:
    return sum(seen) / len(seen) if seen else None


def _as_json(accuracy: dict[str, Accuracy]) -> dict[str, Any]:
    return {finding: asdict(one) for finding, one in accuracy.items()}


def _detectors_json(fitted: FittedDetectors) -> dict[str, Any]:
    kinds = fitted.detectors.kinds
    return {
        "names": list(next(iter(kinds.values())).names),
        "kinds": {kind: _detector_json(one, fitted.thresholds[kind]) for kind, one in kinds.items()},
    }


def _detector_json(detector: Detector, limit: float) -> dict[str, Any]:
    """Numbers to six digits: a file of a tenth of the size, and log odds that are the same to a thousandth."""
    return {
        "limit": limit,
        "centre": _rounded(detector.centre),
        "spread": _rounded(detector.spread),
        "presence": _linear_json(detector.presence),
        "amount": _linear_json(detector.amount),
    }


def _linear_json(model: LinearModel) -> dict[str, Any]:
    return {"intercept": model.intercept, "weights": _rounded(model.weights)}


def _rounded(values: np.ndarray) -> Any:
    return [_rounded(one) for one in values] if values.ndim > 1 else [float(f"{value:.6g}") for value in values]


def _detectors_of(data: dict[str, Any]) -> tuple[Detectors, dict[Kind, float]]:
    kinds: dict[Kind, Detector] = {}
    limits: dict[Kind, float] = {}
    for kind in KINDS:
        one = data["kinds"][kind]
        limits[kind] = float(one["limit"])
        kinds[kind] = Detector(
            kind=kind,
            names=tuple(data["names"]),
            centre=np.array(one["centre"]),
            spread=np.array(one["spread"]),
            presence=_linear_of(one["presence"]),
            amount=_linear_of(one["amount"]),
        )
    return Detectors(kinds), limits


def _linear_of(data: dict[str, Any]) -> LinearModel:
    return LinearModel(float(data["intercept"]), np.array(data["weights"]))
