"""One volume that can be shown, made or opened, and what is known about it."""

import hashlib
import json
import time
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.chunks import Chunk, load, store
from app.clock import Clock
from app.job import Job, State
from ctflow.errors import RequestError
from ctflow.generator import ChunkDone, Drafted, Event, Finished, Started, StepDone, VolumeGenerator
from ctflow.request import GenerationRequest, ScanStart, Start
from ctflow.volume import Volume


def digest(request: GenerationRequest, start: Start | None = None, computed: str = "") -> str:
    """Eight digits of a hash of report, settings and beginning, the same for all seeds: their files stand together.

    `computed`: what it is, if it was computed from other volumes.
    """
    told: Any = _told(request)
    if start or computed:
        told = [told, _start_told(start), computed]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


def _told(request: GenerationRequest) -> dict[str, Any]:
    as_floats: dict[str, Any] = {n: float(getattr(request, n)) for n in ("shift", "guidance", "guidance_above_t")}
    return asdict(replace(request, seed=0, **as_floats))


def _start_told(start: Start | None) -> list[Any]:
    """A chain of beginnings, the last one first."""
    match start:
        case None:
            return []
        case ScanStart():
            return [start.mode, start.slices, hashlib.sha256(start.scan.hu.data).hexdigest()]
        case _:
            kept = getattr(start, "chunks", None)
            return [type(start).__name__, kept, _told(start.request), _start_told(start.start)]


class Run(Job):
    """One volume that can be shown.

    `request`: what it is made from; None for what was opened rather than made, a scan. `start`: what it begins with.
    `title`: what it is, in words; "" for an ordinary run. `is_computed`: whether it was computed from other volumes.
    """

    def __init__(
        self,
        *,
        run_id: str,
        request: GenerationRequest | None,
        folder: Path,
        visitor: str,
        start: Start | None = None,
        title: str = "",
        is_computed: bool = False,
        clock: Clock = time,
    ) -> None:
        super().__init__(run_id=run_id, folder=folder, visitor=visitor, clock=clock)
        self.request = request
        self.start = start
        self.title = title
        self.is_computed = is_computed
        self.shape: tuple[int, int, int] | None = None  # slices, rows, columns
        self.affine: np.ndarray | None = None
        self.chunks: list[Chunk] = []
        self._draft: Chunk | None = None

    @property
    def digest(self) -> str:
        """See `digest`; "" for a scan."""
        computed = self.title if self.is_computed else ""
        return digest(self.request, self.start, computed) if self.request else ""

    @property
    def slices_made(self) -> int:
        return sum(chunk.shape[0] for chunk in self.chunks)

    @property
    def draft(self) -> Chunk | None:
        """A draft to look at until its slices are made. It is no part of the volume."""
        if self._draft is None or self.ended or self.slices_made >= self._draft.shape[0]:
            return None
        return self._draft

    @property
    def steps_total(self) -> int:
        """The number of steps of the whole run, if no chunk ends the volume early. 0 for a scan."""
        return self.request.chunks * self.request.steps if self.request else 0

    @property
    def chunks_total(self) -> int:
        return self.request.chunks if self.request else 0

    @property
    def is_scan(self) -> bool:
        """Whether it was opened rather than made."""
        return self.request is None

    def missing(self) -> tuple[str, int]:
        """ "48 of 96 slices" of a volume that is not whole, else "", and how many it has now."""
        with self.news:
            slices, whole = self.slices_made, self.state == "finished"
            return "" if whole or self.shape is None else f"{slices} of {self.shape[0]} slices", slices

    def make(self, generator: VolumeGenerator) -> State:
        """See `Job.make`. A scan is there already."""
        if self.request is None:
            return "finished"
        # Generators have `close`; the protocol promises an Iterator, which need not.
        with closing(generator.stream(self.request, self.start)) as events:
            for event in events:
                self.record(event)
                if self.stopping and not isinstance(event, Finished):
                    return "stopped"
        return "finished"

    def record(self, event: Event) -> None:
        """Keeps what an event brings. Raises ResourceError if the disk has no room for a chunk."""
        match event:
            case Started():
                with self.news:
                    self.shape, self.affine = event.shape, event.affine
                    self.bump()
            case StepDone():
                self._record_step(event)
            case Drafted():
                draft = store(event.hu, event.first_slice, self.folder, "-draft")
                with self.news:
                    self._draft = draft
                    self.bump()
            case ChunkDone() if len(event.hu):
                chunk = store(event.hu, event.first_slice, self.folder)
                with self.news:
                    self.chunks.append(chunk)
                    self.bump()
            case Finished():
                self._record_last_slice()

    def take(self, volume: Volume, slices_per_chunk: int) -> None:
        """Takes a whole volume that is there already, and ends. Raises ResourceError if the disk has no room for it."""
        with self.news:
            self.shape, self.affine = (volume.hu.shape[0], volume.hu.shape[1], volume.hu.shape[2]), volume.affine
        for chunk, first in enumerate(range(0, len(volume.hu), slices_per_chunk)):
            self.record(ChunkDone(chunk, first, volume.hu[first : first + slices_per_chunk]))
        self._record_last_slice()
        self.end("finished")

    def volume(self, slices: int | None = None) -> Volume:
        """What has been made so far, or what there was when it had `slices`. Raises RequestError if that is nothing."""
        with self.news:
            chunks = [chunk for chunk in self.chunks if slices is None or chunk.first_slice < slices]
            affine = self.affine
        if not chunks or affine is None:
            raise RequestError("There are no slices yet. Wait for the first ones.")
        return Volume(load(chunks), affine)

    def _record_step(self, step: StepDone) -> None:
        """Chunks that the model still has take no step, and those before a shared chunk may be made again."""
        steps = self.request.steps if self.request else 0
        self.record_step(max(self.steps_done, min(step.chunk * steps + step.step + 1, self.steps_total)))

    def _record_last_slice(self) -> None:
        """A volume may end before all slices that were announced, and then fewer steps were needed."""
        with self.news:
            if self.shape is not None:
                self.shape = (self.slices_made, self.shape[1], self.shape[2])
            self.steps_done = self.steps_total
