"""The paper's three modes: what comes from the scan, what is made, and how the two are joined."""

import gzip
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydantic
import pytest
import SimpleITK
import torch

from ctflow.__main__ import main
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.errors import RequestError
from ctflow.generator import StepDone, joined
from ctflow.io.nifti import read_nifti, synthetic_label, write_nifti
from ctflow.io.scan import read_scan
from ctflow.io.sidecar import read_sidecar
from ctflow.model_grid import ModelGrid
from ctflow.models.avae import AVAE
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.request import ScanStart
from ctflow.volume import Volume
from tests.tiny import CARD, tiny_checkpoint

REPORT = Report("Large right pleural effusion.")


@pytest.fixture(scope="module")
def scan(model: CTFlow) -> Volume:
    """12 slices somewhere in the patient, on the model's grid."""
    affine = ModelGrid(CARD.geometry).affine
    affine[:3, 3] += (30, -40, 700)
    rng = np.random.default_rng(0)
    return Volume(rng.integers(-1000, 400, (12, 32, 32)).astype(np.int16), affine)


def test_gt_head_begins_with_the_scan_where_the_scan_is_and_goes_on(model: CTFlow, scan: Volume) -> None:
    request = model.card.request(REPORT, seed=1, chunks=3)
    events = list(model.stream(request, ScanStart("gt-head", scan, 8)))
    made = joined(events)
    np.testing.assert_allclose(made.affine, scan.affine)
    assert {event.chunk for event in events if isinstance(event, StepDone)} == {2}
    other = Volume(np.roll(scan.hu, 5, axis=1), scan.affine)
    again = model.generate(request, ScanStart("gt-head", other, 8))
    assert (again.hu[8:] != made.hu[8:]).any(), "what is made follows from the scan"
    rest = Volume(np.concatenate([scan.hu[:8], scan.hu[8:] + 9]).astype(np.int16), scan.affine)
    np.testing.assert_array_equal(model.generate(request, ScanStart("gt-head", rest, 8)).hu, made.hu)


def test_next_block_makes_each_chunk_from_the_scans_own(model: CTFlow, scan: Volume) -> None:
    request = model.card.request(REPORT, seed=1, chunks=3)
    made = model.generate(request, ScanStart("next-block", scan, 4)).hu
    head = model.generate(request, ScanStart("gt-head", scan, 4)).hu
    np.testing.assert_array_equal(made[:8], head[:8])
    last = model.generate(request, ScanStart("gt-head", scan, 8)).hu
    np.testing.assert_array_equal(made[8:], last[8:])
    assert (made[8:] != head[8:]).any()


@pytest.mark.gpu
def test_a_scan_is_encoded_on_a_gpu_as_on_the_cpu_but_for_rounding(folder: Path, scan: Volume) -> None:
    checkpoint = load_checkpoint(folder)
    intensity = torch.from_numpy(checkpoint.card.intensity.to_intensity(scan.hu))
    with torch.inference_mode():
        expected = checkpoint.avae.encode(intensity)
    gpu = CTFlow(checkpoint, torch.device("cuda"))  # brings the A-VAE into the precision of a GPU
    with torch.inference_mode():
        found = checkpoint.avae.encode(intensity.to(gpu.device)).float().cpu()
    assert (found - expected).square().mean().sqrt() < 0.03 * expected.std()


@pytest.mark.parametrize(("mode", "slices"), [("gt-head", 8), ("next-block", 4)])
def test_a_long_scan_is_begun_with_as_its_middle_alone_is(
    model: CTFlow, scan: Volume, mode: Literal["gt-head", "next-block"], slices: int
) -> None:
    affine = scan.affine.copy()
    affine[:3, 3] -= 5 * affine[:3, 0]
    long = Volume(np.pad(scan.hu, ((5, 6), (0, 0), (0, 0)), constant_values=40), affine)
    request = model.card.request(REPORT, seed=1, chunks=3)
    grid = ModelGrid(model.card.geometry)
    made, expected = (model.generate(request, ScanStart(mode, grid.bring(each), slices)) for each in (long, scan))
    np.testing.assert_array_equal(made.hu, expected.hu)
    np.testing.assert_allclose(made.affine, expected.affine)


