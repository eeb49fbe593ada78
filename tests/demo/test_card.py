"""The demo model's card: what it says of obedience comes from a measured file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ctflow.__main__ import main
from ctflow.card import (
    AnyEndRule,
    AnyGuidance,
    Defaults,
    EndRule,
    Guidance,
    Latent,
    LearntEndRule,
    ModelCard,
    read_card,
    write_card,
)
from ctflow.checkpoint.drawn import MeasuredObedience, write_drawn
from ctflow.checkpoint.folder import folder_sha256, load_checkpoint
from ctflow.demo.card import DEFAULTS, GUIDANCE, NAME, Obedience, demo_card, provenance, read_obedience, rewrite_card
from ctflow.drawn import Drawn, Seen
from ctflow.errors import CheckpointError, RequestError
from ctflow.evaluation.obedience.table import AUROC_ASKED, SIDE, ObedienceTable, write_table
from ctflow.evaluation.statistics import NAN, Estimate
from ctflow.phantom import KINDS
from tests.tiny import CARD, tiny_checkpoint

LATENT = Latent(channels=3, rows=32, columns=32, scale=0.5, shift=0.1)
LOWS = {"Cardiomegaly": 0.9, "Hiatal hernia": 0.65, "Emphysema": 0.64, "Lung nodule": 0.5, "Pneumothorax": NAN}


def card(measured: Obedience | None) -> ModelCard:
    return demo_card(LATENT, "Trained for a test.", measured)


def measured_file(path: Path, column: str = NAME) -> Path:
    """AUROCs of all findings; those without an entry in LOWS begin at 0.4."""
    lows = {kind: LOWS.get(kind, 0.4) for kind in KINDS}
    rows = {(AUROC_ASKED, kind): Estimate(0.9, low, 0.99, 10, 86) for kind, low in lows.items()}
    rows[SIDE, "Pleural effusion"] = Estimate(1.0, 0.82, 1.0, 17)
    rows[SIDE, "Pneumothorax"] = Estimate(0.82, 0.52, 0.95, 11)
    write_table(ObedienceTable({"n": 96, "seed": 0, "phantoms": 360}, {}, {column: rows}), path)
    return path


def test_findings_stand_by_the_lower_end_of_their_intervals_the_surest_first(tmp_path: Path) -> None:
    found = read_obedience(measured_file(tmp_path / "obedience.json"))
    assert found.follow == ("Cardiomegaly", "Hiatal hernia")
    assert found.follow_weakly == ("Emphysema",)
    assert set(found.by_chance) == set(KINDS) - {*found.follow, *found.follow_weakly}
    assert found.by_chance[0] in ("Lung nodule", "Pneumothorax"), "0.5 and no interval at all are chance"


def test_a_measured_card_names_what_follows_the_report_and_what_does_not(tmp_path: Path) -> None:
    written = card(read_obedience(measured_file(tmp_path / "obedience.json")))
    assert written.notice == (
        "Demo model: simulated chests. It reads 19 findings; in its volumes 2 of them follow the report. "
        "Not for diagnosis."
    )
    assert "These findings follow the report: cardiomegaly and hiatal hernia." in written.good_for
    assert "These follow it weakly: emphysema." in written.good_for
    assert "On the side that the report names: pleural effusion." in written.good_for
    assert "as far as 96 volumes can tell: lung nodule, pneumothorax, " in written.not_good_for


def test_a_model_that_was_not_measured_says_so() -> None:
    written = card(None)
    assert "was not measured" in written.notice
    assert "report" not in written.good_for
    assert written.not_good_for == "Anything clinical; anatomy in detail."


def test_a_card_is_rewritten_without_training_and_keeps_all_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "card.json"
    write_card(card(None), path)
    before = json.loads(path.read_text())
    table = measured_file(tmp_path / "obedience.json")
    assert main(["train", "demo", "--card-of", str(tmp_path), "--obedience", str(table)]) == 0
    assert str(path) in capsys.readouterr().out
    after = json.loads(path.read_text())
    changed = {name for name in after if before[name] != after[name]}
    assert changed == {"notice", "good_for", "not_good_for"}
    assert read_card(path) == card(read_obedience(table))


@pytest.mark.parametrize("end", [LearntEndRule(border_whiteness=0.3), EndRule(tolerance=0.7, share=0.9)])
def test_a_rewritten_card_keeps_the_rule_that_ends_its_volumes(tmp_path: Path, end: AnyEndRule) -> None:
    write_card(replace(card(None), end=end), tmp_path / "card.json")
    table = measured_file(tmp_path / "obedience.json")
    assert main(["train", "demo", "--card-of", str(tmp_path), "--obedience", str(table)]) == 0
    assert read_card(tmp_path / "card.json").end == end


@pytest.mark.parametrize(
    ("before", "after"),
    [(Guidance(trained=True, default=2.0), GUIDANCE), (Guidance(trained=False, default=1.0),) * 2],
    ids=["an older model", "a student"],
)
def test_a_rewritten_card_samples_as_models_of_today_do(
    before: AnyGuidance, after: AnyGuidance, tmp_path: Path
) -> None:
    older = Defaults(solver="stochastic", steps=16, shift=3.0, chunks=6)
    write_card(replace(card(None), guidance=before, defaults=older), tmp_path / "card.json")
    table = measured_file(tmp_path / "obedience.json")
    assert main(["train", "demo", "--card-of", str(tmp_path), "--obedience", str(table)]) == 0
    rewritten = read_card(tmp_path / "card.json")
    assert (rewritten.guidance, rewritten.defaults) == (after, DEFAULTS)


@pytest.mark.parametrize("older", [False, True], ids=["as today", "as an older model"])
def test_what_was_measured_stays_beside_a_rewritten_card_unless_the_model_samples_otherwise(
    tmp_path: Path, older: bool
) -> None:
    """The card is part of the model's hash: rewritten, it made the model refuse what had just been measured of it."""
    defaults = Defaults(solver="stochastic", steps=16, shift=3.0, chunks=6) if older else DEFAULTS
    folder = tiny_checkpoint(tmp_path / "tiny", name=NAME, guidance=GUIDANCE, defaults=defaults)
    drawn = {"Pleural effusion": Drawn(asserted=Seen(0.7, 0.4, 0.9, 17), denied=None, phantoms=None)}
    sha256 = folder_sha256(folder)
    write_drawn(folder, MeasuredObedience(1, sha256, "float32", "2026-11-28", {"n": 96}, drawn))
    rewrite_card(folder, read_obedience(measured_file(tmp_path / "obedience.json")))
    assert folder_sha256(folder) != sha256
    if older:
        with pytest.raises(CheckpointError, match="measure again"):
            load_checkpoint(folder)
    else:
        assert load_checkpoint(folder).drawn == drawn


