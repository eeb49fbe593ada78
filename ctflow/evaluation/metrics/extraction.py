"""Features of whole sets: volumes one at a time, in several processes, and kept on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctflow.errors import CTFlowError, RequestError, ResourceError
from ctflow.evaluation.metrics.extractor import Extractor, Found, identity_sha256
from ctflow.evaluation.metrics.extractors.catalog import Source, load_extractor
from ctflow.evaluation.metrics.kept_features import keep, kept, kept_path
from ctflow.evaluation.metrics.volume_set import VolumeFile
from ctflow.io.scan import read_volume
from ctflow.runtime.processes import processes
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


def extract(volumes: Sequence[VolumeFile], sources: Sequence[Source], folder: Path, workers: int) -> Iterator[str]:
    """Makes the features that are not kept yet, and yields the name of each volume when its features are there.

    One volume lies in memory for each of the `workers` (processes; with 1 it is done here). Volumes that are the same,
    byte for byte, are looked at once. Raises RequestError, at the end, that names the volumes that cannot be used:
    leaving them out would flatter a model. Raises ResourceError where a process is ended from outside.
    """
    once = list({volume.sha256: volume for volume in volumes}.values())
    work = partial(_extract_one, sources=tuple(sources), folder=folder)
    failed: list[str] = []
    for volume, reason in zip(once, _mapped(work, once, workers), strict=True):
        if reason:
            failed.append(f"{volume.name}: {reason}")
        yield volume.name
    if failed:
        more = f" … and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        raise RequestError(
            f"{len(failed)} of {len(once)} volumes cannot be used. Mend or remove them. "
            f"{' '.join(failed[:MOST_NAMED])}{more}"
        )


def _mapped(work: partial[str], volumes: Sequence[VolumeFile], workers: int) -> Iterator[str]:
    if workers == 1:
        yield from map(work, volumes)
        return
    try:
        with processes(workers) as pool:
            yield from pool.map(work, volumes)
    except BrokenProcessPool as error:
        raise ResourceError(
            f"One of {workers} processes that look at volumes was ended from outside, most likely because memory ran "
            "out. Take fewer --workers, and run the same command again: what was done is kept."
        ) from error


def _extract_one(volume: VolumeFile, *, sources: Sequence[Source], folder: Path) -> str:
    """Keeps the features of a volume, and returns why it cannot be done, or nothing."""
    missing: list[tuple[Extractor, Path]] = []
    for source in sources:
        extractor = load_extractor(source)
        path = kept_path(folder, identity_sha256(extractor), volume.sha256)
        if not path.exists():
            missing.append((extractor, path))
    if not missing:
        return ""
    try:
        hu = read_volume(volume.path)
        found = [(path, _checked(extractor, hu)) for extractor, path in missing]
    except CTFlowError as error:
        return str(error)
    for path, features in found:  # what goes wrong here, such as a full disk, is not the volume's fault
        keep(path, features)
    return ""


def _checked(extractor: Extractor, volume: Volume) -> Found:
    """The features, in memory of their own: safetensors writes the bytes of an array as they lie."""
    return {kind: np.ascontiguousarray(rows, np.float32) for kind, rows in extractor.features(volume).items()}
