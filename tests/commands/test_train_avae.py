"""`python -m ctflow train avae` as a researcher types it."""

import json
import os
from pathlib import Path

import pytest

from ctflow.__main__ import main
from ctflow.card import CARD, read_card
from ctflow.checkpoint.folder import folder_sha256
from tests.data.chests import fabricated_ct_rate
from tests.tiny import tiny_checkpoint

CONFIG = """
preset = "phantom"
[slices]
pairs_per_volume = 2
held_out_volumes = 2
crop = 16
[adversarial]
begins = 1
width = 8
layers = 2
[batch]
size = 2
precision = "float32"
[run]
steps = 3
save_every = 2
tracker = "none"
"""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, CT-RATE and a config."""
    folder = tmp_path_factory.mktemp("given")
    fabricated_ct_rate(folder / "ct-rate", 6)
    tiny_checkpoint(folder / "model", heads=True)
    (folder / "config.toml").write_text(CONFIG)
    return folder


def words(given: Path, out: Path, *more: str) -> list[str]:
    source = ["--ct-rate", str(given / "ct-rate"), "--split", "valid"]
    asked = ["--config", str(given / "config.toml"), "--model", str(given / "model"), "--out", str(out)]
    return ["train", "avae", *source, *asked, "--device", "cpu", "--workers", "1", *more]


@pytest.mark.slow
def test_from_scans_to_a_model_with_its_measures(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(words(given, out, "--collect")) == 0
    assert "GB of disk" in capsys.readouterr().out
    assert not (out / "model").exists()
    assert main(words(given, out)) == 0
    table = capsys.readouterr().out
    assert "GB of disk" not in table, "what was collected is not collected again"
    assert "| A-VAE on 8 slices held out | before | after |" in table and "not measured" not in table
    measures = json.loads((out / "measures.json").read_text())
    assert measures["features"] == "image tower" and measures["before"] != measures["after"]
    assert read_card(out / "model" / CARD).provenance.startswith("A-VAE (all of it) tuned")
    made = folder_sha256(out / "model")
    assert main(words(given, out)) == 0
    assert folder_sha256(out / "model") == made, "a training that has ended makes no more steps"


def test_processes_of_a_launch_do_not_wait_while_slices_are_collected(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    assert main(words(given, tmp_path / "out")) == 2
    assert "collect them first with --collect, in one process" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--weights", "vgg=x"], "--weights takes NAME=PATH with a name of vgg16"),
        (["--weights", "vgg16"], "--weights takes NAME=PATH"),
        (["--minutes", "0"], "--minutes is a number more than 0"),
        (["--workers", "0"], "--workers is 1 or more"),
        (["--split", "train"], "train_fixed is not there"),
    ],
)
def test_what_makes_no_sense_is_refused(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(words(given, tmp_path / "out", *more)) == 2
    assert said in capsys.readouterr().err


def test_lpips_without_its_weights_is_refused_and_never_replaced(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "v2.toml"
    config.write_text('preset = "v2"\n')
    assert main(words(given, tmp_path / "out", "--config", str(config))) == 2
    assert "--weights vgg16=FILE --weights lpips=FILE" in capsys.readouterr().err
    assert not (tmp_path / "out" / "slices").exists(), "said before anything is read"


def test_the_config_is_shown_and_its_fields_are_explained(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "avae", "--config", str(given / "config.toml"), "--print-config"]) == 0
    shown = capsys.readouterr().out
    assert "pairs_per_volume = 2" in shown and 'perceptual_network = "none"' in shown
    (tmp_path / "shown.toml").write_text(shown)
    assert main(["train", "avae", "--config", str(tmp_path / "shown.toml"), "--print-config"]) == 0
    assert capsys.readouterr().out == shown
    with pytest.raises(SystemExit):
        main(["train", "avae", "--help"])
    explained = capsys.readouterr().out
    assert "[losses]" in explained and "midpoint_distance" in explained
