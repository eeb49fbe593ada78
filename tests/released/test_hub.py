"""Addresses on the hub, downloads from a hub of our own, and the messages when nothing can be fetched."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ctflow.errors import CheckpointError
from ctflow.released.hub import Address, fetch, parse_address, resolved


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("EnyaWoooo/CTFlow/checkpoint-680000/ema", ("EnyaWoooo/CTFlow", "model", None, "checkpoint-680000/ema")),
        ("datasets/a/b@1f2e/c/d.pt", ("a/b", "dataset", "1f2e", "c/d.pt")),
        ("hf://a/b.c-d", ("a/b.c-d", "model", None, "")),
        ("/a/b", None),
        ("./a/b", None),
        ("alone", None),
    ],
)
def test_an_address_on_the_hub_is_read(text: str, address: tuple | None) -> None:
    assert parse_address(text) == (address and Address(*address))


def test_what_is_neither_a_local_path_nor_an_address_is_an_error() -> None:
    with pytest.raises(CheckpointError, match=r"\./no/such does not exist, and it is not an address"):
        fetch("./no/such", ("*",))


COMMITS = {"main": "b" * 40, "v1": "a" * 40}
BIG = 24_000_000  # bytes: the client keeps a broken download in pieces of 10 MB


FILES = ("part/config.json", "part/w.safetensors", "other/x.safetensors")


def content(commit: str, name: str = "w.safetensors") -> bytes:
    return commit[:1].encode() * BIG if name.endswith(".safetensors") else b"{}"


class Hub(ThreadingHTTPServer):
    """As much of the hub as a download needs: one model with two commits, and another that is gated."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.cuts = 0  # how many downloads break off half-way


