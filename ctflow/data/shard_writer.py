"""Writes shards: safetensors files of three tensors, each of which holds all volumes of a shard one after another."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ctflow.data.shards import LOG_VARIANCE, MEAN, TEXT
from ctflow.io.files import write_pieces

DTYPES: Mapping[str, tuple[str, np.dtype]] = {
    MEAN: ("F16", np.dtype("<f2")),
    LOG_VARIANCE: ("F16", np.dtype("<f2")),
    TEXT: ("F32", np.dtype("<f4")),
}
_ALIGNED_TO = 64  # bytes at which the tensors begin, so that they can be used where they lie
Encoded = Mapping[str, np.ndarray]  # a volume's mean and log_variance (slices, C, h, w), and its text (1, rows, D)


def write_shard(path: Path, volumes: Sequence[Encoded]) -> None:
    """Writes the volumes in their order, without a second copy of them in memory. Raises CTFlowError."""
    write_pieces(path, _pieces(volumes))


def encoded_sha256(volume: Encoded) -> str:
    """The hash of what is stored of a volume."""
    total = hashlib.sha256()
    for name in DTYPES:
        total.update(_bytes(name, volume[name]))
    return total.hexdigest()


def encoded_bytes(volume: Encoded) -> int:
    """The size of what is stored of a volume."""
    return sum(volume[name].nbytes for name in DTYPES)


def _pieces(volumes: Sequence[Encoded]) -> Iterator[bytes]:
    yield _header(volumes)
    for name in DTYPES:
        for volume in volumes:
            yield _bytes(name, volume[name])


def _header(volumes: Sequence[Encoded]) -> bytes:
    described: dict[str, object] = {}
    end = 0
    for name, (code, kind) in DTYPES.items():
        shape = [sum(len(volume[name]) for volume in volumes), *volumes[0][name].shape[1:]]
        begin, end = end, end + kind.itemsize * int(np.prod(shape))
        described[name] = {"dtype": code, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(described).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNED_TO)
    return len(text).to_bytes(8, "little") + text


def _bytes(name: str, values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values, DTYPES[name][1]).tobytes()
