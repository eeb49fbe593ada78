"""Encoded volumes become shards, in the order in which they were asked for, whatever the order in which they come.

Each encoded volume is first a file of its own in `parts/`. Those that fill a shard are packed into it, then named in
the manifest, then removed: after a kill at any moment, the next run finds all that was finished.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ctflow.data.attempts import forget_attempts
from ctflow.data.manifest import (
    MANIFEST,
    REJECTED,
    ManifestRow,
    Rejection,
    read_manifest,
    read_rejections,
    write_rows,
)
from ctflow.data.shard_writer import Encoded, encoded_bytes, encoded_sha256, write_shard
from ctflow.data.shards import MEAN, SHARDS
from ctflow.data.sources import Source
from ctflow.errors import DatasetError
from ctflow.io.files import make_folder, remove_partial, write_atomic

PARTS = "parts"
_SOURCE_SHA256 = "source_sha256"


def part_path(folder: Path, number: int) -> Path:
    """Where the encoded volume of a number lies until it is packed."""
    return folder / PARTS / f"{number:06}.safetensors"


def write_part(folder: Path, number: int, volume: Encoded, source_sha256: str) -> int:
    """Writes an encoded volume -> its size in bytes. Raises CTFlowError."""
    hashed = np.frombuffer(bytes.fromhex(source_sha256), np.uint8)
    # `save` takes memory as it lies, whatever the order of the axes in it.
    arrays = {name: np.ascontiguousarray(values) for name, values in volume.items()}
    write_atomic(part_path(folder, number), save({**arrays, _SOURCE_SHA256: hashed}))
    return encoded_bytes(volume)


class Packer:
    """Packs the volumes of `sources` into `folder`, or goes on with what is there. One at a time may use the folder.

    A shard is full when it has `shard_bytes` or more. `retry`: what was left out before is missing again.
    Raises DatasetError where what is there cannot be read.
    """

    def __init__(self, folder: Path, sources: Sequence[Source], shard_bytes: int, *, retry: bool = False) -> None:
        self._folder, self._sources, self._shard_bytes = folder, sources, shard_bytes
        for place in (folder, folder / PARTS, folder / SHARDS):
            make_folder(place)
            remove_partial(place)
        forget_attempts(folder / PARTS)
        self._rows = read_manifest(folder) if (folder / MANIFEST).exists() else []
        self._rejections = {} if retry else {one.name: one for one in self._rejections_there()}
        named = {row.name for row in self._rows}
        self._waiting = [number for number, source in enumerate(sources) if source.name not in named]
        for number, source in enumerate(sources):
            if source.name in named:
                part_path(folder, number).unlink(missing_ok=True)
        self._bytes = {number: size for number in self._waiting if (size := self._bytes_there(number))}
        self.pack()

    @property
    def missing(self) -> list[int]:
        """The numbers of the volumes that are still to be encoded."""
        return [number for number in self._waiting if not self._is_settled(number)]

    @property
    def rows(self) -> Sequence[ManifestRow]:
        """The volumes that lie in shards."""
        return self._rows

    @property
    def rejections(self) -> list[Rejection]:
        """Those that were left out, in the order of the sources."""
        return [self._rejections[source.name] for source in self._sources if source.name in self._rejections]

    def encoded(self, number: int, size_bytes: int) -> None:
        """Takes note of a part that was written."""
        self._bytes[number] = size_bytes

    def reject(self, number: int, reason: str) -> None:
        """Leaves a volume out."""
        name = self._sources[number].name
        self._rejections[name] = Rejection(name=name, reason=reason)

    def pack(self, *, last: bool = False) -> None:
        """Packs what fills shards, and with `last` all that is left. Raises CTFlowError."""
        while numbers := self._next_shard(last):
            self._pack(numbers)
        if last:
            self._write_lists()

    def _next_shard(self, last: bool) -> list[int]:
        """The next volumes in order, if they fill a shard: none of those before it may be missing."""
        numbers, size = [], 0
        for number in self._waiting:
            if not self._is_settled(number):
                return []
            if number in self._bytes:
                numbers.append(number)
                size += self._bytes[number]
            if size >= self._shard_bytes:
                return numbers
        return numbers if last else []

    def _pack(self, numbers: list[int]) -> None:
        shard = f"{len({row.shard for row in self._rows}):05}.safetensors"
        volumes = [self._read_part(number) for number in numbers]
        write_shard(self._folder / SHARDS / shard, volumes)
        self._rows += self._described(numbers, volumes, shard)
        self._write_lists()
        for number in numbers:
            part_path(self._folder, number).unlink()
        self._waiting = [number for number in self._waiting if number > numbers[-1]]

    def _described(self, numbers: list[int], volumes: list[Encoded], shard: str) -> Iterator[ManifestRow]:
        offset = 0
        for number, volume in zip(numbers, volumes, strict=True):
            source, slices = self._sources[number], len(volume[MEAN])
            yield ManifestRow(
                name=source.name,
                patient=source.patient,
                slices=slices,
                source_sha256=volume[_SOURCE_SHA256].tobytes().hex(),
                shard=shard,
                offset=offset,
                sha256=encoded_sha256(volume),
            )
            offset += slices

    def _write_lists(self) -> None:
        write_rows(self._folder / REJECTED, self.rejections)
        write_rows(self._folder / MANIFEST, self._rows)

    def _is_settled(self, number: int) -> bool:
        return number in self._bytes or self._sources[number].name in self._rejections

    def _rejections_there(self) -> list[Rejection]:
        return read_rejections(self._folder) if (self._folder / REJECTED).exists() else []

    def _bytes_there(self, number: int) -> int:
        path = part_path(self._folder, number)
        return encoded_bytes(self._read_part(number)) if path.exists() else 0

    def _read_part(self, number: int) -> Encoded:
        path = part_path(self._folder, number)
        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise DatasetError(f"{path} cannot be read ({error}). Remove it, and prepare again.") from error
