"""How much of the body has changed, as the viewer counts it, against numpy and the body of ctflow/analysis."""

import json
import subprocess
from pathlib import Path

import numpy as np
import playwright
import pytest

from app.present import grid
from ctflow.analysis.places import body_of
from ctflow.volume import Volume, plane_affine
from tests.app.fake import chest

HERE = Path(__file__).parent
NODE = Path(playwright.__file__).parent / "driver" / "node"
SPACING_MM = (3.0, 1.2, 1.5)
THRESHOLD_HU = 20


def volume(hu: np.ndarray, spacing_mm: tuple[float, float, float] = SPACING_MM) -> Volume:
    return Volume(hu, plane_affine(("I", "P", "L"), spacing_mm, *hu.shape[1:]))


def counted(tmp_path: Path, a: Volume, b: Volume) -> dict[str, float]:
    """What the viewer's own module says, in ml."""
    sides = {}
    for name, one in {"a": a, "b": b}.items():
        file = tmp_path / f"{name}.hu"
        file.write_bytes(one.hu.astype("<i2").tobytes())
        sides[name] = {"grid": grid(one.hu.shape, one.affine), "file": str(file)}
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps({**sides, "threshold": THRESHOLD_HU}), encoding="utf-8")
    script = HERE / "viewer" / "change_of.mjs"
    done = subprocess.run([NODE, script, asked], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


def expected(a: Volume, b_hu: np.ndarray) -> dict[str, float]:
    """`b_hu`: B on A's grid."""
    body = body_of(a) | body_of(Volume(b_hu, a.affine))
    change = (b_hu.astype(int) - a.hu)[body]
    voxel_ml = np.prod(a.spacing_mm) / 1000
    return {
        "denserMl": float((change >= THRESHOLD_HU).sum() * voxel_ml),
        "thinnerMl": float((change <= -THRESHOLD_HU).sum() * voxel_ml),
        "bodyMl": float(body.sum() * voxel_ml),
        "compared": len(a.hu),
        "slices": len(a.hu),
    }


def test_two_chests_on_one_grid(tmp_path: Path) -> None:
    a, b = volume(chest(24, 1, "I")), volume(np.roll(chest(24, 2, "I"), 3, axis=2))
    assert counted(tmp_path, a, b) == pytest.approx(expected(a, b.hu))


def test_where_the_slices_run_the_other_way(tmp_path: Path) -> None:
    a, b = volume(chest(24, 1, "I")), volume(chest(24, 2, "I"))
    turned = b.turned(("S", "P", "R"))
    assert turned.hu[0, 0, 0] == b.hu[-1, 0, -1]
    assert counted(tmp_path, a, turned) == pytest.approx(expected(a, b.hu))


def test_other_slices_are_resampled_between_their_neighbours(tmp_path: Path) -> None:
    """A has 8 slices of 3 mm, and B 24 of 1.25 mm, which begin 2 mm before A's."""
    a = volume(chest(8, 1, "I"))
    fine = chest(24, 2, "I")
    affine = volume(fine, (1.25, *SPACING_MM[1:])).affine
    affine[2, 3] += 2
    at = (np.arange(8) * 3.0 + 2) / 1.25
    first = at.astype(int)
    part = (at - first)[:, None, None]
    b_hu = np.floor(fine[first] + part * (fine[first + 1].astype(float) - fine[first]) + 0.5).astype(np.int16)
    found = counted(tmp_path, a, Volume(fine, affine))
    assert found == pytest.approx(expected(a, b_hu), rel=1e-3)  # halves of a HU may be rounded the other way
