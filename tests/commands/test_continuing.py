"""`continue` and the chain in a sidecar, as a user drives them, with the tiny model."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.io.nifti import read_nifti
from ctflow.io.sidecar import read_sidecar, request_of
from ctflow.report import Report
from ctflow.request import GenerationRequest


def ctflow(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.fixture
def first(folder: Path, tmp_path: Path) -> Path:
    """The sidecar of a volume of two chunks, eight slices."""
    out = tmp_path / "first.nii.gz"
    words = ("--report", "Large effusion.", "--seed", 7, "--model", folder, "--device", "cpu")
    assert ctflow("generate", *words, "--out", out) == 0
    return tmp_path / "first.json"


def hu(sidecar: Path) -> np.ndarray:
    return read_nifti(sidecar.with_suffix(".nii.gz")).hu


def test_from_here_on_another_report_makes_the_rest(first: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "edited.nii.gz"
    assert ctflow("continue", first, "--keep", 1, "--report", "No effusion.", "--model", folder, "--out", out) == 0
    np.testing.assert_array_equal(hu(first)[:4], read_nifti(out).hu[:4])
    assert (hu(first)[4:] != read_nifti(out).hu[4:]).any()
    sidecar = read_sidecar(tmp_path / "edited.json")
    assert request_of(sidecar).report == Report("No effusion.")
    assert [(one.chunks, one.report) for one in sidecar.earlier] == [(1, Report("Large effusion."))]


def test_a_chain_is_made_again_from_its_sidecar_alone(
    first: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Edited after the first chunk, made longer, then cut back to before the edit and made with another seed."""
    model = ("--model", folder, "--out")
    steps = [
        ("edited", (first, "--keep", 1, "--report", "No effusion.")),
        ("longer", (tmp_path / "edited.json", "--chunks", 3)),
        ("other", (tmp_path / "longer.json", "--keep", 2, "--seed", 8)),
        ("again", (tmp_path / "longer.json", "--keep", 1, "--seed", 9)),
    ]
    for name, words in steps:
        assert ctflow("continue", *words, *model, tmp_path / f"{name}.nii.gz") == 0
        assert ctflow("generate", "--from", tmp_path / f"{name}.json", *model, tmp_path / "replay.nii.gz") == 0
        replayed, made = (read_nifti(tmp_path / f"{one}.nii.gz").hu for one in ("replay", name))
        np.testing.assert_array_equal(replayed, made)
        assert read_sidecar(tmp_path / "replay.json").earlier == read_sidecar(tmp_path / f"{name}.json").earlier
    earlier = {name: read_sidecar(tmp_path / f"{name}.json").earlier for name, _ in steps}
    assert [[one.chunks for one in earlier[name]] for name, _ in steps] == [[1], [1, 2], [1, 2], [1]]
    assert len(hu(tmp_path / "longer.json")) == 12
    np.testing.assert_array_equal(hu(tmp_path / "longer.json")[:8], hu(tmp_path / "edited.json"))
    assert "differ" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--keep", 0), "from 1 to 2"),
        (("--keep", 3), "from 1 to 2"),
        (("--keep", "some"), "whole number of chunks; got 'some'"),
        ((), "ask for more chunks, or keep fewer"),
        (("--chunks", 9), "at most 3 chunks"),
        (("--keep", 1, "--report", " "), "The report is empty"),
        (("--keep", 1, "--start-from", "{}"), "began with no scan"),
    ],
)
def test_what_cannot_go_on_is_refused_in_one_line(
    first: Path,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[object, ...],
    message: str,
) -> None:
    capsys.readouterr()
    words = tuple(str(word).format(tmp_path) for word in words)
    assert ctflow("continue", first, *words, "--model", folder, "--out", tmp_path / "b.nii.gz") == 2
    printed = capsys.readouterr().err
    assert message in printed and printed.count("\n") == 1
    assert not (tmp_path / "b.nii.gz").exists()


def test_slices_that_were_to_stay_and_did_not_are_said(
    first: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where the volume came from another machine."""
    sidecar = json.loads(first.read_text(encoding="utf-8")) | {"seed": 8}
    first.write_text(json.dumps(sidecar), encoding="utf-8")
    words = (first, "--keep", 1, "--report", "No effusion.", "--model", folder)
    assert ctflow("continue", *words, "--out", tmp_path / "b.nii.gz") == 0
    assert "the slices that were to stay differ from those of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "ask for more chunks"),
        ({"chunks": 1, "steps": 0}, "Steps is a whole number"),
        ({"chunks": 1, "wind": 3}, "earlier.0.wind"),
    ],
)
def test_a_chain_that_no_volume_has_is_no_sidecar(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, int], message: str
) -> None:
    sidecar = json.loads(first.read_text(encoding="utf-8"))
    request = {field.name: sidecar[field.name] for field in fields(GenerationRequest)}
    first.write_text(json.dumps(sidecar | {"earlier": [request | changes]}), encoding="utf-8")
    capsys.readouterr()
    assert ctflow("generate", "--from", first, "--out", tmp_path / "b.nii.gz") == 2
    assert message in capsys.readouterr().err
