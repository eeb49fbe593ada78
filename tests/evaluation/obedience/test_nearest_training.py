"""Distances to training volumes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ctflow.errors import RequestError
from ctflow.evaluation.obedience.measures.thumbnail import thumbnail
from ctflow.evaluation.obedience.nearest_training import nearest_rows, training_volumes
from ctflow.evaluation.obedience.results import TrialResult
from ctflow.evaluation.obedience.table import NEAREST
from ctflow.evaluation.obedience.trials import draw_trial
from ctflow.phantom import Truth, affine
from ctflow.volume import Volume


def test_training_volumes_are_compared_with_those_of_other_persons() -> None:
    """A person's other study lies so near that nothing generated ever looked like a copy."""
    one, other = (Volume(np.full((16, 256, 256), hu, np.int16), affine()) for hu in (0, 100))
    trial = draw_trial(0, 0, "held-out", "held-out", 1.0)
    small = np.full_like(thumbnail(one), 30.0)
    result = TrialResult(trial, measures={"lung": 1.0}, seam=None, chest={}, thumbnail=small)
    short = TrialResult(trial, measures=None, seam=None, chest={}, thumbnail=np.zeros(0, np.float32))
    rows = nearest_rows([result, short], [one, one, other, other])
    assert [(estimate.value, estimate.n) for estimate in rows.values()] == [(30.0, 1), (100.0, 4)]
    assert {group for group, _ in rows} == {NEAREST}


def training_set(folder: Path, count: int) -> Path:
    truth = Truth().to_json()
    np.save(folder / "phantoms.npy", np.arange(count * 20 * 4, dtype=np.int16).reshape(count, 20, 2, 2))
    (folder / "phantoms.json").write_text(
        json.dumps({"phantoms": [{"slices": 16 + i, "truth": truth} for i in range(count)]})
    )
    return folder


def test_each_training_volume_has_its_own_slices(tmp_path: Path) -> None:
    volumes = training_volumes(training_set(tmp_path, 4))
    assert [volume.hu.shape for volume in volumes] == [(16, 2, 2), (17, 2, 2), (18, 2, 2), (19, 2, 2)]
    assert volumes[1].hu[0, 0, 0] == 80


@pytest.mark.parametrize("left", [(), ("phantoms.npy",), ("phantoms.npy", "phantoms.json")])
def test_a_folder_without_training_phantoms_is_refused(left: tuple[str, ...], tmp_path: Path) -> None:
    for name in left:
        (tmp_path / name).write_text("{}")
    with pytest.raises(RequestError, match="--training"):
        training_volumes(tmp_path)


def test_phantoms_of_one_person_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="two or more persons"):
        training_volumes(training_set(tmp_path, 2))
