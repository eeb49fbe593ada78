"""Scans that are opened: what is seen of them, what is refused, and what goes on from them."""

import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread

from app.handlers import Handlers
from app.opening import Opening
from app.scan_reader import ScanLimits
from app.scans import Scans
from ctflow.errors import RequestError
from ctflow.io.nifti import read_nifti, write_nifti
from ctflow.io.sidecar import is_recorded, read_sidecar
from ctflow.volume import Volume, plane_affine
from tests.app.asking import FIELDS, news, run_of
from tests.app.asking import ended as made
from tests.app.fake import FakeGenerator, chest
from tests.app.full_disk import full_disk
from tests.app.sending import begin, ended, opened, send
from tests.io.scans import image, values, write_dicom

pytestmark = pytest.mark.slow  # each scan is read in a process of its own


@pytest.fixture
def opening(handlers: Handlers) -> Opening:
    return Opening(handlers, Scans(handlers.runs))


def limited(handlers: Handlers, **limits: Any) -> Opening:
    return Opening(handlers, Scans(handlers.runs, ScanLimits(**limits)))


def seen(opening: Opening, manifest: dict[str, Any]) -> Volume:
    return run_of(opening.handlers, manifest).volume()


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def dicom_files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.nrrd", "scan.mha", "SCAN.NII.GZ"])
def test_a_file_is_seen_with_the_hu_that_simpleitk_reads_in_it(opening: Opening, tmp_path: Path, name: str) -> None:
    sitk.WriteImage(image(), str(tmp_path / name.lower()))
    (tmp_path / name.lower()).rename(tmp_path / name)
    manifest = opened(opening, tmp_path / name)
    assert (manifest["state"], manifest["is_scan"], manifest["title"]) == ("finished", True, "Scan")
    assert manifest["is_synthetic"] is False
    assert manifest["status"] == "Scan: 6 slices, 15 mm."
    np.testing.assert_array_equal(seen(opening, manifest).hu, values())
    assert manifest["grid"]["axes"] == ["S", "P", "L"]
    assert manifest["grid"]["spacing"] == pytest.approx([2.5, 0.9, 0.8])


@pytest.mark.parametrize("axes", [("S", "P", "L"), ("I", "A", "R"), ("R", "I", "A"), ("P", "S", "L")])
def test_each_voxel_lies_on_its_side_whatever_the_orientation(
    opening: Opening, tmp_path: Path, axes: tuple[str, str, str]
) -> None:
    hu = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
    volume = Volume(hu, plane_affine(axes, (2.0, 0.7, 0.9), 6, 7))
    write_nifti(volume, tmp_path / "scan.nii", "")
    manifest = opened(opening, tmp_path / "scan.nii")
    assert manifest["grid"]["axes"] == list(axes)
    there = seen(opening, manifest)
    np.testing.assert_array_equal(there.hu, hu)
    np.testing.assert_allclose(there.affine, volume.affine, atol=1e-4)


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_dicom_series_is_seen_as_files_and_out_of_a_zip(opening: Opening, tmp_path: Path, as_zip: bool) -> None:
    folder = write_dicom(tmp_path / "dicom")
    (folder / "README").write_text("no slice")
    (folder / "notes.txt").write_text("no slice")
    files = [zipped(tmp_path / "scan.zip", dicom_files(folder))] if as_zip else sorted(folder.iterdir())
    manifest = opened(opening, *files)
    assert manifest["status"] == "Scan: 6 slices, 15 mm."
    np.testing.assert_array_equal(seen(opening, manifest).hu, values())


