"""`found` as a user drives it, with a tiny model that has an image tower."""

from pathlib import Path

import pytest

from ctflow.__main__ import main
from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.volume import Volume
from tests.analysis.painter import affine, chest
from tests.tiny import tiny_checkpoint


def test_the_table_says_whose_accuracy_was_never_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny_checkpoint(tmp_path / "model", heads=True)
    write_nifti(Volume(chest(), affine()), tmp_path / "a.nii.gz", synthetic_label("tiny"))
    (tmp_path / "r.txt").write_text("Large right pleural effusion.", encoding="utf-8")
    words = ("found", tmp_path / "a.nii.gz", "--report-file", tmp_path / "r.txt", "--model", model, "--all")
    assert main([*map(str, words), "--device", "cpu"]) == 0
    printed = capsys.readouterr()
    assert "| finding | report says | model read | image tower of tiny sees |" in printed.out
    assert "| Pleural effusion | asserted |" in printed.out and "(never measured)" in printed.out
    assert "no judge of tiny was measured" in printed.err
