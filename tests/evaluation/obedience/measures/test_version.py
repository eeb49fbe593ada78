"""MEASURES_VERSION tells when measurements that are kept on disk hold no longer.

To store the numbers of a new version: python -m tests.evaluation.obedience.measures.test_version
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctflow.evaluation.obedience.measures.chest_checks import check_chest
from ctflow.evaluation.obedience.measures.measure import MEASURES_VERSION, measure
from ctflow.evaluation.obedience.measures.seam import seam_index
from ctflow.evaluation.obedience.measures.thumbnail import thumbnail
from ctflow.evaluation.obedience.phantom_views import PlainView
from ctflow.phantom import Finding, Truth, make_phantom

STORED = Path(__file__).with_name("version.json")
SEED = 3
FINDINGS = (
    Finding(kind="Consolidation", size="moderate", side="right", lobe="lower", mm=55.0),
    Finding(kind="Lung nodule", size="large", side="left", lobe="upper", mm=24.0, variant="solid"),
    Finding(kind="Pleural effusion", size="moderate", side="left", ml=450.0),
    Finding(kind="Coronary artery wall calcification", size="large"),
    Finding(kind="Arterial wall calcification", size="large"),
    Finding(kind="Medical material", size="large", variant="pacemaker"),
    Finding(kind="Emphysema", size="large"),
    Finding(kind="Pneumothorax", size="large", side="right", ml=1000.0),
    Finding(kind="Hiatal hernia", size="large", mm=80.0),
)
ADVICE = (
    "phantoms or what is measured in them have changed, so that measurements kept on disk hold no longer: raise "
    "MEASURES_VERSION, then run this file as a module to store the new numbers"
)


def numbers_of_a_phantom() -> dict[str, Any]:
    """Everything that is kept on disk of a measured phantom, rounded to six digits."""
    volume = PlainView().show(make_phantom(SEED, truth=Truth(findings=FINDINGS)))
    small = thumbnail(volume)
    numbers = measure(volume) | {
        "seam": seam_index(volume) or 0.0,
        "slices": float(len(volume.hu)),
        "thumbnail mean hu": float(small.mean()),
        "thumbnail spread hu": float(small.std()),
        **{f"check, {name}": float(holds) for name, holds in check_chest(volume).items()},
    }
    return {name: float(f"{value:.6g}") for name, value in numbers.items()}


def tolerance(name: str) -> float:
    """Another processor may round a few voxels to the other side of a limit; a voxel of 3 mm is 0.027 ml."""
    return 0.06 if name.endswith((" ml", " hu", " mm")) else 2e-3


@pytest.mark.slow
def test_a_phantoms_measures_are_those_of_the_version() -> None:
    stored, found = json.loads(STORED.read_text()), numbers_of_a_phantom()
    assert stored["version"] == MEASURES_VERSION, ADVICE
    assert list(stored["numbers"]) == list(found), ADVICE
    for name, value in stored["numbers"].items():
        assert found[name] == pytest.approx(value, rel=1e-3, abs=tolerance(name)), f"{name}: {ADVICE}"


def test_most_measures_of_the_phantom_are_not_empty() -> None:
    """Else a change of what they measure would not be seen."""
    values = list(json.loads(STORED.read_text())["numbers"].values())
    assert np.count_nonzero(values) > 0.7 * len(values)


if __name__ == "__main__":
    STORED.write_text(json.dumps({"version": MEASURES_VERSION, "numbers": numbers_of_a_phantom()}, indent=1) + "\n")
