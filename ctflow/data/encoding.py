"""The two steps that make a part of a source: reading, which keeps a core busy, and encoding, which may use a GPU."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ctflow.card import Geometry
from ctflow.data.encoder import VolumeEncoder
from ctflow.data.packing import write_part
from ctflow.data.scans import model_hu, read_hu, source_sha256
from ctflow.data.sources import Source
from ctflow.errors import RequestError, ResourceError, VolumeError
from ctflow.report import Report


@dataclass(frozen=True, kw_only=True)
class EncodingJob:
    """What each worker must know: where the checkpoint is and the parts go, and how to compute, as `VolumeEncoder`."""

    model: Path
    folder: Path
    device: str
    precision: str
    slices: int | None
    geometry: Geometry

    def encoder(self) -> VolumeEncoder:
        """Loads the networks. Raises CTFlowError."""
        return VolumeEncoder(self.model, self.device, self.precision, self.slices)


@dataclass(frozen=True, eq=False)
class Scan:
    """A source that was read: int16 HU in the model's axes, or the reason why it is left out.

    `read_s`: CPU seconds for reading, unpacking and hashing its file.
    """

    hu: np.ndarray
    source_sha256: str = ""
    reason: str = ""
    read_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a source: the size of its part, or the reason why it is left out.

    `report_cut`: whether its report is longer than the text encoder reads. `avae_s`: see `VolumeEncoder`. `disk_s`: CPU
    seconds for reading the source and writing the part.
    """

    number: int
    size_bytes: int = 0
    reason: str = ""
    report_cut: bool = False
    avae_s: float = 0.0
    disk_s: float = 0.0


class EncodeAll(Protocol):
    """Makes the parts of sources with these numbers, in any order, and says what became of each."""

    def __call__(self, job: EncodingJob, numbered: Sequence[tuple[int, Source]]) -> Iterator[Outcome]: ...


def read_source(source: Source, geometry: Geometry) -> Scan:
    """Reads a scan. Raises ResourceError where memory is short or its disk is gone: that says nothing of the scan."""
    reason = source.fault
    try:
        if not reason:
            _check_still_there(source.path)
            _ = source.report()  # so that no time is spent on a scan without one
            began_s = time.process_time()
            scan, sha256 = read_hu(source), source_sha256(source.path)
            read_s = time.process_time() - began_s
            return Scan(model_hu(scan, geometry), sha256, read_s=read_s)
    except (VolumeError, RequestError) as error:
        reason = str(error)
    return left_out(reason.replace(str(source.path), source.name))


def _check_still_there(path: Path) -> None:
    """A disk that goes away in the middle of a run would else leave out all volumes that are still to come."""
    try:
        path.stat()
    except OSError as error:
        raise ResourceError(
            f"{path} was there when this began, and cannot be reached now ({error.strerror}). Is its disk still "
            "mounted? Call this again: it goes on."
        ) from error


def left_out(reason: str) -> Scan:
    """What stands for a scan that cannot be prepared."""
    return Scan(np.empty((0, 0, 0), np.int16), reason=reason)


def encode_scan(encoder: VolumeEncoder, job: EncodingJob, number: int, scan: Scan, report: Report) -> Outcome:
    """Writes the part of a scan that was read. Raises CTFlowError where it cannot be written."""
    before_s = encoder.avae_s
    volume = encoder.encode(scan.hu, report)
    began_s = time.process_time()
    size_bytes = write_part(job.folder, number, volume, scan.source_sha256)
    return Outcome(
        number=number,
        size_bytes=size_bytes,
        report_cut=encoder.cuts(report),
        avae_s=encoder.avae_s - before_s,
        disk_s=scan.read_s + time.process_time() - began_s,
    )
