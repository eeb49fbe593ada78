"""The real volumes that cases begin with, found by their names in a folder and the folders in it."""

from collections.abc import Mapping
from pathlib import Path

from ctflow.errors import RequestError
from ctflow.io.files import files_below
from ctflow.io.names import ENDINGS, case_of_file


def find_real(folder: Path, out: Path) -> Mapping[str, Path]:
    """By name without the ending, where each volume lies.

    Raises RequestError for a folder that holds none, or two of one name, and for one that shares with `out`.
    """
    real, ours = folder.resolve(), out.resolve()
    if real == ours or real in ours.parents or ours in real.parents:
        raise RequestError(f"The real volumes and ours share the folder {out}: name two, neither of them in the other.")
    found: dict[str, Path] = {}
    for path in files_below(real):
        name = case_of_file(path)
        if name in found:
            raise RequestError(f"{found[name]} and {path} have one name, by which cases find their real volume.")
        if name:
            found[name] = path
    if not found:
        raise RequestError(f"{folder} holds no real volume: files ending in {', '.join(ENDINGS)} were expected.")
    return found