def test_a_zip_with_several_series_asks_which(opening: Opening, tmp_path: Path) -> None:
    def other(i: int, tags: dict[str, str]) -> None:
        tags["0020|000e"], tags["0008|103e"], tags["0018|0050"] = "1.2.3.5", "Lung 2.5", "2.5"
        if i > 3:
            tags["skip"] = ""

    first, second = write_dicom(tmp_path / "a"), write_dicom(tmp_path / "b", other)
    both = {**dicom_files(first), **{f"other/{name}": data for name, data in dicom_files(second).items()}}
    answer = begin(opening, [zipped(tmp_path / "scan.zip", both)])
    send(opening, answer["run"], (tmp_path / "scan.zip").read_bytes())
    manifest = news(opening.handlers, answer["run"])
    while not manifest["series"]:
        manifest = news(opening.handlers, answer["run"], manifest["version"])
    assert manifest["series"] == [
        {"description": "", "modality": "CT", "slices": 6, "spacing": ""},
        {"description": "Lung 2.5", "modality": "CT", "slices": 4, "spacing": "0.9 × 0.8 × 2.5 mm"},
    ]
    assert "series" in opening.choose_series({"run": answer["run"], "number": 2})["problem"]
    np.testing.assert_array_equal(seen(opening, ended(opening, answer["run"], series=1)).hu, values()[:4])


def colour(i: int, tags: dict[str, str]) -> None:
    tags["colour"] = ""


def truncated(tmp_path: Path) -> Path:
    sitk.WriteImage(image(), str(tmp_path / "whole.nii"))
    (tmp_path / "cut.nii").write_bytes((tmp_path / "whole.nii").read_bytes()[:500])
    return tmp_path / "cut.nii"


def colours(tmp_path: Path) -> Path:
    return zipped(tmp_path / "scan.zip", dicom_files(write_dicom(tmp_path / "dicom", colour)))


def gzip_that_is_none(tmp_path: Path) -> Path:
    (tmp_path / "a.nii.gz").write_bytes(b"no gzip at all")
    return tmp_path / "a.nii.gz"


