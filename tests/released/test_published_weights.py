"""The published weights themselves: `python -m ctflow convert ctflow-v1`, then `pytest -m weights` (a GPU helps).

These tests prove what the card calls inferred, or show that it is wrong.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ctflow.checkpoint.catalog import CHECKPOINTS
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.evaluation.obedience.measures.chest_checks import check_chest
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.request import SOLVER_PRESETS
from ctflow.volume import Volume

pytestmark = [pytest.mark.weights, pytest.mark.timeout(7200)]
FOLDER: Path = CHECKPOINTS / "ctflow-v1"


@pytest.fixture(scope="module")
def model() -> CTFlow:
    return CTFlow.load(FOLDER)


@pytest.fixture(scope="module")
def chest(model: CTFlow) -> Volume:
    report = Report("Both lungs are clear. No pleural effusion.", "Normal examination.")
    return model.generate(model.card.request(report, seed=0, **SOLVER_PRESETS["quality"]))


def test_black_and_white_come_back_through_its_avae(model: CTFlow) -> None:
    """So latents are scaled as in the published A-VAE, and HU are where the card says."""
    geometry, avae = model.card.geometry, load_checkpoint(FOLDER).avae
    for value in (model.card.intensity.black, model.card.intensity.white):
        back = avae.decode(avae.code_of(value, geometry.rows, geometry.columns)[None])
        assert abs(float(back.float().mean()) - value) < 0.05


def test_it_makes_a_chest_and_ends_it(model: CTFlow, chest: Volume) -> None:
    assert 64 < len(chest.hu) < model.card.geometry.max_chunks * model.card.geometry.slices_per_chunk, "white ends it"
    assert 0.002 < (chest.hu > 250).mean() < 0.1, "bone"


def test_slices_rows_and_columns_run_as_its_card_says(chest: Volume) -> None:
    plan = check_chest(chest)
    assert plan["two lungs"] and plan["heart to the left"] and plan["spine behind"], plan
    assert domes_below(chest)


def domes_below(volume: Volume) -> bool:
    """Whether the lungs end in more soft tissue towards the feet, where the liver is, than towards the head."""
    hu, _ = volume.along(("S", "P", "L"))
    inside = hu[:, hu.shape[1] // 4 : -hu.shape[1] // 4, hu.shape[2] // 5 : -hu.shape[2] // 5]
    lung = ((inside > -950) & (inside < -600)).mean((1, 2))
    slices = np.flatnonzero(lung > lung.max() / 8)
    few = max(1, len(slices) // 10)
    tissue = ((inside > 0) & (inside < 150)).mean((1, 2))
    return bool(tissue[slices[:few]].mean() > tissue[slices[-few:]].mean())


def test_it_draws_what_the_report_says(model: CTFlow) -> None:
    """The same noise and another sentence: the volumes differ most on the side that the sentence names."""
    made = [
        model.generate(
            model.card.request(Report(f"Large {side} pleural effusion."), seed=1, **SOLVER_PRESETS["quality"])
        )
        for side in ("right", "left")
    ]
    shortest = min(len(volume.hu) for volume in made)
    right, left = (volume.along(("S", "P", "L"))[0][:shortest] for volume in made)
    half = right.shape[2] // 2
    aerated = [(volume[..., :half] < -600).mean() / max((volume < -600).mean(), 1e-6) for volume in (right, left)]
    assert aerated[0] < aerated[1], "less air in the right half where the right side has fluid"


def test_chunks_join(chest: Volume, model: CTFlow) -> None:
    change = np.array([np.abs(b - a).mean() for a, b in pairwise(chest.hu.astype(np.float32))])
    size = model.card.geometry.slices_per_chunk
    joins = np.arange(size - 1, len(change), size)
    assert change[joins].mean() < 2 * np.delete(change, joins).mean()
