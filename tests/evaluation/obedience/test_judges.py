"""Judges: measured once, kept beside the model, and read back as they were."""

import json
from pathlib import Path

import pytest

from ctflow.checkpoint.folder import folder_sha256
from ctflow.errors import CheckpointError
from ctflow.evaluation.obedience.detectors import FittedDetectors, presence
from ctflow.evaluation.obedience.judges import measure_judges, read_judges
from ctflow.evaluation.obedience.measured_phantoms import measured_phantoms
from ctflow.evaluation.obedience.phantom_views import AvaeView
from ctflow.evaluation.obedience.study import FIT_SEED
from ctflow.phantom import KINDS
from ctflow.pipeline import CTFlow
from tests.evaluation.obedience.test_study import keep_examples
from tests.tiny import tiny_checkpoint


@pytest.mark.slow
def test_judges_are_kept_beside_the_model_and_read_back_as_they_were(tmp_path: Path) -> None:
    model = tiny_checkpoint(tmp_path / "model", heads=True)
    before = folder_sha256(model)
    keep_examples(tmp_path, model, 40)
    steps = list(measure_judges(CTFlow.load(model, "cpu"), model, tmp_path, 40, tower_phantoms=1, workers=1))
    assert (steps[0], steps[-1]) == ("phantoms 1 of 40", "tower 1 of 1")
    assert folder_sha256(model) == before, "a model is not another one once it was measured"
    judges = read_judges(model)
    assert judges
    assert sum(one.n_there + one.n_absent for one in judges.tower.values()) == len(judges.tower) == 2
    known = list(measured_phantoms(tmp_path, 40, FIT_SEED, 1, AvaeView(model)))
    fitted = FittedDetectors.fit(known)
    for one in known:
        verdicts, log_odds = judges.detectors.verdicts(one.measures), fitted.detectors.log_odds(one.measures)
        assert set(verdicts) == set(KINDS)
        for kind in KINDS:
            odds = presence(log_odds, kind) - fitted.thresholds[kind]
            assert verdicts[kind].seen == (odds > 0) or abs(odds) < 1e-3
    nodule = judges.detectors.verdicts(known[0].measures)["Lung nodule"].accuracy
    there = sum(one.truth.has("Lung nodule") for one in fitted.held_out)
    assert nodule and (nodule.n_there, nodule.n_absent) == (there, 10 - there)
    assert nodule.seen_there and nodule.seen_there > 0.5
    hernia = judges.detectors.verdicts(known[0].measures)["Hiatal hernia"].accuracy
    assert hernia and (hernia.seen_there, hernia.n_there, hernia.seen_absent) == (None, 0, 0.0)

    path = model / "measured/judges.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    for wrong in (data | {"format": 2}, data | {"view": "another"}, {"format": 1}, []):
        path.write_text(json.dumps(wrong), encoding="utf-8")
        with pytest.raises(CheckpointError, match="evaluate judges"):
            read_judges(model)


def test_of_a_model_that_was_not_measured_there_are_none(folder: Path) -> None:
    assert read_judges(folder) is None
