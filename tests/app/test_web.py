"""What nobody but the visitor may learn, and what a stranger cannot make the server do."""

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from app.chart_script import PLOTLY_PATH
from app.modules import read_modules
from app.web import sent_without_pauses
from tests.app.fake import WAIT_S, sleeping
from tests.app.server import Apart, Serve

# Gradio and its client close sockets by way of the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
SECRET = "SENTINEL of a report"


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    server = Apart(tmp_path / "apart")
    yield server
    server.kill()


class Stranger:
    """Talks to a server by hand, as no page would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(timeout=60)

    def call(self, name: str, data: Any) -> str:
        """An endpoint by its values in order; what it answers, or what it answers to being asked."""
        answer = self.http.post(f"{self.url}gradio_api/call/{name}", json={"data": data})
        if answer.status_code != 200:
            return answer.text
        return self.http.get(f"{self.url}gradio_api/call/{name}/{answer.json()['event_id']}").text

    def function(self, name: str, data: Any) -> httpx.Response:
        return self.http.post(f"{self.url}ask/{name}", json=data)

    def predict(self, index: int, data: Any) -> httpx.Response:
        asked = {"data": data, "fn_index": index, "session_hash": "stranger"}
        return self.http.post(f"{self.url}gradio_api/run/predict", json=asked)


@pytest.mark.slow
def test_no_report_is_logged_or_names_a_file_and_nobody_else_is_called(apart: Apart) -> None:
    """Gradio printed what it could not use: with too few values, the report itself."""
    one = Stranger(apart.url)
    for data in ([SECRET], [SECRET, 3, 4, *[SECRET] * 7], {"a": SECRET}, [{"path": SECRET}, *[""] * 9], [SECRET] * 30):
        one.call("generate", data)
    assert "/generate takes 11 values" in one.call("generate", [SECRET])
    assert "No endpoint accepts this request" in one.call("nothing", [SECRET])
    wrong = one.http.post(f"{apart.url}gradio_api/call/v2/generate", json={"findings": SECRET, SECRET: 1})
    assert "No endpoint accepts this request" in wrong.text
    for name in ("read", "start", "news", "export", "stop", "numbers", "no-such"):
        for data in ({"findings": f"{SECRET} BREAK", "impression": ""}, SECRET, [SECRET], None, {"findings": [SECRET]}):
            assert one.function(name, data).status_code in (200, 400, 404)
    for index in range(16):
        one.predict(index, [SECRET])
        one.predict(index, [SECRET] * 9)
    client = Client(apart.url, verbose=False, download_files=False, analytics_enabled=False)
    client.predict(f"{SECRET} <script>alert(1)</script>", chunks=1, api_name="/generate")
    apart.kill()
    said = apart.log.read_text()
    assert "bug " in said, "bugs of ours are logged, by their place"
    for word in ("SENTINEL", "Traceback", "STRANGER"):
        assert word not in said
    names = [str(path.relative_to(apart.folder)) for path in apart.folder.rglob("*")]
    assert any(re.search(r"synthetic-ctflow-fake-[0-9a-f]{8}-seed0\.nii\.gz$", name) for name in names)
    assert not any("SENTINEL" in name or "script" in name for name in names)


def test_every_answer_tells_browsers_what_a_page_may_do(serve: Serve, tmp_path: Path) -> None:
    url = serve(sleeping(0))
    chunk = tmp_path / "server" / "ctflow" / "a-run" / "0000.bin"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"slices")
    for address in (url, f"{url}health", f"{url}gradio_api/file={chunk}", f"{url}no-such"):
        headers = httpx.get(address).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'self' https://huggingface.co" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert httpx.get(f"{url}gradio_api/file={chunk}").headers.get_list("cache-control") == ["private, no-store"]


def test_a_run_is_found_only_by_its_id(serve: Serve, tmp_path: Path) -> None:
    one = Stranger(serve(sleeping(0)))
    run = one.function("start", {"findings": "Clear.", "visitor": "a", "chunks": 1}).json()["run"]
    (folder,) = [path for path in (tmp_path / "server" / "ctflow").iterdir() if path.is_dir()]
    assert (folder / run).is_dir()
    for place in (folder.parent, folder, f"{folder}/", folder / run, f"{folder}/{run}/", f"{folder}/*"):
        answer = one.http.get(f"{one.url}gradio_api/file={place}")
        assert answer.status_code in (403, 404)
        assert run in str(place) or run not in answer.text
    assert run not in one.http.get(f"{one.url}config").text + one.http.get(f"{one.url}health").text


def chunked() -> Iterator[bytes]:
    for _ in range(40):
        yield b'"' + b"x" * 50_000


def test_no_request_is_larger_than_a_report_or_a_piece_of_a_scan(serve: Serve, tmp_path: Path) -> None:
    one = Stranger(serve(sleeping(0)))
    address = f"{one.url}ask/start"
    assert one.http.post(address, content=b"x" * 1_000_001).status_code == 413
    with pytest.raises(httpx.HTTPError):
        one.http.post(address, content=chunked()).raise_for_status()
    piece = f"{one.url}sent/{'a' * 22}/0"
    assert one.http.post(piece, content=b"x" * ((4 << 20) + 1)).status_code == 413
    assert "no longer on the server" in one.http.post(piece, content=b"x" * (4 << 20)).json()["problem"]
    upload = f"{one.url}gradio_api/upload"
    assert one.http.post(upload, content=b"no file").status_code == 400
    assert not [path for path in (tmp_path / "server").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert "at most 20,000" in one.function("start", {"findings": "x" * 50_000, "visitor": "a"}).json()["problem"]


def test_a_login_covers_everything_but_health(serve: Serve) -> None:
    url = serve(sleeping(0), auth=("reader", "secret"))
    assert httpx.get(f"{url}health").json()["model"] == "fake"
    for path in ("call/generate", "call/v2/generate", "queue/join", "run/predict", "component_server"):
        assert httpx.post(f"{url}gradio_api/{path}", json={"data": [], "findings": "x"}).status_code == 401
    for name in ("news", "read", "start", "stop", "export", "numbers", "no-such"):
        assert httpx.post(f"{url}ask/{name}", json={"findings": "x"}).status_code == 401
    assert httpx.get(f"{url}config").status_code == 401
    with pytest.raises((ValueError, AppError)):
        Client(url, verbose=False, analytics_enabled=False).predict("Clear.", api_name="/generate")


def test_a_login_covers_slices_and_downloads(serve: Serve, tmp_path: Path) -> None:
    url = serve(sleeping(0), auth=("reader", "secret"))
    path = tmp_path / "server" / "ctflow" / "a-run" / "0000.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"slices")
    address = f"{url}gradio_api/file={path}"
    assert httpx.get(address).status_code == 401
    with httpx.Client() as reader:
        reader.post(f"{url}login", data={"username": "reader", "password": "secret"})
        assert reader.get(address).content == b"slices"
        assert reader.post(f"{url}ask/news", json={}).json()["state"] == "gone"


@pytest.mark.parametrize("outside", ["/etc/passwd", "server/../outside.txt"])
def test_no_file_outside_the_runs_is_served(serve: Serve, tmp_path: Path, outside: str) -> None:
    url = serve(sleeping(0))
    (tmp_path / "outside.txt").write_text("secret")
    assert httpx.get(f"{url}gradio_api/file={tmp_path / outside}").status_code == 403


@pytest.mark.parametrize("path", ["", "config", f"viewer/{read_modules().version}/session.js"])
def test_the_page_and_its_scripts_are_compressed(serve: Serve, path: str) -> None:
    """The page is 80 kB without, and comes before anything else."""
    url = serve(sleeping(0))
    plain = httpx.get(f"{url}{path}", headers={"accept-encoding": "identity"})
    packed = httpx.get(f"{url}{path}", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert "content-security-policy" in packed.headers


def test_what_is_compressed_already_and_what_comes_bit_by_bit_is_left_alone(serve: Serve) -> None:
    url = serve(sleeping(0))
    accepts = {"accept-encoding": "gzip"}
    event = httpx.post(f"{url}gradio_api/call/generate", json={"data": ["Clear.", "", "", None, 0, 1, 4, *[None] * 4]})
    with httpx.stream(
        "GET", f"{url}gradio_api/call/generate/{event.json()['event_id']}", headers=accepts, timeout=60
    ) as answer:
        text = answer.read().decode()
    assert "content-encoding" not in answer.headers
    (path,) = set(re.findall(r'"url": "([^"]+nii\.gz)"', text))
    assert "content-encoding" not in httpx.get(path, headers=accepts).headers


def test_plotly_comes_from_here_packed_for_who_can_unpack_it(serve: Serve) -> None:
    address = f"{serve(sleeping(0))}{PLOTLY_PATH}"
    packed = httpx.get(address, headers={"accept-encoding": "gzip"})
    plain = httpx.get(address, headers={"accept-encoding": "identity"})
    assert packed.content == plain.content and packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers and plain.headers["vary"] == "accept-encoding"
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert "immutable" in plain.headers["cache-control"]


def test_the_icon_is_ours_and_comes_from_here(serve: Serve) -> None:
    url = serve(sleeping(0))
    icon = httpx.get(f"{url}favicon.svg")
    assert icon.headers["content-type"] == "image/svg+xml"
    assert httpx.get(f"{url}favicon.ico").content == icon.content
    assert "font-src 'self' data:" in icon.headers["content-security-policy"]


def test_a_body_of_which_nothing_more_comes_ends() -> None:
    """Programs send their scans one after the other: one that stopped in the middle held up all that came later."""

    async def ended() -> list[str]:
        comes: asyncio.Queue = asyncio.Queue()
        comes.put_nowait({"type": "http.request", "body": b"half of it", "more_body": True})
        receive = sent_without_pauses(comes.get, idle_s=0.05)
        return [(await receive())["type"] for _ in range(2)]

    assert asyncio.run(ended()) == ["http.request", "http.disconnect"]


def test_an_upload_that_breaks_off_is_no_bug_and_holds_up_nobody(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    url = serve(sleeping(0))
    address = urlsplit(url)
    head = b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head + b"Content-Length: 9999\r\n\r\n--b\r\n")
    answer = httpx.post(f"{url}gradio_api/upload", files={"files": ("a.nii", b"x")}, timeout=WAIT_S)
    assert answer.status_code == 200
    assert "bug" not in caplog.text
