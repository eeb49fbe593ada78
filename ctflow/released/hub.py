"""Parts of a released model, from this disk or from the hub. Resuming, tokens and offline mode are the hub's own."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,  # of httpx or httpx2, as the hub's version has it: a connection that broke
    LocalEntryNotFoundError,
)

from ctflow.errors import CheckpointError

_ADDRESS = re.compile(
    r"(?P<kind>datasets/)?(?P<repo>[\w.-]+/[\w.-]+?)(@(?P<revision>[^/]+))?(/(?P<inside>[^/].*?))?/?", re.ASCII
)

_COMMIT = re.compile(r"/snapshots/([0-9a-f]{40})(?:/|$)")  # in the hub's cache, before the path inside
WEIGHT_FILES = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")


@dataclass(frozen=True)
class Address:
    """A place on the hub: `[datasets/]owner/name[@revision][/path/inside]`."""

    repo: str
    kind: Literal["model", "dataset"]
    revision: str | None
    inside: str


def parse_address(text: str) -> Address | None:
    """None where the text is no address."""
    match = _ADDRESS.fullmatch(text.removeprefix("hf://"))
    if not match or text.startswith((".", "~", "/")):
        return None
    kind: Literal["model", "dataset"] = "dataset" if match["kind"] else "model"
    return Address(match["repo"], kind, match["revision"], match["inside"] or "")


def fetch(source: str, patterns: tuple[str, ...]) -> Path:
    """A local path as it is; else the place on the hub, fetched: what is inside the address and fits the patterns.

    Raises CheckpointError that says what to do.
    """
    local = Path(source).expanduser()
    if local.exists():
        return local
    address = parse_address(source)
    if address is None:
        raise CheckpointError(f"There is nothing at {source}, and it is no address on the hub (owner/name/path).")
    try:
        return _download(address, patterns)
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, HTTPError, OSError) as error:
        raise CheckpointError(
            f"{source} is no file here, and cannot be fetched from the hub. {_advice(error)} ({_first_line(error)})"
        ) from error


def resolved(source: str, path: Path) -> str | None:
    """The address of what was fetched with the commit that it had there; None for what lay on this disk.

    `path`: what `fetch` gave for the source.
    """
    address, commit = parse_address(source), _COMMIT.search(path.as_posix())
    if address is None or commit is None or path == Path(source).expanduser():
        return None
    kind, inside = "datasets/" * (address.kind == "dataset"), address.inside and f"/{address.inside}"
    return f"{kind}{address.repo}@{commit[1]}{inside}"


def _download(address: Address, patterns: tuple[str, ...]) -> Path:
    inside = address.inside
    if inside.endswith(WEIGHT_FILES):
        # For a whole snapshot the library asks first for a list of all that is there: a data set's is endless.
        return Path(hf_hub_download(address.repo, inside, repo_type=address.kind, revision=address.revision))
    wanted = [f"{inside}/{pattern}" for pattern in patterns] if inside else list(patterns)
    folder = snapshot_download(address.repo, repo_type=address.kind, revision=address.revision, allow_patterns=wanted)
    found = Path(folder) / inside
    if not found.exists():
        raise CheckpointError(f"{address.repo} was reached, but holds no {inside}. Look at its page for the new place.")
    return found


def _advice(error: Exception) -> str:
    if isinstance(error, GatedRepoError):
        return "Its owners ask you to accept their terms: do so on its page, then log in with `hf auth login`."
    if isinstance(error, LocalEntryNotFoundError):
        return "It is not in the local cache and the hub is out of reach: go online, or give a local path."
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403, 404):
        return "There is no such place, or it is closed to you: check the name, and log in with `hf auth login`."
    return "Run the same command again: what was fetched so far is kept."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
