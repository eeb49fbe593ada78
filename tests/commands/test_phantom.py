"""`python -m ctflow phantom`: a data set that CT-RATE's readers can read."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.data.ctrate import volumes_folder
from ctflow.data.lock import only_run
from ctflow.data.phantom_dataset import FIRST_SEED
from ctflow.io.nifti import read_nifti
from ctflow.phantom import KINDS, Truth, make_phantom


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("set")
    assert main(["phantom", "--n", "2", "--out", str(out), "--seed", "40", "--split", "valid", "--workers", "1"]) == 0
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_volumes_lie_where_ct_rate_keeps_them_in_hu_and_from_feet_to_head(folder: Path) -> None:
    volume = read_nifti(folder / "dataset/valid_fixed/valid_1/valid_1_a/valid_1_a_1.nii.gz")
    phantom = make_phantom(FIRST_SEED["valid"] + 40)
    assert volume.spacing_mm == pytest.approx((3.0, 1.5, 1.5))
    assert volume.affine[2, 0] > 0
    assert np.array_equal(volume.hu[::-1], phantom.volume.hu)
    first = phantom.volume.affine @ (0, 0, 0, 1)
    assert volume.affine @ (len(volume.hu) - 1, 0, 0, 1) == pytest.approx(first)


def test_the_tables_speak_of_the_same_volumes_and_of_what_is_in_them(folder: Path) -> None:
    reports = rows(folder / "dataset/radiology_text_reports/validation_reports.csv")
    labels = rows(folder / "dataset/multi_abnormality_labels/valid_predicted_labels.csv")
    metadata = rows(folder / "dataset/metadata/validation_metadata.csv")
    truths = {name: Truth.from_json(t) for name, t in json.loads((folder / "valid_truths.json").read_text()).items()}
    names = ["valid_1_a_1.nii.gz", "valid_2_a_1.nii.gz"]
    assert [[row["VolumeName"] for row in table] for table in (reports, labels, metadata)] == [names] * 3
    assert list(labels[0])[1:] == list(KINDS[:18])
    for name, report, label, facts in zip(names, reports, labels, metadata, strict=True):
        assert {kind for kind in KINDS[:18] if label[kind] == "1"} == truths[name].kinds - {"Pneumothorax"}
        assert report["Findings_EN"] or report["Impressions_EN"]
        assert facts["XYSpacing"] == "[1.5, 1.5]" and facts["PatientAge"] == f"{truths[name].age:03d}Y"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--n", "0"], "--n is 1 or more; got 0"),
        (["--n", "1", "--seed", "-1"], "--seed is 0 or more; got -1"),
        (["--n", "1", "--workers", "0"], "--workers is 1 or more; got 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phantom", *words, "--out", str(tmp_path / "new")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_two_runs_do_not_write_one_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with only_run(volumes_folder(tmp_path, "valid")):
        assert main(["phantom", "--n", "1", "--out", str(tmp_path), "--split", "valid"]) == 2
    assert "valid_fixed is being written by another run" in capsys.readouterr().err
