"""A real server, as programs and strangers meet it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import SimpleITK as sitk
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.app.fake import chest, sleeping
from tests.app.server import Serve, serving

# Gradio and its client close sockets by way of the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "server"))
    with serving() as start:
        yield start


def client(url: str, folder: Path) -> Client:
    return Client(url, verbose=False, download_files=str(folder), analytics_enabled=False)


def test_two_visitors_at_once_each_get_their_own_volume(serve: Serve, tmp_path: Path) -> None:
    url = serve(sleeping(0.01))

    def visit(seed: int) -> np.ndarray:
        one = client(url, tmp_path / str(seed))
        path = one.predict("Clear.", seed=seed, chunks=2, steps=2, api_name="/generate")
        return sitk.GetArrayFromImage(sitk.ReadImage(path))

    with ThreadPoolExecutor() as pool:
        for seed, hu in enumerate(pool.map(visit, range(3))):
            np.testing.assert_array_equal(hu, chest(32, seed, "I"))


def test_what_cannot_be_generated_reaches_programs_in_words(serve: Serve, tmp_path: Path) -> None:
    one = client(serve(sleeping(0)), tmp_path)
    with pytest.raises(AppError, match="The report is empty"):
        one.predict(" ", api_name="/generate")
    with pytest.raises(AppError, match="at most 6 chunks"):
        one.predict("Clear.", chunks=7, api_name="/generate")


def test_programs_see_one_endpoint(serve: Serve, tmp_path: Path) -> None:
    endpoints = client(serve(sleeping(0)), tmp_path).view_api(return_format="dict", print_info=False)
    assert isinstance(endpoints, dict)
    assert list(endpoints["named_endpoints"]) == ["/generate"]


def test_a_login_covers_slices_and_downloads(serve: Serve, tmp_path: Path) -> None:
    url = serve(sleeping(0), auth=("reader", "secret"))
    path = tmp_path / "server" / "ctflow" / "a-run" / "0000.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"slices")
    address = f"{url}gradio_api/file={path}"
    assert httpx.get(address).status_code == 401
    assert httpx.post(f"{url}gradio_api/component_server", json={}).status_code == 401
    with httpx.Client() as reader:
        reader.post(f"{url}login", data={"username": "reader", "password": "secret"})
        assert reader.get(address).content == b"slices"


@pytest.mark.parametrize("outside", ["/etc/passwd", "server/../outside.txt"])
def test_no_file_outside_the_runs_is_served(serve: Serve, tmp_path: Path, outside: str) -> None:
    url = serve(sleeping(0))
    (tmp_path / "outside.txt").write_text("secret")
    assert httpx.get(f"{url}gradio_api/file={tmp_path / outside}").status_code == 403
