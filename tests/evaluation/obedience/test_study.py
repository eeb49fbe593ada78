"""The whole measurement of obedience, with models of random weights and of none."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.checkpoint.drawn import read_drawn
from ctflow.checkpoint.folder import folder_sha256
from ctflow.errors import RequestError, ShortVolumeError
from ctflow.evaluation.obedience.measured_phantoms import kept_in
from ctflow.evaluation.obedience.phantom_views import AvaeView, PhantomView, PlainView
from ctflow.evaluation.obedience.results import measure_trials, phantom_results_folder
from ctflow.evaluation.obedience.study import FIT_SEED, measure_obedience
from ctflow.evaluation.obedience.table import SEAM, SHOWN_ASKED, VolumeCount, read_table
from ctflow.evaluation.obedience.trials import HELD_OUT, SEEDS, Plan, Trial, draw_trials
from ctflow.generator import Event
from ctflow.phantom import KINDS
from ctflow.request import GenerationRequest, ScanStart
from ctflow.volume import Volume
from tests.evaluation.obedience.phantoms import example_of_nodule, measures
from tests.tiny import CARD, tiny_checkpoint


def keep_examples(folder: Path, model: Path, count: int) -> None:
    """As if the detectors' phantoms had been measured already."""
    rng, names = np.random.default_rng(0), tuple(measures(None))
    examples = [example_of_nodule(rng, names) for _ in range(count)]
    lines = [json.dumps({"measures": one.measures, "truth": one.truth.to_json()}) for one in examples]
    for view in (AvaeView(model), PlainView()):
        kept_in(folder, FIT_SEED, view).write_text("\n".join(lines) + "\n")


def keep_short_phantoms(folder: Path, plan: Plan, view: PhantomView) -> None:
    """As if the phantoms of the trials had been measured already, and were too short."""
    trials = draw_trials(plan, CARD.guidance.default, CARD.guidance.trained)
    list(measure_trials(phantom_results_folder(folder, view), trials[HELD_OUT] + trials[SEEDS], ended))


@pytest.mark.slow
def test_the_command_measures_a_model_and_writes_table_numbers_and_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = {"geometry": replace(CARD.geometry, max_chunks=5), "defaults": replace(CARD.defaults, chunks=5)}
    model = tiny_checkpoint(tmp_path / "model", **longer)
    keep_examples(tmp_path, model, 16)
    keep_short_phantoms(tmp_path, Plan(n=2, seed=0, phantoms=16), PlainView())  # for time: those of the A-VAE are made
    words = ["--n", "2", "--phantoms", "16", "--workers", "1", "--out", str(tmp_path), "--device", "cpu"]
    assert main(["evaluate", "obedience", "--model", str(model), *words]) == 0
    printed = capsys.readouterr().out
    assert "| AUROC, asked against denied | Pleural effusion |" in printed and "nan" not in printed
    assert printed == (tmp_path / "obedience.md").read_text(encoding="utf-8") + "\n"
    table = read_table(tmp_path / "obedience.json")
    assert table.plan == {"n": 2, "seed": 0, "phantoms": 16}
    assert list(table.columns) == ["tiny", "phantoms through its A-VAE", "phantoms"]
    assert all(table.columns.values())
    assert (tmp_path / "obedience.png").exists()
    drawn = read_drawn(model, folder_sha256(model))
    shown = {kind: table.model[SHOWN_ASKED, kind] for kind in KINDS}
    assert {kind: one.asserted and one.asserted.n for kind, one in drawn.items()} == {
        kind: estimate.n or None for kind, estimate in shown.items()
    }
    assert main(["evaluate", "obedience", "--model", str(model), *words, "--without-phantoms"]) == 0
    alone = read_table(tmp_path / "obedience.json")
    assert list(alone.columns) == ["tiny"] and alone.model.keys() == table.model.keys()


class EndsAtOnce:
    """A model whose volumes all end before their first slice."""

    card, model_sha256, precision = CARD, "0" * 64, "float32"

    def stream(self, request: GenerationRequest, start: ScanStart | None = None) -> Iterator[Event]:
        raise ShortVolumeError(f"Seed {request.seed} ended before its first slice.")
        yield


def ended(trial: Trial) -> Volume:
    raise ShortVolumeError(f"Seed {trial.seed} ended before its first slice.")


@pytest.mark.slow
def test_a_model_that_ends_at_once_shows_nothing(tmp_path: Path) -> None:
    model, plan = tiny_checkpoint(tmp_path / "model"), Plan(n=16, seed=0, phantoms=16)
    keep_examples(tmp_path, model, 16)
    for view in (AvaeView(model), PlainView()):
        keep_short_phantoms(tmp_path, plan, view)
    list(measure_obedience(EndsAtOnce(), model, tmp_path, plan, workers=1))
    table = read_table(tmp_path / "obedience.json")
    assert table.model[SHOWN_ASKED, "all"].value == 0 and table.model[SHOWN_ASKED, "all"].n >= 32
    assert math.isnan(table.model[SEAM, "1 = no seam"].value)
    guided = [estimate.n for (_, name), estimate in table.model.items() if name.startswith("guidance")]
    assert len(guided) == 3 and len(set(guided)) == 1, "all on the same reports"
    counts = {"held-out": 16, "known": 4, "guidance 2": 2, "guidance 4": 2, "seeds": 3}
    assert table.volumes == {group: VolumeCount(made=n, too_short=n) for group, n in counts.items()}
    assert "showing nothing: 27 of 27." in (tmp_path / "obedience.md").read_text(encoding="utf-8")


def test_a_folder_without_training_phantoms_is_refused_before_any_work(tmp_path: Path) -> None:
    out = tmp_path / "new"
    steps = measure_obedience(EndsAtOnce(), tmp_path, out, Plan(2, 0, 16), 1, training=tmp_path)
    with pytest.raises(RequestError, match="--training"):
        next(steps)
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "given", "least"), [("n", 0, 1), ("phantoms", 3, 16), ("seed", -1, 0), ("workers", 0, 1)]
)
def test_numbers_that_make_no_sense_are_refused(
    name: str, given: int, least: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "obedience", f"--{name}", str(given), "--out", str(tmp_path / "new")]) == 2
    said = capsys.readouterr().err
    assert f"--{name}" in said and f"got {given}." in said and str(least) in said
    assert not (tmp_path / "new").exists()
