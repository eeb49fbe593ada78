"""Ctrl-C while `generate` is at work."""

import gzip
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctflow.commands import making
from ctflow.io.nifti import read_nifti, write_nifti
from ctflow.io.nifti_header import description_of
from ctflow.io.sidecar import read_sidecar
from ctflow.volume import Volume, plane_affine
from tests.app.fake import SIZE, SPACING_MM, FakeGenerator, chest
from tests.commands.line import make, run


def description(path: Path) -> str:
    return description_of(gzip.decompress(path.read_bytes()))


def test_ctrl_c_closes_the_stream_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ctrl_c: None
) -> None:
    def interrupt(chunk: int, step: int) -> None:
        if (chunk, step) == (1, 1):
            signal.raise_signal(signal.SIGINT)

    fake = FakeGenerator(interrupt)
    assert run(fake, "--report", "Clear.", "--out", tmp_path / "a.nii.gz") == 130
    assert fake.closed == 1
    assert not list(tmp_path.iterdir())
    assert "stopped" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_made_if_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ctrl_c: None
) -> None:
    def interrupt(chunk: int, step: int) -> None:
        if (chunk, step) == (2, 1):
            signal.raise_signal(signal.SIGINT)

    fake = FakeGenerator(interrupt)
    out = tmp_path / "a.nii.gz"
    assert run(fake, "--report", "Clear.", "--seed", 3, "--keep-partial", "--out", out) == 130
    np.testing.assert_array_equal(read_nifti(out).hu, chest(96, 3, "I")[:32])
    assert not read_sidecar(tmp_path / "a.json").complete
    assert "PARTIAL, 32 of 96 slices" in capsys.readouterr().out
    assert "SYNTHETIC, not for diagnosis, PARTIAL: 32 of 96 slices" in description(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.nii.gz"]


@pytest.mark.parametrize("words", [[], ["--keep-partial"]])
def test_ctrl_c_while_the_volume_is_written_costs_neither_it_nor_its_sidecar(
    fake: FakeGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ctrl_c: None, words: list[str]
) -> None:
    def write(*given: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        write_nifti(*given)

    monkeypatch.setattr(making, "write_nifti", write)
    assert make(fake, tmp_path / "a.nii.gz", *words) == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.nii.gz"]
    assert read_sidecar(tmp_path / "a.json").complete


@pytest.mark.parametrize(("start_slices", "files"), [(32, []), (16, ["a.json", "a.nii.gz"])])
def test_ctrl_c_keeps_no_volume_of_the_scans_own_slices_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ctrl_c: None, start_slices: int, files: list[str]
) -> None:
    def interrupt(chunk: int, step: int) -> None:
        if (chunk, step) == (2, 1):
            signal.raise_signal(signal.SIGINT)

    scan = tmp_path / "scan.nii.gz"
    write_nifti(Volume(chest(96, 3, "I"), plane_affine(("I", "P", "L"), SPACING_MM, SIZE, SIZE)), scan, "a scan")
    fake = FakeGenerator(interrupt)
    (tmp_path / "out").mkdir()
    start = ("--mode", "gt-head", "--start-from", scan, "--start-slices", start_slices)
    assert run(fake, "--report", "Clear.", *start, "--keep-partial", "--out", tmp_path / "out" / "a.nii.gz") == 130
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == files
    if files:
        said = description(tmp_path / "out" / "a.nii.gz")
        assert said.startswith("CTFlow SYNTHETIC from a REAL scan, not for diagnosis, PARTIAL: 32 of ")


def test_ctrl_c_before_the_first_slice_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ctrl_c: None
) -> None:
    fake = FakeGenerator(lambda chunk, step: signal.raise_signal(signal.SIGINT))
    assert run(fake, "--report", "Clear.", "--keep-partial", "--out", tmp_path / "a.nii.gz") == 130
    assert not list(tmp_path.iterdir())
