"""Pairs of neighbouring slices, collected once from volumes: to train on single slices, reading whole scans is slow."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.lib.format import open_memmap
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as strict_dataclass

from ctflow.card import Geometry
from ctflow.data.encoding import read_source
from ctflow.data.lock import only_run
from ctflow.data.sources import Source, sources_sha256
from ctflow.errors import DatasetError, ResourceError
from ctflow.io.files import write_atomic, written
from ctflow.runtime.processes import processes
from ctflow.validation import wrong_fields

PAIRS, VOLUMES, FACTS = "pairs.npy", "volumes.jsonl", "pairs.json"
Pool = Callable[[int], AbstractContextManager[Executor]]
_strict = ConfigDict(extra="forbid")


@strict_dataclass(frozen=True, kw_only=True, config=_strict)
class PairFacts:
    """What pairs are collected from, and how: `per_volume` of each, spread over it evenly."""

    sources_sha256: str
    geometry: Geometry
    per_volume: Annotated[int, Field(ge=1)]


@strict_dataclass(frozen=True, kw_only=True, config=_strict)
class PairedVolume:
    """A volume that was read: its number among the sources, or the `reason` why it was left out."""

    number: Annotated[int, Field(ge=0)]
    name: str
    patient: str
    source_sha256: str
    reason: str


@dataclass(frozen=True, eq=False)
class SlicePairs:
    """Pairs that were collected. `volumes`: those that were not left out, in the order of the sources.

    Reading takes memory only for what is returned; a copy in another process opens the file for itself.
    """

    folder: Path
    volumes: list[PairedVolume]

    def of(self, volume: PairedVolume) -> np.ndarray:
        """int16 HU (pairs, 2, rows, columns) on the model's axes; the second of two slices comes after the first."""
        return self._all[volume.number]

    @cached_property
    def _all(self) -> np.ndarray:
        """(volumes asked for, pairs, 2, rows, columns), mapped from the disk."""
        return open_memmap(self.folder / PAIRS, mode="r")

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "volumes": self.volumes}


def facts_of(sources: Sequence[Source], geometry: Geometry, per_volume: int) -> PairFacts:
    """What is to be collected."""
    return PairFacts(sources_sha256=sources_sha256(sources), geometry=geometry, per_volume=per_volume)


def disk_bytes(facts: PairFacts, volumes: int) -> int:
    """What the pairs take on the disk."""
    return math.prod(_shape(facts, volumes)) * np.dtype(np.int16).itemsize


def missing_volumes(folder: Path, facts: PairFacts, volumes: int) -> list[int]:
    """The numbers of those of so many volumes that were not read yet.

    Raises DatasetError where the folder holds pairs of other volumes, or is damaged.
    """
    path = folder / FACTS
    if not path.exists():
        return list(range(volumes))
    if path.read_bytes() != _facts_adapter.dump_json(facts):
        raise DatasetError(
            f"{folder} holds slices of other volumes, or on another grid, or more or fewer of each, than those asked "
            "for. Name another folder with --slices, or remove that one."
        )
    _check_whole(folder / PAIRS, _shape(facts, volumes))
    known = {row.number for row in _rows(folder)}
    return [number for number in range(volumes) if number not in known]


def collect_pairs(
    folder: Path,
    sources: Sequence[Source],
    facts: PairFacts,
    workers: int,
    *,
    pool: Pool = processes,
) -> Iterator[PairedVolume]:
    """Reads the volumes that were not read yet, and says what became of each. It may be killed, and called again.

    `pool` varies in tests. Raises DatasetError as `missing_volumes`, and if another run is at work in the folder,
    CTFlowError where disk or memory are short.
    """
    with only_run(folder):
        missing = missing_volumes(folder, facts, len(sources))
        if missing and not (folder / FACTS).exists():
            _begin(folder, facts, len(sources))
        if missing:
            yield from _collected(folder, sources, missing, facts, workers, pool)