@pytest.mark.parametrize("mode", ["gt-head", "next-block"])
def test_a_volume_of_the_scans_slices_alone_is_an_error_with_its_seed(
    mode: str, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was written as if it had been made, over the volume that was there."""
    white = tiny_checkpoint(tmp_path / "white", end=replace(CARD.end, tolerance=1e6))
    start = ["--mode", mode, "--start-from", str(tmp_path / "scan.nii.gz"), "--model", str(white)]
    out = tmp_path / "a.nii.gz"
    earlier = gzip.compress(b"\0" * 148 + synthetic_label("an earlier one").encode())
    out.write_bytes(earlier)
    assert main([*command, *start, "--out", str(out)]) == 2
    assert "Seed 3 ended this volume before its first slice after the 4 of the scan." in capsys.readouterr().err
    assert out.read_bytes() == earlier
    assert not (tmp_path / "a.json").exists()


@pytest.mark.slow
def test_a_volume_that_begins_with_a_file_of_its_own_first_slices_goes_on_as_it_did(tmp_path: Path) -> None:
    """The bundled model, and its volume stored in another order, orientation and place: HU, axes and join are right.

    What is left is what the A-VAE loses when the slices are encoded again.
    """
    model = CTFlow.load(find_checkpoint("demo"), "cpu")
    request = model.card.request(REPORT, seed=1, chunks=2, steps=4)
    own = model.generate(request)
    affine = own.affine.copy()
    affine[:3, 3] += (37, -112, 840)
    write_nifti(sagittal(Volume(own.hu, affine)), tmp_path / "own.nii.gz", "its own")
    scan = ModelGrid(model.card.geometry).bring(read_scan(tmp_path / "own.nii.gz"))
    begun = model.generate(request, ScanStart("gt-head", scan, 16))
    np.testing.assert_allclose(begun.affine, affine, atol=1e-4)
    assert np.corrcoef(begun.hu[16:].ravel(), own.hu[16:].ravel())[0, 1] > 0.98
    assert change_hu(begun)[15] < 1.1 * change_hu(own)[15]


def sagittal(volume: Volume) -> Volume:
    """The same volume with its slices from right to left, rows from feet to head and columns to the back."""
    slices = len(volume.hu) - 1
    affine = volume.affine[:, [2, 0, 1, 3]].copy()
    affine[:3, 3] += affine[:3, 1] * slices
    affine[:3, 1] *= -1
    return Volume(np.ascontiguousarray(volume.hu[::-1].transpose(2, 0, 1)), affine)


def change_hu(volume: Volume) -> np.ndarray:
    """The mean change from each slice to the next, in and about the body."""
    before, after = volume.hu[:-1].astype(float), volume.hu[1:].astype(float)
    return np.array([np.abs(b - a)[np.maximum(a, b) > -900].mean() for a, b in zip(before, after, strict=True)])


@pytest.mark.parametrize(
    ("mode", "slices", "chunks", "said"),
    [
        ("gt-head", 6, 3, "multiple of 4"),
        ("gt-head", 0, 3, "multiple of 4"),
        ("gt-head", 12, 3, "12 slices of the scan are 3 chunks, and the whole volume is to have 3"),
        ("gt-head", 400, 3, "more chunks, or begin with fewer slices"),
    ],
)
def test_what_cannot_be_begun_is_said(
    model: CTFlow, scan: Volume, mode: str, slices: int, chunks: int, said: str
) -> None:
    request = model.card.request(REPORT, seed=1, chunks=chunks)
    with pytest.raises(RequestError, match=said):
        model.generate(request, ScanStart(mode, scan, slices))  # type: ignore[arg-type]


def test_a_scan_must_be_as_long_as_what_is_taken_from_it(model: CTFlow, scan: Volume) -> None:
    with pytest.raises(RequestError, match="6 slices of 3 mm, and 8 are needed"):
        model.generate(
            model.card.request(REPORT, seed=1, chunks=3), ScanStart("gt-head", Volume(scan.hu[:6], scan.affine), 8)
        )
    short = Volume(scan.hu[:9], scan.affine)
    with pytest.raises(RequestError, match="9 slices of 3 mm, and 12 are needed"):
        model.generate(model.card.request(REPORT, seed=1, chunks=3), ScanStart("next-block", short, 4))


def test_a_scan_that_does_not_lie_on_the_models_grid_is_refused_and_not_taken_for_one_that_does(
    model: CTFlow, scan: Volume
) -> None:
    request = model.card.request(REPORT, seed=1, chunks=3)
    finer = scan.affine.copy()
    finer[:3, 0] /= 2
    for off in (Volume(scan.hu, finer), Volume(scan.hu[:, :-1], scan.affine), sagittal(scan)):
        with pytest.raises(RequestError, match=r"not lie on the model's grid.*ModelGrid\.bring"):
            model.generate(request, ScanStart("gt-head", off, 8))


@pytest.fixture
def command(folder: Path, scan: Volume, tmp_path: Path) -> list[str]:
    write_nifti(scan, tmp_path / "scan.nii.gz", "a scan")
    return ["generate", "--report", "Clear.", "--seed", "3", "--model", str(folder), "--device", "cpu"]


def test_a_scan_is_read_resampled_and_encoded_once_and_the_card_read_once(
    folder: Path, scan: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """A NIfTI file was decompressed twice, the card read three times, and for next-block the scan resampled twice."""
    off = scan.affine.copy()
    off[:3, 0] *= 0.9  # a scan on the grid is not resampled
    write_nifti(Volume(scan.hu, off), tmp_path / "scan.nii.gz", "a scan")
    counts: Counter[str] = Counter()
    for owner, name in (
        (gzip, "decompress"),
        (SimpleITK.ResampleImageFilter, "Execute"),
        (AVAE, "encode"),
        (pydantic.TypeAdapter, "validate_json"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name), name, counts))
    start = ["--mode", "next-block", "--start-from", str(tmp_path / "scan.nii.gz")]
    assert main([*command, *start, "--out", str(tmp_path / "a.nii.gz")]) == 0
    black_and_white = 2  # what stands before a volume, and what ends it
    assert counts == {"decompress": 1, "Execute": 1, "encode": 1 + black_and_white, "validate_json": 1}


def counted(function: Callable[..., Any], name: str, counts: Counter[str]) -> Callable[..., Any]:
    def counting(*given: Any, **named: Any) -> Any:
        counts[name] += 1
        return function(*given, **named)

    return counting


def test_the_command_says_of_a_volume_that_it_began_with_a_real_scan_and_can_make_it_again(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["--mode", "next-block", "--start-from", str(tmp_path / "scan.nii.gz")]
    assert main([*command, *start, "--out", str(tmp_path / "a.nii.gz")]) == 0
    assert "real scan" in read_sidecar(tmp_path / "a.json").notice
    assert b"REAL scan" in gzip.decompress((tmp_path / "a.nii.gz").read_bytes())[:348]
    assert len(read_nifti(tmp_path / "a.nii.gz").hu) == 8
    again = ["generate", "--from", str(tmp_path / "a.json"), "--out", str(tmp_path / "b.nii.gz"), *command[5:]]
    assert main([*again]) == 2
    assert "give it with --start-from" in capsys.readouterr().err
    assert main([*again, *start[2:]]) == 0
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    other = read_nifti(tmp_path / "scan.nii.gz")
    write_nifti(Volume(other.hu[::-1].copy(), other.affine), tmp_path / "other.nii.gz", "another")
    assert main([*again, "--start-from", str(tmp_path / "other.nii.gz")]) == 2
    assert "is not the scan" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["again.mha", "again.nrrd", "again.nii"])
def test_a_volume_is_made_again_from_its_scan_saved_in_another_format(
    command: list[str], tmp_path: Path, name: str
) -> None:
    """It was refused as another scan, though its voxels lay where they did."""
    start = ["--mode", "gt-head", "--start-from", str(tmp_path / "scan.nii.gz")]
    assert main([*command, *start, "--out", str(tmp_path / "a.nii.gz")]) == 0
    SimpleITK.WriteImage(SimpleITK.ReadImage(tmp_path / "scan.nii.gz"), tmp_path / name)
    again = ["generate", "--from", str(tmp_path / "a.json"), "--out", str(tmp_path / "b.nii.gz"), *command[5:]]
    assert main([*again, "--start-from", str(tmp_path / name)]) == 0
    np.testing.assert_array_equal(read_nifti(tmp_path / "a.nii.gz").hu, read_nifti(tmp_path / "b.nii.gz").hu)


def test_a_scan_that_is_too_short_for_next_block_is_said_to_be_that(
    command: list[str], scan: Volume, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was told to ask for more chunks, and then for fewer."""
    write_nifti(Volume(scan.hu[:6], scan.affine), tmp_path / "short.nii.gz", "a short scan")
    start = ["--mode", "next-block", "--start-from", str(tmp_path / "short.nii.gz")]
    assert main([*command, *start, "--out", str(tmp_path / "a.nii.gz")]) == 2
    assert "has 6 slices of 3 mm, and 8 are needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mode", "gt-head"], "give it with --start-from"),
        (["--start-from", "scan.nii.gz"], "go with --mode"),
        (["--mode", "next-block", "--start-from", "scan.nii.gz", "--start-slices", "4"], "leave out --start-slices"),
        (["--mode", "gt-head", "--start-from", "none.nii.gz"], "Is it there"),
    ],
)
def test_words_that_do_not_go_together_are_said(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    words = [str(tmp_path / word) if word.endswith(".nii.gz") else word for word in words]
    assert main([*command, *words, "--out", str(tmp_path / "a.nii.gz")]) == 2
    assert said in capsys.readouterr().err
