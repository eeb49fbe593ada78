"""`python -m ctflow train text`: what it refuses before it begins."""

from pathlib import Path

import pytest

from ctflow.__main__ import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hours", "0"], "--hours is a number more than 0"),
        (["--hours", "inf"], "--hours is a number more than 0"),
        (["--seed", "-1"], "--seed is 0 or more"),
        (["--seed", "99999999999999999999"], "--seed is"),
        (["--from", "nowhere"], "No model at 'nowhere'"),
        ([], "name its checkpoint with --from"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "text", "--work", str(tmp_path / "work"), *words]) == 2
    assert said in capsys.readouterr().err


def test_only_a_model_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["train", "text", "--work", str(tmp_path / "work"), "--out", str(tmp_path)]) == 2
    assert "exists and is no checkpoint" in capsys.readouterr().err


def test_other_weights_than_the_public_models_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"others")
    words = ["--from", "demo", "--pretrained", str(tmp_path), "--work", str(tmp_path / "work")]
    assert main(["train", "text", *words]) == 2
    assert "53aa5117" in capsys.readouterr().err
