"""Fetches the parts of a released model from this disk or the hub. Its client resumes, logs in and works offline."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,  # a broken connection; which library it comes from depends on the version
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
    """None if the text is no address."""
    match = _ADDRESS.fullmatch(text.removeprefix("hf://"))
    if not match or text.startswith((".", "~", "/")):
        return None
    kind: Literal["model", "dataset"] = "dataset" if match["kind"] else "model"
    return Address(match["repo"], kind, match["revision"], match["inside"] or "")


def fetch(source: str, patterns: tuple[str, ...]) -> Path:
    """A local path as it is. Otherwise downloads from the hub what is inside the address and fits the patterns.

    Raises CheckpointError that says what to do.
    """
    local = Path(os.path.expanduser(source))
    if local.exists():
        return local
    address = parse_address(source)
    if address is None:
        raise CheckpointError(f"{source} does not exist, and it is not an address on the hub (owner/name/path).")
    try:
        return _download(address, patterns)
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, HTTPError, OSError) as error:
        raise CheckpointError(
            f"{source} is no local file, and fetching it from the hub failed. {_advice(error)} ({_first_line(error)})"
        ) from error


def resolved(source: str, path: Path) -> str | None:
    """The address of what was fetched, with its commit; None for what was on this disk already.

    `path`: what `fetch` returned for the source.
    """
    address, commit = parse_address(source), _COMMIT.search(path.as_posix())
    if address is None or commit is None or path == Path(os.path.expanduser(source)):
        return None
    kind = "datasets/" if address.kind == "dataset" else ""
    inside = f"/{address.inside}" if address.inside else ""
    return f"{kind}{address.repo}@{commit[1]}{inside}"


def _download(address: Address, patterns: tuple[str, ...]) -> Path:
    inside = address.inside
    if inside.endswith(WEIGHT_FILES):
        # For a snapshot the library first lists everything that is there, and the list of a data set is endless.
        return Path(hf_hub_download(address.repo, inside, repo_type=address.kind, revision=address.revision))
    wanted = [f"{inside}/{pattern}" for pattern in patterns] if inside else list(patterns)
    folder = snapshot_download(address.repo, repo_type=address.kind, revision=address.revision, allow_patterns=wanted)
    found = Path(folder) / inside
    if not found.exists():
        raise CheckpointError(f"{address.repo} was reached, but has no {inside}. Look on its page where it is now.")
    return found


def _advice(error: Exception) -> str:
    if isinstance(error, GatedRepoError):
        return "Its owners ask you to accept their terms: do so on its page, then log in with `hf auth login`."
    if isinstance(error, LocalEntryNotFoundError):
        return "It is not in the local cache, and the hub cannot be reached: go online, or give a local path."
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403, 404):
        return "There is no such place, or it is closed to you: check the name, and log in with `hf auth login`."
    return "Run the same command again: what was fetched so far is kept."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
