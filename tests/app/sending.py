"""Opens scans as a page does: says what comes, and sends it in pieces."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.opening import Opening
from ctflow.io.unpack import own_name
from tests.app.asking import news

PIECE_BYTES = 10_000


def kind_of(name: str) -> str:
    """As viewer/data/sending.js has it: a name of the same kind, of which nothing is left but its ending."""
    return own_name(0, name).removeprefix("00000")


def begin(opening: Opening, files: Sequence[Path], visitor: str = "somebody") -> dict[str, Any]:
    sizes = [[file.stat().st_size, kind_of(file.name)] for file in files]
    return opening.open({"visitor": visitor, "files": sizes})


def send(opening: Opening, run_id: str, data: bytes) -> None:
    for offset in range(0, len(data), PIECE_BYTES):
        piece = data[offset : offset + PIECE_BYTES]
        assert opening.receive({"run": run_id, "offset": offset, "data": piece}) == {"received": offset + len(piece)}


def opened(opening: Opening, *files: Path, series: int = 0) -> dict[str, Any]:
    """Opens files to the end, chooses `series` if it is asked which, and returns the last manifest."""
    answer = begin(opening, files)
    if "problem" in answer:
        return {"state": "refused", "status": answer["problem"]}
    send(opening, answer["run"], b"".join(file.read_bytes() for file in files))
    return ended(opening, answer["run"], series)


def ended(opening: Opening, run_id: str, series: int = 0) -> dict[str, Any]:
    manifest = news(opening.handlers, run_id)
    while manifest["state"] == "running":
        if manifest["series"]:
            assert opening.choose_series({"run": run_id, "number": series}) == {}
        manifest = news(opening.handlers, run_id, manifest["version"])
    return manifest
