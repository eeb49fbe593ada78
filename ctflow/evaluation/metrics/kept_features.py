"""Features on disk, under the hash of the volume's bytes and of all that the extractor is: never under a file's name.

FOLDER/0123456789abcdef/ab/abcdef….safetensors     extractor, then volume
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.extractor import Found
from ctflow.io.files import make_folder, write_atomic

_DIGITS = 16  # of an extractor's hash, in the name of its folder


def kept_path(folder: Path, extractor_sha256: str, volume_sha256: str) -> Path:
    """Where the features of a volume are, if they are kept."""
    return folder / extractor_sha256[:_DIGITS] / volume_sha256[:2] / f"{volume_sha256}.safetensors"


def keep(path: Path, found: Found) -> None:
    """Writes features, whole or not at all. Raises CTFlowError."""
    make_folder(path.parent)
    write_atomic(path, save(dict(found)))


def kept(path: Path) -> Found:
    """Reads features. Raises RequestError for a file that is damaged."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise RequestError(
            f"{path} holds no features that can be read ({error}): remove it, to make it again."
        ) from error