class _Answer(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        if path.startswith(("/api/models/closed/", "/closed/")):
            self._send(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
        elif path.startswith("/api/models/own/model/revision/"):
            commit = self._commit(path.rsplit("/", 1)[1])
            files = [{"rfilename": name} for name in FILES]
            self._send(200, json.dumps({"id": "own/model", "sha": commit, "siblings": files}).encode(), {})
        elif path.startswith("/api/models/own/model/tree/"):
            commit = self._commit(path.rsplit("/", 1)[1])
            files = [{"type": "file", "path": name, "size": len(content(commit, name)), "oid": "0"} for name in FILES]
            self._send(200, json.dumps(files).encode(), {})
        elif path.startswith("/own/model/resolve/"):
            commit, _, name = path.removeprefix("/own/model/resolve/").partition("/")
            self._file(self._commit(commit), name)
        else:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})

    def _commit(self, name: str) -> str:
        return COMMITS.get(name, name)

    def _file(self, commit: str, name: str) -> None:
        data = content(commit, name)
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        headers = {"ETag": f'"{commit}{len(data)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self._send(206 if begin else 200, data[begin:], headers)

    def _send(self, code: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in (headers | {"Content-Length": str(len(data))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            if self.server.cuts and len(data) == BIG:
                self.server.cuts -= 1
                data, self.close_connection = data[: BIG // 2], True
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.shutdown()


def fetched(hub: Hub, home: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, because the hub's client reads its settings when it is imported."""
    code = (
        "import sys\nfrom ctflow.errors import CheckpointError\nfrom ctflow.released.hub import fetch\n"
        f"try:\n    print(fetch({source!r}, ('config.json', '*.safetensors')))\n"
        "except CheckpointError as error:\n    sys.exit(str(error))"
    )
    settings = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    environment = kept | settings | {"NO_PROXY": "127.0.0.1"} | environment
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=False
    )


def folder_of(done: subprocess.CompletedProcess[str]) -> Path:
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_what_is_inside_the_address_is_fetched_and_nothing_else_with_the_token_of_its_usual_place(
    hub: Hub, tmp_path: Path
) -> None:
    folder = folder_of(fetched(hub, tmp_path, "own/model/part", HF_TOKEN="hf_secret"))
    assert (folder / "w.safetensors").read_bytes() == content(COMMITS["main"])
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "w.safetensors"]
    assert not any("other/x" in path for _, path, _ in hub.asked)
    tokens = {
        headers.get("authorization", headers.get("Authorization"))
        for _, path, headers in hub.asked
        if "own/model" in path
    }
    assert tokens == {"Bearer hf_secret"}


def test_a_single_file_is_fetched_without_the_list_of_all_others(hub: Hub, tmp_path: Path) -> None:
    file = folder_of(fetched(hub, tmp_path, "own/model/part/w.safetensors"))
    assert file.read_bytes() == content(COMMITS["main"])
    assert not any(path.startswith("/api/models/") for _, path, _ in hub.asked)


def test_offline_what_is_not_in_the_cache_is_an_error_that_says_what_to_do(hub: Hub, tmp_path: Path) -> None:
    done = fetched(hub, tmp_path, "nobody/nothing/at/all", HF_HUB_OFFLINE="1")
    assert done.returncode and "go online, or give a local path" in done.stderr and not hub.asked


@pytest.mark.slow
def test_a_revision_is_pinned_and_what_was_fetched_is_there_without_a_network(hub: Hub, tmp_path: Path) -> None:
    for name in ("v1", "a" * 40):
        folder = folder_of(fetched(hub, tmp_path, f"own/model@{name}/part"))
        assert (folder / "w.safetensors").read_bytes() == content("a" * 40)
    asked = len(hub.asked)
    again = folder_of(fetched(hub, tmp_path, "own/model@v1/part", HF_HUB_OFFLINE="1"))
    assert again == folder and len(hub.asked) == asked


@pytest.mark.slow
def test_what_was_fetched_is_known_by_its_commit(hub: Hub, tmp_path: Path) -> None:
    for source, commit in (("own/model", "b" * 40), ("own/model@v1", "a" * 40)):
        for inside in ("/part", "/part/w.safetensors"):
            found = folder_of(fetched(hub, tmp_path, source + inside))
            assert resolved(source + inside, found) == f"own/model@{commit}{inside}"
    cached = folder_of(fetched(hub, tmp_path, "own/model/part"))
    assert resolved(str(cached), cached) is None, "it was given by its path: nothing was fetched"
    near = f"hub/models--own--model/snapshots/{'a' * 40}/part"
    assert resolved(near, Path(near)) is None, "so was this, which looks like an address"


def test_the_commit_of_data_sets_and_of_whole_repositories_is_known_too() -> None:
    place = Path("/cache/datasets--a--b/snapshots") / ("c" * 40)
    assert resolved("datasets/a/b@x/c.pt", place / "c.pt") == f"datasets/a/b@{'c' * 40}/c.pt"
    assert resolved("hf://a/b", place) == f"a/b@{'c' * 40}"


@pytest.mark.slow
def test_a_download_that_breaks_off_resumes_where_it_was(hub: Hub, tmp_path: Path) -> None:
    hub.cuts = 1
    done = fetched(hub, tmp_path, "own/model/part")
    if done.returncode:  # the client may have resumed by itself
        assert "what was fetched so far is kept" in done.stderr
        done = fetched(hub, tmp_path, "own/model/part")
    assert (folder_of(done) / "w.safetensors").read_bytes() == content(COMMITS["main"])
    ranges = [headers.get("range", headers.get("Range", "")) for _, _, headers in hub.asked]
    assert sum(value.startswith("bytes=10485760-") for value in ranges) == 1


def test_a_gated_model_says_what_to_accept_and_where_to_log_in(hub: Hub, tmp_path: Path) -> None:
    done = fetched(hub, tmp_path, "closed/model/part")
    assert done.returncode and "accept their terms" in done.stderr and "hf auth login" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_does_not_exist_is_an_error(hub: Hub, tmp_path: Path) -> None:
    places = ("own/none/part", "own/none/w.pt", "own/model/none"), ("There is no such place",) * 2 + ("has no none",)
    for source, said in zip(*places, strict=True):
        done = fetched(hub, tmp_path, source)
        assert done.returncode and said in done.stderr and "Traceback" not in done.stderr
