"""Files to take away: whole, partial and impossible ones."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from app.export import ENDINGS
from app.handlers import Handlers
from app.runs import Runs
from ctflow.io.nifti import read_nifti
from ctflow.io.sidecar import read_sidecar
from tests.app.asking import ask, ended, news, run_of
from tests.app.fake import WAIT_S, FakeGenerator, Gate, chest
from tests.app.full_disk import full_disk


def test_a_whole_volume_downloads_with_its_place_in_the_patient(handlers: Handlers) -> None:
    run_id = ended(handlers)["run"]
    answer = handlers.export({"run": run_id, "kind": "nifti"})
    assert re.fullmatch(r"synthetic-ctflow-fake-[0-9a-f]{8}-seed1\.nii\.gz", answer["name"])
    image = sitk.ReadImage(answer["path"])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), chest(32, 1, "I"))
    assert image.GetSpacing() == (1.5, 1.5, 3.0)
    np.testing.assert_allclose(image.GetDirection(), [1, 0, 0, 0, 1, 0, 0, 0, -1], atol=1e-6)
    sidecar = read_sidecar(Path(handlers.export({"run": run_id, "kind": "sidecar"})["path"]))
    assert sidecar.complete
    assert sidecar.seed == 1


def name_of(handlers: Handlers, **changes: Any) -> str:
    return handlers.export({"run": ended(handlers, **changes)["run"], "kind": "nifti"})["name"]


def digits(name: str) -> str:
    found = re.search(r"-([0-9a-f]{8})-seed", name)
    assert found is not None
    return found[1]


def test_another_report_or_setting_has_another_name(handlers: Handlers) -> None:
    """Two reports with one seed were saved under one name."""
    changes: list[dict[str, Any]] = [
        {"findings": "No effusion."},
        {"impression": "Normal."},
        {"sex": "F"},
        {"age": "63"},
        {"steps": 4},
        {"solver": "stochastic"},
        {"shift": 2},
        {"guidance_above_t": 0.5},
    ]
    names = [name_of(handlers), *(name_of(handlers, **change) for change in changes)]
    assert len({digits(name) for name in names}) == len(changes) + 1
    assert all(name.endswith("-seed1.nii.gz") for name in names)


def test_the_same_report_and_settings_have_the_same_digits_for_all_seeds(handlers: Handlers) -> None:
    names = [name_of(handlers, **change) for change in ({}, {"guidance": 1.0, "guidance_above_t": 0}, {"seed": 2})]
    assert names[0] == names[1] != names[2]
    assert len({digits(name) for name in names}) == 1


def test_a_partial_volume_says_so_in_name_header_and_sidecar(tmp_path: Path) -> None:
    def fail_late(chunk: int, step: int) -> None:
        assert chunk < 2

    generator = FakeGenerator(fail_late)
    handlers = Handlers(generator, Runs(generator, tmp_path))
    run_id = ended(handlers, chunks=3)["run"]
    volume = handlers.export({"run": run_id, "kind": "nifti"})
    assert volume["name"].endswith("-seed1-PARTIAL-32of48.nii.gz")
    assert description(volume["path"]) == "CTFlow SYNTHETIC, not for diagnosis, PARTIAL: 32 of 48 slices; model fake"
    answer = handlers.export({"run": run_id, "kind": "sidecar"})
    assert answer["name"] == volume["name"].replace(".nii.gz", ".json")
    assert not read_sidecar(Path(answer["path"])).complete


def opened(zipped: str, folder: Path) -> tuple[list[Path], sitk.Image]:
    """The files of a DICOM zip, from the head down, and the image that SimpleITK makes of them."""
    with ZipFile(zipped) as packed:
        packed.extractall(folder)
    (series,) = folder.iterdir()
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(series))
    return sorted(series.iterdir()), sitk.ReadImage(names)


@pytest.mark.parametrize("towards", ["I", "S"])
def test_a_dicom_zip_holds_the_same_voxels_at_the_same_place(towards: str, tmp_path: Path) -> None:
    generator = FakeGenerator(lambda *_: None, towards)
    handlers = Handlers(generator, Runs(generator, tmp_path / "runs"))
    run_id = ended(handlers)["run"]
    answer = handlers.export({"run": run_id, "kind": "dicom"})
    assert re.fullmatch(r"synthetic-ctflow-fake-[0-9a-f]{8}-seed1-dicom\.zip", answer["name"])
    files, image = opened(answer["path"], tmp_path / "series")
    nifti = sitk.ReadImage(handlers.export({"run": run_id, "kind": "nifti"})["path"])
    assert len(files) == 32 and image.GetSize() == nifti.GetSize() == (256, 256, 32)
    for corner in [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 31), (130, 180, 20)]:
        place = image.TransformIndexToPhysicalPoint(corner)
        assert nifti[nifti.TransformPhysicalPointToIndex(place)] == image[corner]
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(image),
        sitk.GetArrayFromImage(sitk.Resample(nifti, image, sitk.Transform(), sitk.sitkNearestNeighbor)),
    )
    header = pydicom.dcmread(files[0])
    assert (header.SyntheticData, header.PatientName) == ("YES", "SYNTHETIC^CTFLOW")
    assert "seed 1, euler of 2 steps" in header.DerivationDescription
    assert "lungs are clear" not in str(header), "reports stay where they are"


def test_the_same_slices_are_the_same_series_whenever_they_are_downloaded(handlers: Handlers) -> None:
    """A PACS would keep both, if a second download had other UIDs."""
    run_id = ended(handlers)["run"]
    first, second = (Path(handlers.export({"run": run_id, "kind": "dicom"})["path"]).read_bytes() for _ in range(2))
    assert first == second


def test_a_partial_dicom_zip_says_so_in_names_and_headers(tmp_path: Path) -> None:
    def fail_late(chunk: int, step: int) -> None:
        assert chunk < 2

    generator = FakeGenerator(fail_late)
    handlers = Handlers(generator, Runs(generator, tmp_path / "runs"))
    answer = handlers.export({"run": ended(handlers, chunks=3)["run"], "kind": "dicom"})
    assert answer["name"].endswith("-seed1-PARTIAL-32of48-dicom.zip")
    files, _ = opened(answer["path"], tmp_path / "series")
    assert all("PARTIAL" in file.name for file in files)
    assert "PARTIAL: 32 of 48 slices" in pydicom.dcmread(files[0]).SeriesDescription


def description(path: str) -> str:
    return sitk.ReadImage(path).GetMetaData("descrip")


def test_a_whole_volume_does_not_say_that_it_is_partial(handlers: Handlers) -> None:
    volume = handlers.export({"run": ended(handlers)["run"], "kind": "nifti"})
    assert description(volume["path"]) == "CTFlow SYNTHETIC, not for diagnosis; model fake"


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_download_that_the_disk_does_not_take_names_no_path_of_the_server(handlers: Handlers, kind: str) -> None:
    run = run_of(handlers, ended(handlers))
    with full_disk():
        problem = handlers.export({"run": run.id, "kind": kind})["problem"]
    assert "disk may be full" in problem and "/" not in problem
    assert {path.suffix for path in run.folder.iterdir()} == {".bin"}


def test_only_the_last_partial_download_takes_disk_space(gated: FakeGenerator, gate: Gate, tmp_path: Path) -> None:
    handlers = Handlers(gated, Runs(gated, tmp_path))
    run = run_of(handlers, ask(handlers, chunks=3, steps=4))
    for chunks in (1, 2, 3):
        gate.open(4)
        with run.news:
            assert run.news.wait_for(lambda done=chunks: len(run.chunks) == done, WAIT_S)
        for kind in ENDINGS:
            handlers.export({"run": run.id, "kind": kind})
    assert sorted(path.suffix for path in run.folder.iterdir()) == [".bin", ".bin", ".bin", ".gz", ".json", ".zip"]


def test_a_download_keeps_nobody_from_news_of_the_run(handlers: Handlers) -> None:
    """Voxels were read under the lock that every answer needs, and the server stood still."""
    run = run_of(handlers, ended(handlers))
    chunk = run.chunks[0].path
    data = chunk.read_bytes()
    chunk.unlink()
    os.mkfifo(chunk)  # whoever reads it waits until somebody writes
    with ThreadPoolExecutor(2) as pool:
        download = pool.submit(handlers.export, {"run": run.id, "kind": "nifti"})
        with chunk.open("wb") as writing:  # opens as soon as the download reads
            heard = pool.submit(news, handlers, run.id).result(WAIT_S)
            writing.write(data)
        path = download.result(WAIT_S)["path"]
    assert heard["state"] == "finished"
    np.testing.assert_array_equal(read_nifti(Path(path)).hu, chest(32, 1, "I"))


@pytest.mark.parametrize("wanted", [{}, {"run": "x", "kind": "nifti"}])
def test_a_download_of_nothing_is_explained(handlers: Handlers, wanted: dict[str, str]) -> None:
    assert "no longer" in handlers.export(wanted)["problem"]


@pytest.mark.parametrize("kind", ["pdf", None, ["nifti"], "../x"])
def test_a_download_that_there_is_not_is_explained(handlers: Handlers, kind: Any) -> None:
    assert "one of nifti, sidecar, dicom" in handlers.export({"run": ended(handlers)["run"], "kind": kind})["problem"]
