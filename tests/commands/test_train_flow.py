"""`train flow` on the command line."""

import csv
from pathlib import Path

import pytest

from ctflow.__main__ import main
from ctflow.data.lock import only_run
from ctflow.training.config.file import as_toml
from ctflow.training.flow.config import FlowConfig, read_config
from ctflow.training.flow.presets import PRESETS
from tests.training.flow.small_set import flow_config, flow_model, flow_set


def written(path: Path, config: FlowConfig) -> str:
    path.write_text(as_toml(config))
    return str(path)


def test_the_help_documents_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "flow", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "--print-config" in shown and "start_boost" in shown and "[optimizer]" in shown


def test_print_config_shows_what_will_run_and_trains_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('preset = "L"\n[batch]\nsize = 64\n')
    assert main(["train", "flow", "--config", str(config), "--print-config"]) == 0
    shown = tmp_path / "shown.toml"
    shown.write_text(capsys.readouterr().out)
    assert read_config(shown, PRESETS) == read_config(config, PRESETS)


def test_what_is_missing_or_wrong_is_said_before_anything_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(tmp_path / "config.toml", flow_config())
    out = tmp_path / "out"
    for words, message in (
        ([], "Give --data"),
        (["--data", "x", "--model", "demo", "--out", str(out), "--minutes", "0"], "--minutes is a number more than 0"),
        (["--data", "x", "--model", "nobody", "--out", str(out)], "No model at 'nobody'"),
        (["--data", str(tmp_path), "--model", "demo", "--out", str(out)], "cannot be read"),
    ):
        assert main(["train", "flow", "--config", config, *words]) == 2
        assert message in capsys.readouterr().err
    assert not (out / "network.json").exists()


@pytest.mark.slow
def test_it_trains_for_so_many_minutes_and_keeps_the_config(tmp_path: Path) -> None:
    config = flow_config(run={"steps": 10**6})
    model = flow_model(tmp_path / "model")
    words = ["--data", flow_set(tmp_path / "set", model), "--model", model, "--out", tmp_path / "out"]
    toml = written(tmp_path / "config.toml", config)
    assert main(["train", "flow", "--config", toml, "--minutes", "0.005", *map(str, words), "--device", "cpu"]) == 0
    assert read_config(tmp_path / "out" / "config.toml", PRESETS) == config
    with (tmp_path / "out" / "losses.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) > 1
    assert (tmp_path / "out" / "model" / "card.json").exists()


def test_two_trainings_do_not_write_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = flow_model(tmp_path / "model")
    words = ["--data", flow_set(tmp_path / "set", model), "--model", model, "--out", tmp_path / "out"]
    toml = written(tmp_path / "config.toml", flow_config())
    with only_run(tmp_path / "out"):
        assert main(["train", "flow", "--config", toml, *map(str, words), "--device", "cpu"]) == 2
    assert "is being written by another run" in capsys.readouterr().err
