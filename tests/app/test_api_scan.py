"""Programs open scans: with the page's rules and words, and with Gradio's own client."""

import zlib
from pathlib import Path

import httpx
import numpy as np
import pytest
import SimpleITK as sitk
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.app.fake import sleeping
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
