"""The two steps that make a part of a source: reading, which keeps a core busy, and encoding, which may use a GPU."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ctflow.card import Geometry
from ctflow.data.encoder import VolumeEncoder
from ctflow.data.packing import write_part
from ctflow.data.scans import model_hu, source_sha256
from ctflow.data.sources import Source
from ctflow.errors import RequestError, VolumeError
from ctflow.report import Report


@dataclass(frozen=True, kw_only=True)
class EncodingJob:
    """What each worker must know: where the checkpoint is and the parts go, and how to compute."""

    model: Path
    folder: Path
    device: str
    precision: str
    geometry: Geometry


@dataclass(frozen=True, eq=False)
class Scan:
    """A source that was read: int16 HU in the model's axes, or the reason why it is left out."""

    hu: np.ndarray
    source_sha256: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a source: the size of its part, or the reason why it is left out.

    `avae_s`: see `VolumeEncoder`.
    """

    number: int
    size_bytes: int = 0
    reason: str = ""
    avae_s: float = 0.0


class EncodeAll(Protocol):
    """Makes the parts of sources with these numbers, in any order, and says what became of each."""

    def __call__(self, job: EncodingJob, numbered: Sequence[tuple[int, Source]]) -> Iterator[Outcome]: ...


def read_source(source: Source, geometry: Geometry) -> Scan:
    """Reads a scan. Raises ResourceError where memory is short: that says nothing of the scan."""
    nothing = np.empty((0, 0, 0), np.int16)
    if source.fault:
        return Scan(nothing, "", source.fault)
    try:
        _ = source.report()  # so that no time is spent on a scan without one
        return Scan(model_hu(source, geometry), source_sha256(source.path))
    except (VolumeError, RequestError) as error:
        return Scan(nothing, "", reason_of(error, source))


def encode_scan(encoder: VolumeEncoder, job: EncodingJob, number: int, scan: Scan, report: Report) -> Outcome:
    """Writes the part of a scan that was read. Raises CTFlowError where it cannot be written."""
    before_s = encoder.avae_s
    volume = encoder.encode(scan.hu, report)
    size_bytes = write_part(job.folder, number, volume, scan.source_sha256)
    return Outcome(number=number, size_bytes=size_bytes, avae_s=encoder.avae_s - before_s)


def encode_here(job: EncodingJob, numbered: Iterable[tuple[int, Source]]) -> Iterator[Outcome]:
    """`EncodeAll` in this process, one after another."""
    encoder = VolumeEncoder(job.model, job.device, job.precision)
    for number, source in numbered:
        scan = read_source(source, job.geometry)
        if scan.reason:
            yield Outcome(number=number, reason=scan.reason)
        else:
            yield encode_scan(encoder, job, number, scan, source.report())


def reason_of(error: Exception, source: Source) -> str:
    """An error about a source, with the volume's name in the place of its path on this machine."""
    return str(error).replace(str(source.path), source.name)
