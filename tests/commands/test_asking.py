"""`ablate` and `seeds` as a user drives them, with the tiny model."""

import csv
import json
import signal
from pathlib import Path

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.io.nifti import read_label, read_nifti
from tests.app.fake import FakeGenerator, finder
from tests.commands.line import no_model

REPORT = "Large right effusion. No effusion."


def run(folder: Path, *words: object) -> int:
    return main([*map(str, words), "--model", str(folder), "--device", "cpu"])


def test_ablate_writes_a_map_for_each_sentence_and_a_table(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "ablate", "--report", REPORT, "--seed", 7, "--seeds", 1, "--out-dir", tmp_path / "out") == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    maps = ["floor-shared.nii.gz", "sentence-01-shared.nii.gz", "sentence-02-shared.nii.gz"]
    assert names == ["ablation.csv", "ablation.md", *maps, "whole.json", "whole.nii.gz"]
    assert "HU change by sentence 1" in read_label(tmp_path / "out/sentence-01-shared.nii.gz")
    changed = read_nifti(tmp_path / "out/sentence-01-shared.nii.gz")
    whole = read_nifti(tmp_path / "out/whole.nii.gz")
    assert changed.hu.any() and changed.hu.shape == whole.hu.shape
    np.testing.assert_array_equal(changed.affine, whole.affine)
    printed = capsys.readouterr().out
    assert (tmp_path / "out/ablation.md").read_text(encoding="utf-8") == printed
    assert "| Large right effusion. | shared chunks |" in printed
    rows = list(csv.DictReader((tmp_path / "out/ablation.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["sentence"] for row in rows] == ["Large right effusion.", "No effusion.", ""]
    assert json.loads((tmp_path / "out/whole.json").read_text(encoding="utf-8"))["seconds"] > 0


def test_seeds_writes_every_volume_and_what_they_have_in_common(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "seeds", "--report", REPORT, "--seed", 7, "--seeds", 3, "--out-dir", tmp_path) == 0
    volumes = np.stack([read_nifti(tmp_path / f"seed-{seed}.nii.gz").hu for seed in (7, 8, 9)]).astype(float)
    assert np.abs(read_nifti(tmp_path / "mean.nii.gz").hu - volumes.mean(0)).max() <= 0.51
    assert np.abs(read_nifti(tmp_path / "deviation.nii.gz").hu - volumes.std(0, ddof=1)).max() <= 0.51
    assert "standard deviation of 3 seeds" in read_label(tmp_path / "deviation.nii.gz")
    assert "3 of 3 volumes" in capsys.readouterr().out
    assert run(folder, "generate", "--from", tmp_path / "seed-8.json", "--out", tmp_path / "again.nii.gz") == 0
    np.testing.assert_array_equal(read_nifti(tmp_path / "again.nii.gz").hu, volumes[1])


@pytest.mark.parametrize(
    ("words", "steps", "files"),
    [
        (("ablate", "--seeds", 1), 10, ["ablation.csv", "ablation.md", "floor-shared.nii.gz"]),
        (("seeds", "--seeds", 4), 10, ["deviation.nii.gz", "mean.nii.gz", "seed-1.nii.gz", "seed-2.nii.gz"]),
    ],
)
def test_ctrl_c_keeps_what_is_done(
    tmp_path: Path, ctrl_c: None, words: tuple[object, ...], steps: int, files: list[str]
) -> None:
    made = []

    def step(chunk: int, step: int) -> None:
        made.append(step)
        if len(made) > steps:
            signal.raise_signal(signal.SIGINT)

    common = ("--report", REPORT, "--seed", 1, "--chunks", 1, "--out-dir", tmp_path)
    generator = FakeGenerator(step)
    assert main([*map(str, (*words, *common))], finder(generator)) == 130
    assert generator.closed == 1
    assert set(files) <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ablate", "--report", "One sentence."), "at least two sentences"),
        (("ablate", "--report", REPORT, "--seeds", "0"), "at least one; got 0"),
        (("ablate", "--report", REPORT, "--seeds", "x"), "at least one; got 'x'"),
        (("ablate", "--report", REPORT, "--chunks", "7"), "at most 6 chunks"),
        (("seeds", "--report", REPORT, "--seeds", "1"), "at least two is needed"),
        (("seeds", "--report", " "), "The report is empty"),
    ],
)
def test_what_cannot_be_asked_is_one_line_before_a_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert main([*words, "--out-dir", str(tmp_path / "out")], no_model) == 2
    printed = capsys.readouterr().err
    assert message in printed and printed.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_is_not_ours_is_not_replaced(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "whole.nii.gz").write_bytes(b"a scan")
    assert run(folder, "ablate", "--report", REPORT, "--seeds", 1, "--seed", 1, "--out-dir", tmp_path) == 2
    assert "was not made by CTFlow" in capsys.readouterr().err
