"""`python -m ctflow`: what goes wrong is one line and an exit code."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ctflow.__main__ import main
from tests.commands.line import make, run
from tests.tiny import tiny_checkpoint

ROOT = Path(__file__).parents[1]
WEIGHTS = "diffusion_pytorch_model.safetensors"


def module(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ctflow", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False, **options)


@pytest.mark.parametrize(
    "words",
    [[], ["generate"], ["generate", "--out", "a.nii"], ["generate", "--report", "a", "--out", "a", "--device", "x"]],
)
def test_words_that_make_no_command_are_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_as_a_module_it_helps_and_tells_its_version() -> None:
    assert "generate" in module("--help").stdout
    assert module("--version").stdout.startswith("ctflow 0.")


def test_as_a_module_an_error_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    done = module("generate", "--report-file", "-", "--out", str(tmp_path / "a.nii"), input=" \n")
    assert done.returncode == 2
    assert done.stderr.startswith("ctflow: The report is empty.")
    assert done.stderr.count("\n") == 1


def test_a_model_that_is_not_there_is_an_error_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(None, "--report", "Clear.", "--model", "none-such", "--out", tmp_path / "a.nii") == 2
    assert run(None, "--report", "Clear.", "--model", "~no-such-user/x", "--out", tmp_path / "a.nii") == 2
    assert "No model at 'none-such'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "avae" / WEIGHTS).unlink(), f"avae/{WEIGHTS}"),
        (lambda folder: _cut(folder / "transformer" / WEIGHTS), f"transformer/{WEIGHTS}"),
        (lambda folder: _pickled(folder / "transformer" / WEIGHTS), f"transformer/{WEIGHTS}"),
        (lambda folder: _retold(folder / "transformer" / "config.json", '"depth": 2', '"depth": 3'), "blocks.2"),
        (lambda folder: _retold(folder / "card.json", '"format": 1', '"format": 99'), "card.json"),
        (lambda folder: (folder / "card.json").write_text("{"), "card.json"),
    ],
)
def test_a_broken_checkpoint_is_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], object], message: str
) -> None:
    damage(tiny_checkpoint(tmp_path / "model"))
    (tmp_path / "out").mkdir()
    assert make(None, tmp_path / "out" / "a.nii", "--model", tmp_path / "model", "--device", "cpu") == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert message in printed
    assert not list((tmp_path / "out").iterdir())


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def _pickled(file: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, file)


def _retold(file: Path, was: str, now: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert was in text
    file.write_text(text.replace(was, now), encoding="utf-8")


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens where there is no GPU")
def test_a_gpu_where_there_is_none_is_one_line_and_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny_checkpoint(tmp_path / "model")
    assert make(None, tmp_path / "a.nii", "--model", model, "--device", "cuda") == 2
    assert capsys.readouterr().err.startswith("ctflow: The device cuda was asked for, but torch finds no CUDA GPU")
    assert not (tmp_path / "a.nii").exists()