def _collected(
    folder: Path,
    sources: Sequence[Source],
    missing: list[int],
    facts: PairFacts,
    workers: int,
    pool: Pool,
) -> Iterator[PairedVolume]:
    with pool(min(workers, len(missing))) as executor, (folder / VOLUMES).open("ab") as table:
        made = [executor.submit(_collect, folder / PAIRS, number, sources[number], facts) for number in missing]
        try:
            for one in as_completed(made):
                row = one.result()
                with written(folder / VOLUMES):
                    table.write(_rows_adapter.dump_json(row) + b"\n")
                    table.flush()
                yield row
        finally:
            for one in made:
                one.cancel()


def open_pairs(folder: Path, facts: PairFacts, volumes: int) -> SlicePairs:
    """Opens pairs of so many volumes. Raises DatasetError unless all were collected, and from what `facts` say."""
    if missing := missing_volumes(folder, facts, volumes):
        raise DatasetError(
            f"{folder} lacks the slices of {len(missing)} of {volumes} volumes: collect them first with --collect, in "
            "one process."
        )
    there = [row for row in sorted(_rows(folder), key=lambda row: row.number) if not row.reason]
    if not there:
        raise DatasetError(f"{folder} holds no slices: all {volumes} volumes were left out, see {VOLUMES} there.")
    return SlicePairs(folder, there)


def _check_whole(path: Path, shape: tuple[int, ...]) -> None:
    try:
        found = open_memmap(path, mode="r").shape
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read ({error}). Remove {path.parent}, and collect again.") from error
    if found != shape:
        raise DatasetError(f"{path} has shape {found}, not {shape}. Remove {path.parent}, and collect again.")


def _shape(facts: PairFacts, volumes: int) -> tuple[int, ...]:
    return volumes, facts.per_volume, 2, facts.geometry.rows, facts.geometry.columns


def _begin(folder: Path, facts: PairFacts, volumes: int) -> None:
    """Makes the files of a new folder, and takes the disk that they need: a page of a mapped file that finds no room
    would kill the process."""
    path, size = folder / PAIRS, disk_bytes(facts, volumes)
    open_memmap(path, mode="w+", dtype=np.int16, shape=_shape(facts, volumes)).flush()
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        path.unlink()
        raise ResourceError(
            f"{path} would take {size / 1e9:.2f} GB, and the disk refuses ({error.strerror}). Free some, name another "
            "disk with --slices, or collect fewer with slices.pairs_per_volume."
        ) from error
    write_atomic(folder / VOLUMES, b"")
    write_atomic(folder / FACTS, _facts_adapter.dump_json(facts))


def _rows(folder: Path) -> list[PairedVolume]:
    """The lines that are whole; a kill may leave half of one, which is cut off."""
    path = folder / VOLUMES
    if not path.exists():
        return []
    lines = path.read_bytes()
    whole = lines[: lines.rfind(b"\n") + 1]
    if len(whole) < len(lines):
        write_atomic(path, whole)
    try:
        return [_rows_adapter.validate_json(line) for line in whole.splitlines()]
    except ValidationError as error:
        raise DatasetError(f"{path} is damaged ({wrong_fields(error)}). Remove {folder}, and collect again.") from error


def _collect(path: Path, number: int, source: Source, facts: PairFacts) -> PairedVolume:
    """Reads a volume, and writes its pairs where they belong."""
    scan = read_source(source, facts.geometry)
    if not scan.reason:
        open_memmap(path, mode="r+")[number] = pairs_of(scan.hu, facts.per_volume)
    return PairedVolume(
        number=number,
        name=source.name,
        patient=source.patient,
        source_sha256=scan.source_sha256,
        reason=scan.reason,
    )


def pairs_of(hu: np.ndarray, count: int) -> np.ndarray:
    """HU (slices, rows, columns) -> (count, 2, rows, columns): neighbours, spread evenly from end to end."""
    first = ((np.arange(count) + 0.5) / count * (len(hu) - 1)).astype(int)
    return np.stack([hu[first], hu[first + 1]], axis=1)


_rows_adapter: TypeAdapter[Any] = TypeAdapter(PairedVolume)
_facts_adapter: TypeAdapter[Any] = TypeAdapter(PairFacts)
