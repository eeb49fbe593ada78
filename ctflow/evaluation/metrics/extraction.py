"""Features of whole sets: volumes one at a time, in this process or several, and kept on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ctflow.errors import CTFlowError, RequestError, ResourceError
from ctflow.evaluation.metrics.extractor import Extractor, Found, identity_sha256
from ctflow.evaluation.metrics.extractors.catalog import Source, load_extractor
from ctflow.evaluation.metrics.kept_features import keep, kept, kept_path
from ctflow.evaluation.metrics.volume_set import VolumeFile
from ctflow.io.scan import read_scan, read_volume
from ctflow.runtime.memory import ran_out
from ctflow.volume import Volume

MOST_NAMED = 5  # volumes that an error names


@dataclass(frozen=True)
class FeatureSet:
    """The features of a set of volumes. `folder`: where they are kept; `extractors`: their hashes by name."""

    volumes: Sequence[VolumeFile]
    folder: Path
    extractors: Mapping[str, str]

    def rows(self, extractor: str, kind: str) -> list[NDArray[np.float32]]:
        """For each volume, its features (samples, dimensions) of a kind. Read from disk each time."""
        return list(self.each(extractor, kind))

    def each(self, extractor: str, kind: str) -> Iterator[NDArray[np.float32]]:
        """As `rows`, one after the other, for sets that memory does not hold."""
        return (self._of(volume, extractor)[kind] for volume in self.volumes)

    def _of(self, volume: VolumeFile, extractor: str) -> Found:
        return kept(kept_path(self.folder, self.extractors[extractor], volume.sha256))


@dataclass(frozen=True)
class Task:
    """A volume, and the extractors that are to look at it. `scan`: whether it must be a chest CT in HU.

    Of what a model has made, any HU are measured.
    """

    volume: VolumeFile
    sources: tuple[Source, ...]
    scan: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of the volume of this name: its features are kept, or there is a `reason` why it cannot be used.

    `made`: whether they were made now, and not kept from before.
    """

    name: str
    reason: str = ""
    made: bool = True


class ExtractAll(Protocol):
    """Makes the features of several tasks into a folder, in any order, and says what became of each."""

    def __call__(self, tasks: Sequence[Task], folder: Path) -> Iterator[Outcome]: ...


def extract_here(tasks: Sequence[Task], folder: Path) -> Iterator[Outcome]:
    """`ExtractAll` in this process, one volume after the other."""
    return (extract_one(task, folder) for task in tasks)


def extract(tasks: Sequence[Task], folder: Path, extract_all: ExtractAll) -> Iterator[Outcome]:
    """Makes the features that are not kept yet, and says of each task when its features are there.

    Volumes that are the same, byte for byte, are looked at once. Raises RequestError, at the end, that names the
    volumes that cannot be used: leaving them out would flatter a model. Raises CTFlowError for what stops all of it.
    """
    once: dict[tuple[str, tuple[Source, ...]], Task] = {}
    for task in tasks:
        if _missing(task, folder):
            once[task.volume.sha256, task.sources] = task
        else:
            yield Outcome(task.volume.name, made=False)
    failed: list[str] = []
    for outcome in extract_all(list(once.values()), folder) if once else ():
        if outcome.reason:
            failed.append(f"{outcome.name}: {outcome.reason}")
        yield outcome
    if failed:
        more = f" … and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        raise RequestError(
            f"{len(failed)} of {len(tasks)} volumes cannot be used. Mend or remove them. "
            f"{' '.join(failed[:MOST_NAMED])}{more}"
        )


def extract_one(task: Task, folder: Path) -> Outcome:
    """Keeps the features of a volume, or says why it cannot be done. Raises CTFlowError for what is not its fault."""
    missing, name = _missing(task, folder), task.volume.name
    try:
        hu = read_scan(task.volume.path) if task.scan else read_volume(task.volume.path)
        found = [(path, _checked(extractor, hu)) for extractor, path in missing]
    except ResourceError:  # says nothing of the volume
        raise
    except CTFlowError as error:
        return Outcome(name, str(error))
    for path, features in found:  # what goes wrong here, such as a full disk, is not the volume's fault
        keep(path, features)
    return Outcome(name)


def _missing(task: Task, folder: Path) -> list[tuple[Extractor, Path]]:
    """The extractors whose features of a volume are not kept, and where they would be."""
    extractors = [load_extractor(source) for source in task.sources]
    places = [(one, kept_path(folder, identity_sha256(one), task.volume.sha256)) for one in extractors]
    return [(one, path) for one, path in places if not path.exists()]


def _checked(extractor: Extractor, volume: Volume) -> Found:
    """The features, in memory of their own: safetensors writes the bytes of an array as they lie.

    Raises ResourceError where memory runs out.
    """
    try:
        features = extractor.features(volume)
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        raise ResourceError(
            f"The memory is not enough for the extractor {extractor.name} and a volume of {len(volume.hu)} slices. "
            "Close other programs, or compute on the CPU with --device cpu."
        ) from error
    return {kind: np.ascontiguousarray(rows, np.float32) for kind, rows in features.items()}
