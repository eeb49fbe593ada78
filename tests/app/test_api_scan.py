"""Programs open scans: with the page's rules and words, and with Gradio's own client."""

import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import SimpleITK as sitk
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from ctflow.io.nifti import write_nifti
from ctflow.io.sidecar import read_sidecar
from ctflow.volume import Volume, plane_affine
from tests.app.fake import SIZE, SPACING_MM, chest, sleeping
from tests.app.server import Serve
from tests.io.scans import image, values

pytestmark = [
    pytest.mark.slow,
    # Gradio and its client close sockets by way of the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def client(serve: Serve, tmp_path: Path) -> Client:
    folder = str(tmp_path / "client")
    return Client(serve(sleeping(0)), verbose=False, download_files=folder, analytics_enabled=False)


def test_a_program_opens_a_scan_and_reads_its_hu(client: Client, tmp_path: Path) -> None:
    sitk.WriteImage(image(), str(tmp_path / "Doe Jane.nrrd"))
    scan = client.predict(handle_file(tmp_path / "Doe Jane.nrrd"), api_name="/scan")
    assert (scan["status"], scan["is_synthetic"]) == ("Scan: 6 slices, 15 mm.", False)
    assert scan["grid"]["axes"] == ["S", "P", "L"]
    (chunk,) = scan["chunks"]
    low, high = np.frombuffer(zlib.decompress(Path(chunk["file"]).read_bytes()), np.uint8).reshape(2, -1)
    hu = (low | high.astype(np.uint16) << 8).view(np.int16).reshape(scan["grid"]["shape"])
    np.testing.assert_array_equal(hu, values())
    again = client.predict(scan["run"], api_name="/export")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(again)), values())
    assert not list((tmp_path / "server").rglob("*Doe*")), "a file's name may be a patient's"
    assert not list((tmp_path / "server").rglob("*.nrrd"))


def test_a_program_is_refused_in_the_pages_words(client: Client, tmp_path: Path) -> None:
    (tmp_path / "words.nii").write_bytes(b"no scan")
    with pytest.raises(AppError, match="The scan is not a NIfTI-1 file"):
        client.predict(handle_file(tmp_path / "words.nii"), api_name="/scan")


def test_nobody_sends_a_file_without_a_login(serve: Serve) -> None:
    url = serve(sleeping(0), auth=("reader", "secret"))
    for path, body in (("gradio_api/upload", {"files": {"files": ("a.nii", b"x")}}), (f"sent/{'a' * 22}/0", {})):
        assert httpx.post(f"{url}{path}", **body).status_code == 401


@pytest.fixture
def scan(client: Client, tmp_path: Path) -> str:
    """The run of a scan that the fake model can continue: a chest of 64 slices."""
    path = tmp_path / "chest.nii.gz"
    write_nifti(Volume(chest(64, 5, "S"), plane_affine(("S", "P", "L"), SPACING_MM, SIZE, SIZE)), path, "")
    return str(client.predict(handle_file(path), api_name="/scan")["run"])


@pytest.mark.parametrize(
    ("given", "start"), [({"keep": 2}, ("gt-head", 32)), ({"mode": "next-block"}, ("next-block", 16))]
)
def test_a_program_goes_on_from_a_scan(
    client: Client, scan: str, given: dict[str, Any], start: tuple[str, int]
) -> None:
    wanted = {"findings": "Large effusion.", "seed": 7, "chunks": 3, **given}
    volume, sidecar = client.predict(scan=scan, **wanted, api_name="/continue")
    said = read_sidecar(Path(sidecar))
    assert (said.seed, said.report.findings, said.chunks) == (7, "Large effusion.", 3)
    assert said.start is not None
    assert (said.start.mode, said.start.slices) == start
    assert "REAL scan" in sitk.ReadImage(volume).GetMetaData("descrip")


def test_what_does_not_go_together_is_refused(client: Client, scan: str) -> None:
    for given, words in (
        ({}, "Give the sidecar of a volume or the run of a scan"),
        ({"scan": scan, "sidecar": {}, "findings": "Clear."}, "Give the sidecar of a volume or the run of a scan"),
        ({"scan": scan}, "The report is empty"),
        ({"scan": "x", "findings": "Clear."}, "This scan is no longer on the server."),
        ({"scan": scan, "findings": "Clear.", "mode": "full-body"}, "The mode is one of gt-head, next-block"),
        ({"scan": scan, "findings": "Clear.", "mode": "next-block", "keep": 1}, "No chunk of the scan stays"),
        ({"scan": scan, "findings": "Clear.", "keep": 0}, "The chunks to keep are a whole number"),
        ({"sidecar": {}, "seed": 3, "steps": 2}, "with its own seed and settings: leave out seed, steps."),
        ({"sidecar": {}}, "The sidecar is not a CTFlow sidecar"),
    ):
        with pytest.raises(AppError, match=words):
            client.predict(**given, api_name="/continue")
