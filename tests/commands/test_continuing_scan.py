"""`continue` after a volume that began with a scan: the scan is asked for, checked and recorded again."""

from pathlib import Path

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.io.nifti import read_nifti, write_nifti
from ctflow.io.sidecar import read_sidecar
from ctflow.volume import Volume
from tests.analysis.painter import affine, chest


def ctflow(*words: object) -> int:
    return main([str(word) for word in words])


def test_a_volume_that_began_with_a_scan_goes_on_with_that_scan(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan, first, out = (tmp_path / f"{name}.nii.gz" for name in ("scan", "first", "out"))
    write_nifti(Volume(np.concatenate([chest()] * 3), affine()), scan, "a scan")
    begin = ("--mode", "gt-head", "--start-from", scan, "--chunks", 3, "--model", folder)
    assert ctflow("generate", "--report", "Effusion.", "--seed", 7, *begin, "--out", first) == 0
    go_on = ("continue", tmp_path / "first.json", "--report", "Heart.", "--model", folder, "--out", out)
    capsys.readouterr()
    assert ctflow(*go_on, "--keep", 2) == 2
    assert "began with a scan: give scan.nii.gz with --start-from" in capsys.readouterr().err
    assert ctflow(*go_on, "--keep", 1, "--start-from", scan) == 2
    assert "are the scan's own: keep more" in capsys.readouterr().err
    assert ctflow(*go_on, "--keep", 2, "--start-from", scan) == 0
    np.testing.assert_array_equal(read_nifti(out).hu[:8], read_nifti(first).hu[:8])
    sidecar = read_sidecar(tmp_path / "out.json")
    assert sidecar.start and sidecar.start.scan == "scan.nii.gz" and sidecar.earlier[0].chunks == 2
    again = tmp_path / "again.nii.gz"
    assert (
        ctflow("generate", "--from", tmp_path / "out.json", "--start-from", scan, "--model", folder, "--out", again)
        == 0
    )
    np.testing.assert_array_equal(read_nifti(again).hu, read_nifti(out).hu)
