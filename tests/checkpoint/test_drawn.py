"""What was measured of a checkpoint is kept beside it, and no other checkpoint takes it for its own."""

import json
from pathlib import Path

import pytest

from ctflow.checkpoint.drawn import MeasuredObedience, read_drawn, write_drawn
from ctflow.checkpoint.folder import folder_sha256
from ctflow.drawn import Drawn, Seen
from ctflow.errors import CheckpointError
from ctflow.pipeline import CTFlow
from tests.tiny import tiny_checkpoint

DRAWN = {"Pleural effusion": Drawn(Seen(0.5, 0.1, 0.9, 4), None, Seen(1.0, 0.9, 1.0, 40))}


def measured(model: str) -> MeasuredObedience:
    return MeasuredObedience(1, model, "float32", "2026-11-28", {"n": 4, "seed": 0, "phantoms": 16}, DRAWN)


def test_a_model_knows_how_often_it_draws_a_finding_and_is_no_other_model_for_it(folder: Path) -> None:
    before = folder_sha256(folder)
    assert dict(CTFlow.load(folder, "cpu").drawn) == {}
    write_drawn(folder, measured(before))
    model = CTFlow.load(folder, "cpu")
    assert dict(model.drawn) == DRAWN
    assert model.model_sha256 == before


def test_what_was_measured_of_another_model_is_refused(folder: Path) -> None:
    write_drawn(folder, measured("f" * 64))
    with pytest.raises(CheckpointError, match=r"obedience.json is of model ffffffff.*Delete it.*evaluate obedience"):
        CTFlow.load(folder, "cpu")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "perhaps of a later CTFlow"),
        ({"findings": {"Effusion": {"asserted": None, "denied": None}}}, "findings.Effusion.phantoms is missing"),
        ({"by_hand": 1}, "by_hand is not known"),
        ({"precision": None}, "precision is wrong"),
    ],
)
def test_a_damaged_file_is_refused_with_what_is_wrong_in_it(folder: Path, change: dict, words: str) -> None:
    write_drawn(folder, measured("0" * 64))
    path = folder / "measured/obedience.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change), encoding="utf-8")
    with pytest.raises(CheckpointError, match=words):
        read_drawn(folder, "0" * 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny")