def cut_gzip(tmp_path: Path) -> Path:
    """One whose last bytes, where a .gz says how much it holds, say gigabytes."""
    sitk.WriteImage(image(), str(tmp_path / "whole.nii.gz"))
    whole = (tmp_path / "whole.nii.gz").read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(whole[: len(whole) // 2] + b"\xff" * 4)
    return tmp_path / "cut.nii.gz"


def encrypted(tmp_path: Path) -> Path:
    path = zipped(tmp_path / "scan.zip", {"1.dcm": b"secret"})
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.index(mark) + flags
        data[at : at + 2] = struct.pack("<H", 1)
    path.write_bytes(data)
    return path


def nested(tmp_path: Path) -> Path:
    inner = zipped(tmp_path / "inner.zip", {"1.dcm": b"x"})
    return zipped(tmp_path / "scan.zip", {"inner.zip": inner.read_bytes()})


def no_zip(tmp_path: Path) -> Path:
    (tmp_path / "scan.zip").write_bytes(b"PK no zip")
    return tmp_path / "scan.zip"


def detached(tmp_path: Path) -> Path:
    sitk.WriteImage(image(), str(tmp_path / "scan.mhd"))
    return tmp_path / "scan.mhd"


def detached_nrrd(tmp_path: Path) -> Path:
    sitk.WriteImage(image(), str(tmp_path / "scan.nhdr"))
    return (tmp_path / "scan.nhdr").rename(tmp_path / "scan.nrrd")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (truncated, "The scan was cut short: 500 of 1,108 bytes are there. Copy it again."),
        (colours, "is a colour image; one value per pixel was expected."),
        (gzip_that_is_none, "The scan is no whole archive: it was cut short, or is broken. Copy it again."),
        (cut_gzip, "The scan is no whole archive: it was cut short, or is broken. Copy it again."),
        (lambda path: zipped(path / "scan.zip", {}), "is an empty zip"),
        (lambda path: zipped(path / "scan.zip", {"a.txt": b"words"}), "There is no scan in what was sent."),
        (lambda path: zipped(path / "s.zip", {str(i): b"" for i in range(20_000)}), "holds 20,000 files; at most"),
        (encrypted, "is encrypted. Unpack it with its password"),
        (nested, "The zip holds another zip. Unpack it"),
        (no_zip, "is no whole archive"),
        (detached, "has its voxels in another file."),
        (detached_nrrd, "has its voxels in another file."),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_refused_in_words(
    opening: Opening, tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    manifest = opened(opening, make(tmp_path))
    assert manifest["state"] == "failed"
    assert words in manifest["status"]
    assert str(tmp_path) not in manifest["status"], "a path of the server"
    assert not run_of(opening.handlers, manifest).folder.exists(), "nothing is left of what was sent"


def test_a_bomb_is_refused_before_it_is_unpacked(handlers: Handlers, tmp_path: Path) -> None:
    opening = limited(handlers, unpacked_bytes=10**6)
    assert (
        "unpacks to more than 0.001 GB"
        in opened(opening, zipped(tmp_path / "a.zip", {"a.nii": bytes(10**7)}))["status"]
    )
    sitk.WriteImage(sitk.Image(200, 200, 100, sitk.sitkInt16), str(tmp_path / "a.nii.gz"))
    assert "unpacks to more than 0.001 GB" in opened(opening, tmp_path / "a.nii.gz")["status"]


@pytest.mark.parametrize("name", ["a.nii", "a.nrrd", "a.mha"])
def test_more_voxels_than_a_page_takes_are_refused(handlers: Handlers, tmp_path: Path, name: str) -> None:
    sitk.WriteImage(image(), str(tmp_path / name), useCompression=True)
    assert "0 million can be shown" in opened(limited(handlers, voxels=100), tmp_path / name)["status"]


def test_the_names_in_a_zip_lead_nowhere(opening: Opening, tmp_path: Path) -> None:
    folder = write_dicom(tmp_path / "dicom")
    names = {f"../../../escaped/{name}": data for name, data in dicom_files(folder).items()}
    manifest = opened(opening, zipped(tmp_path / "scan.zip", {**names, "/root.dcm.txt": b"x", "DICOMDIR": b"x"}))
    assert manifest["state"] == "finished"
    assert not list(tmp_path.rglob("escaped"))


def test_a_scan_of_no_chest_is_seen_but_not_continued(opening: Opening, tmp_path: Path) -> None:
    write_nifti(Volume(np.full((6, 7, 8), 40, np.int16), np.eye(4)), tmp_path / "leg.nii", "")
    manifest = opened(opening, tmp_path / "leg.nii")
    assert manifest["state"] == "finished"
    refused = opening.start({**FIELDS, "visitor": "v", "scan": manifest["run"], "mode": "gt-head"})
    assert refused["problem"].startswith("The scan holds no air or lung")


def test_too_many_and_too_large_scans_are_refused_before_a_byte_is_sent(handlers: Handlers, tmp_path: Path) -> None:
    opening = limited(handlers, sent_bytes=1000, files=2)
    for sizes, words in (
        ([[1001, "1.nii"]], "A scan has at most 0 MB"),
        ([[1, "1"]] * 3, "A scan has at most 2 files; got 3"),
        ([[0, "1.nii"]], "There is nothing in what was sent"),
        ([], "There is nothing in what was sent"),
        ([[-1, "1.nii"]], "size in bytes and the kind"),
        ([[1, "../../somewhere/else"]], "size in bytes and the kind"),
    ):
        assert words in opening.open({"visitor": "v", "files": sizes})["problem"]
    assert "run" in opening.open({"visitor": "v", "files": [[5, "1.nii"]]})
    assert "Another of your scans" in opening.open({"visitor": "v", "files": [[5, "1.nii"]]})["problem"]
    assert "run" in opening.open({"visitor": "w", "files": [[5, "1.nii"]]})


def test_bytes_that_come_twice_or_too_early_change_nothing(opening: Opening, tmp_path: Path) -> None:
    sitk.WriteImage(image(), str(tmp_path / "a.nii"))
    data = (tmp_path / "a.nii").read_bytes()
    run_id = begin(opening, [tmp_path / "a.nii"])["run"]
    for offset, length, received in ((0, 400, 400), (0, 400, 400), (700, 100, 400), (400, 9000, len(data))):
        piece = data[offset : offset + length]
        assert opening.receive({"run": run_id, "offset": offset, "data": piece}) == {"received": received}
    np.testing.assert_array_equal(seen(opening, ended(opening, run_id)).hu, values())


def test_an_upload_that_is_stopped_or_never_ends_leaves_nothing(handlers: Handlers, tmp_path: Path) -> None:
    sitk.WriteImage(image(), str(tmp_path / "a.nii"))
    opening = limited(handlers, idle_s=0.1)
    run_id = begin(opening, [tmp_path / "a.nii"])["run"]
    assert ended(opening, run_id)["status"] == "The rest of the scan never came. Open it again."
    opening = limited(handlers)
    run_id = begin(opening, [tmp_path / "a.nii"])["run"]
    opening.receive({"run": run_id, "offset": 0, "data": b"0123"})
    handlers.stop({"run": run_id})
    manifest = ended(opening, run_id)
    assert (manifest["state"], manifest["status"]) == ("stopped", "Stopped.")
    assert not run_of(handlers, manifest).folder.exists()


def test_a_full_disk_is_said_in_words(opening: Opening, tmp_path: Path) -> None:
    sitk.WriteImage(image(), str(tmp_path / "a.nii"))
    run_id = begin(opening, [tmp_path / "a.nii"])["run"]
    with full_disk(largest_bytes=500):
        said = opening.receive({"run": run_id, "offset": 0, "data": (tmp_path / "a.nii").read_bytes()})
    assert "its disk may be full" in said["problem"]
    handlers_stop = opening.handlers.stop({"run": run_id})
    assert handlers_stop == {}


def test_a_scan_downloads_as_what_was_opened_and_never_as_synthetic(opening: Opening, tmp_path: Path) -> None:
    sitk.WriteImage(image(), str(tmp_path / "a.nrrd"))
    run_id = opened(opening, tmp_path / "a.nrrd")["run"]
    answer = opening.handlers.export({"run": run_id, "kind": "nifti"})
    assert answer["name"] == "scan.nii.gz"
    volume = read_nifti(Path(answer["path"]))
    np.testing.assert_array_equal(volume.hu, values())
    assert b"SYNTHETIC" not in sitk.ReadImage(answer["path"]).GetMetaData("descrip").encode()
    assert "A scan has no settings" in opening.handlers.export({"run": run_id, "kind": "sidecar"})["problem"]


@pytest.mark.parametrize("kind", ["nifti", "dicom"])
def test_a_volume_of_ours_that_is_opened_stays_synthetic(opening: Opening, tmp_path: Path, kind: str) -> None:
    """Whoever saved a synthetic volume and opened it again would have had a real scan."""
    export = opening.handlers.export({"run": made(opening.handlers)["run"], "kind": kind})
    shutil.copy(export["path"], tmp_path / export["name"])
    manifest = opened(opening, tmp_path / export["name"])
    assert (manifest["is_synthetic"], manifest["title"]) == (True, "Opened volume")
    assert manifest["status"] == "Opened volume: 32 slices, 96 mm."
    again = opening.handlers.export({"run": manifest["run"], "kind": "nifti"})
    assert again["name"] == "synthetic-scan.nii.gz"
    assert "SYNTHETIC" in sitk.ReadImage(again["path"]).GetMetaData("descrip")
    refused = opening.start({**FIELDS, "visitor": "v", "scan": manifest["run"], "mode": "gt-head"})
    assert refused["problem"].startswith("This volume is synthetic")


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    """A chest with the fake model's shapes, 64 slices of 3 mm."""
    hu = chest(64, 5, "S")
    write_nifti(Volume(hu, plane_affine(("S", "P", "L"), (3.0, 1.5, 1.5), 256, 256)), tmp_path / "ct.nii", "")
    return tmp_path / "ct.nii"


def test_a_volume_goes_on_from_a_scan_and_its_sidecar_says_so(
    opening: Opening, instant: FakeGenerator, ct: Path
) -> None:
    scan = opened(opening, ct)
    asked = {**FIELDS, "visitor": "v", "chunks": 3, "scan": scan["run"]}
    run = run_of(opening.handlers, opening.start({**asked, "mode": "gt-head", "head": 2}))
    manifest = news(opening.handlers, run.id)
    while manifest["state"] in ("waiting", "running"):
        manifest = news(opening.handlers, run.id, manifest["version"])
    assert manifest["title"] == "Continued from a scan"
    assert manifest["is_scan"] is False
    start = instant.starts[-1]
    assert (start.mode, start.slices) == ("gt-head", 32)
    assert start.scan.hu.shape == (64, 256, 256)
    nifti = opening.handlers.export({"run": run.id, "kind": "nifti"})
    label = sitk.ReadImage(nifti["path"]).GetMetaData("descrip")
    assert label.startswith("CTFlow SYNTHETIC from a REAL scan, not for diagnosis, slices 1-32 the scan's")
    with zipfile.ZipFile(opening.handlers.export({"run": run.id, "kind": "dicom"})["path"]) as archive:
        derivation = dcmread(io.BytesIO(archive.read(archive.namelist()[0]))).DerivationDescription
    assert "it may show a real patient. Not for diagnosis. Slices 1 to 32 are the scan's." in derivation
    sidecar = read_sidecar(Path(opening.handlers.export({"run": run.id, "kind": "sidecar"})["path"]))
    assert sidecar.start is not None
    assert (sidecar.start.mode, sidecar.start.slices, sidecar.start.scan) == ("gt-head", 32, "scan.nii.gz")
    assert is_recorded(read_nifti(ct), sidecar.start.sha256)
    assert "real patient" in sidecar.notice
    assert start is run_of(opening.handlers, opening.start({**asked, "mode": "gt-head", "head": 2})).start


def test_what_cannot_go_on_from_a_scan_is_refused_in_words(opening: Opening, ct: Path) -> None:
    scan = opened(opening, ct)["run"]
    for changes, words in (
        ({"mode": "full-body"}, "The mode is one of gt-head, next-block"),
        ({"mode": "gt-head", "head": 2}, "ask for more chunks, or begin with fewer slices"),
        ({"mode": "gt-head", "head": 0}, "The chunks to keep are a whole number"),
        ({"mode": "next-block", "chunks": 6}, "The scan has 64 slices of 3 mm, and 96 are needed"),
        ({"mode": "gt-head", "scan": "x"}, "This scan is no longer on the server."),
        ({"mode": "gt-head", "scan": made(opening.handlers)["run"]}, "This scan is no longer on the server."),
    ):
        answer = opening.start({**FIELDS, "visitor": "v", "scan": scan, **changes})
        assert words in answer["problem"]


def test_a_settings_file_gives_the_fields_and_says_what_differs(opening: Opening) -> None:
    run_id = made(opening.handlers, findings="Small effusion.", sex="F", age="63", seed=9)["run"]
    text = Path(opening.handlers.export({"run": run_id, "kind": "sidecar"})["path"]).read_text()
    answer = opening.settings({"text": text})
    assert answer["notes"] == []
    fields = answer["fields"]
    assert (fields["findings"], fields["sex"], fields["age"], fields["seed"]) == ("Small effusion.", "F", "63", 9)
    other = {**json.loads(text), "model": {"name": "other", "sha256": "1" * 64}, "complete": False}
    other["versions"]["numpy"] = "0.1"
    notes = " ".join(opening.settings({"text": json.dumps(other)})["notes"])
    assert "it was made by other, and here runs fake" in notes
    assert "numpy 0.1, now" in notes
    assert "stopped early" in notes


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"format": 2}', None, 7])
def test_a_file_that_is_no_settings_is_refused_in_words(opening: Opening, text: Any) -> None:
    assert "The file is not a CTFlow sidecar" in opening.settings({"text": text})["problem"]


def test_a_file_of_a_program_is_no_larger_than_a_scan(handlers: Handlers) -> None:
    answer = limited(handlers, sent_bytes=1_000_000).upload({"name": "a.nii", "file": io.BytesIO(bytes(1_000_001))})
    assert answer == {"problem": "A file has at most 1 MB; got 1 MB."}


def test_a_program_opens_only_what_it_has_sent_and_once(opening: Opening, tmp_path: Path) -> None:
    sitk.WriteImage(image(), str(tmp_path / "Doe.nii"))
    with (tmp_path / "Doe.nii").open("rb") as file:
        path = opening.upload({"name": "Doe.nii", "file": file})["path"]
    assert "Doe" not in path
    scan = opening.open_upload("program", {"path": path})
    np.testing.assert_array_equal(seen(opening, ended(opening, scan.id)).hu, values())
    for given in ({"path": path}, {"path": "/etc/passwd"}, {}, None):
        with pytest.raises(RequestError, match="no longer on the server"):
            opening.open_upload("program", given)