def test_a_card_of_another_model_is_not_rewritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_card(CARD, tmp_path / "card.json")
    table = measured_file(tmp_path / "obedience.json")
    assert main(["train", "demo", "--card-of", str(tmp_path), "--obedience", str(table)]) == 2
    assert "holds tiny; a model of `train demo`, ctflow-demo, was expected" in capsys.readouterr().err
    assert read_card(tmp_path / "card.json") == CARD


def test_the_obedience_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="has the obedience of tiny; that of ctflow-demo was expected"):
        read_obedience(measured_file(tmp_path / "obedience.json", column="tiny"))


@pytest.mark.parametrize("words", [["--card-of", "model"], ["--obedience", "obedience.json"]])
def test_a_card_and_its_measurement_are_asked_for_together(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "demo", *words]) == 2
    assert "--card-of and --obedience belong together" in capsys.readouterr().err


def test_the_provenance_names_every_stage_and_the_checkpoint_that_was_begun_with() -> None:
    trained = {"avae": {"steps": 1200, "seconds": 90}, "text": {"steps": 7, "seconds": 20}}
    alone = provenance(trained, 4, "cpu with 2 threads", "2026-11-27", None)
    assert alone == (
        "Trained by `python -m ctflow train demo` on 4 procedural phantoms, no patient's data: avae 1,200 steps in "
        "2 min, text 7 steps in 0 min; last on cpu with 2 threads, 2026-11-27."
    )
    assert provenance(trained, 4, "cpu with 2 threads", "2026-11-27", "It began as X.") == f"{alone} It began as X."
