"""How a chunk travels to the browser: int16 with its bytes shuffled, then deflated.

All low bytes and then all high bytes pack twice as well as pairs do, and a browser can undo both without a library.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctflow.errors import ResourceError, VolumeError
from ctflow.io.files import write_atomic

NOT_WRITTEN = "The server could not write a file: its disk may be full. Please tell whoever runs this page."


@dataclass(frozen=True)
class Chunk:
    """Slices on disk: the file at `path` holds int16 HU of `shape` (slices, rows, columns), as `pack` writes them."""

    first_slice: int
    shape: tuple[int, int, int]
    path: Path


def pack(hu: np.ndarray, level: int = 1) -> bytes:
    """int16 HU of any shape -> bytes for `unpack` here or in viewer/data/transport.js. `level`: of deflate."""
    pairs = np.ascontiguousarray(hu, "<i2").reshape(-1).view(np.uint8).reshape(-1, 2)
    return zlib.compress(pairs.T.tobytes(), level)


def unpack(data: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """The inverse of `pack`."""
    pairs = np.frombuffer(zlib.decompress(data), np.uint8).reshape(2, -1).T
    return np.ascontiguousarray(pairs).view("<i2").reshape(shape).astype(np.int16)


def store(hu: np.ndarray, first_slice: int, folder: Path, kind: str = "") -> Chunk:
    """Writes a chunk into `folder`, apart from those of another `kind`.

    Its file is complete when this returns, so announce it only then.
    Raises ResourceError if it cannot be written.
    """
    path = folder / f"{first_slice:04d}{kind}.bin"
    try:
        write_atomic(path, pack(hu))
    except VolumeError as error:
        raise ResourceError(NOT_WRITTEN) from error
    return Chunk(first_slice, (hu.shape[0], hu.shape[1], hu.shape[2]), path)


def load(chunks: list[Chunk]) -> np.ndarray:
    """Chunks that follow one another -> int16 HU (slices, rows, columns)."""
    return np.concatenate([unpack(chunk.path.read_bytes(), chunk.shape) for chunk in chunks])
