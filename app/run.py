"""One volume that can be shown, made or opened, and what is known about it."""

import hashlib
import json
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from app.chunks import Chunk, load, store
from app.clock import Clock
from ctflow.errors import RequestError
from ctflow.generator import ChunkDone, Drafted, Event, Finished, Started, StepDone
from ctflow.request import GenerationRequest, Start
from ctflow.volume import Volume

State = Literal["waiting", "running", "finished", "stopped", "failed"]
ENDED: tuple[State, ...] = ("finished", "stopped", "failed")


def digest(request: GenerationRequest) -> str:
    """Eight digits of a hash of report and settings, the same for all seeds: their files stand together."""
    as_floats: dict[str, Any] = {n: float(getattr(request, n)) for n in ("shift", "guidance", "guidance_above_t")}
    fields = asdict(replace(request, seed=0, **as_floats))
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:8]


class Run:
    """One volume that can be shown. Only its driver writes to it, always under `news`; readers take `news` too.

    `request`: what it is made from; None for what was opened rather than made, a scan. `start`: what it begins with.
    `title`: what it is, in words; "" for an ordinary run.
    `visitor`: who asked for it, by the name that the page or the program gives itself.
    Times that end in `_at_s` are moments of the clock.
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
        clock: Clock = time,
    ) -> None:
        self.id = run_id
        self.request = request
        self.start = start
        self.title = title
        self.folder = folder
        self.visitor = visitor
        self.news = threading.Condition(threading.RLock())
        self.version = 0
        self.state: State = "waiting"
        self.message = ""
        self.shape: tuple[int, int, int] | None = None  # slices, rows, columns
        self.affine: np.ndarray | None = None
        self.chunks: list[Chunk] = []
        self._draft: Chunk | None = None
        self.steps_done = 0
        self.has_driver = False
        self.seen_at_s = clock.monotonic()
        self.began_at_s: float | None = None
        self.first_step_at_s: float | None = None
        self.last_step_at_s: float | None = None
        self.ended_at_s: float | None = None
        self._clock = clock
        self._stop = threading.Event()
        self.folder.mkdir(parents=True)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

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
    def is_scan(self) -> bool:
        """Whether it was opened rather than made."""
        return self.request is None

    def become_driver(self) -> bool:
        """Makes the caller the driver, who takes the run to its end. False if it has a driver already."""
        with self.news:
            first = not self.has_driver
            self.has_driver = True
            return first

    def mark_seen(self) -> None:
        """Notes that somebody looks at it now."""
        self.seen_at_s = self._clock.monotonic()

    def ask_to_stop(self) -> None:
        self._stop.set()
        self.bump()

    def bump(self) -> None:
        """Makes a new version of it, and wakes whoever waits for news."""
        with self.news:
            self.version += 1
            self.news.notify_all()

    def set_waiting_reason(self, message: str) -> None:
        """Says why it waits although it is its turn."""
        with self.news:
            if message != self.message:
                self.message = message
                self.bump()

    def begin(self) -> None:
        with self.news:
            self.began_at_s = self._clock.monotonic()
            self.state, self.message = "running", ""
            self.bump()

    def end(self, state: State, message: str = "") -> None:
        with self.news:
            self.ended_at_s = self._clock.monotonic()
            self.state, self.message = state, message
            self.bump()

    def record(self, event: Event) -> None:
        """Keeps what an event brings. A step makes no new version: there may be a hundred in a second.

        Raises ResourceError if the disk has no room for a chunk.
        """
        match event:
            case Started():
                with self.news:
                    self.shape, self.affine = event.shape, event.affine
                    self.bump()
            case StepDone():
                self._record_step()
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

    def volume(self, slices: int | None = None) -> Volume:
        """What has been made so far, or what there was when it had `slices`. Raises RequestError if that is nothing."""
        with self.news:
            chunks = [chunk for chunk in self.chunks if slices is None or chunk.first_slice < slices]
            affine = self.affine
        if not chunks or affine is None:
            raise RequestError("There are no slices yet. Wait for the first ones.")
        return Volume(load(chunks), affine)

    def elapsed_s(self) -> float:
        """Seconds that the model has spent on it so far, or in all once it has ended."""
        if self.began_at_s is None:
            return 0.0
        until_s = self._clock.monotonic() if self.ended_at_s is None else self.ended_at_s
        return until_s - self.began_at_s

    def step_s(self) -> float | None:
        """Seconds per step since the first one, which often pays for warming up. None until two are done."""
        with self.news:
            if self.first_step_at_s is None or self.last_step_at_s is None or self.steps_done < 2:
                return None
            return (self.last_step_at_s - self.first_step_at_s) / (self.steps_done - 1)

    def left_s(self) -> float | None:
        """Seconds until it is done, by its pace so far. None if there is no pace yet."""
        with self.news:
            step_s = self.step_s()
            if step_s is None or self.last_step_at_s is None:
                return None
            since_last_s = self._clock.monotonic() - self.last_step_at_s
            return max(0.0, step_s * (self.steps_total - self.steps_done) - since_last_s)

    def disk_bytes(self) -> int:
        """What its files take now. A file that is being written, or all of them, may go while we look."""
        total = 0
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                with suppress(FileNotFoundError):
                    total += path.stat().st_size
        return total

    def remove_files(self) -> None:
        """Removes its files once nobody can find it any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _record_step(self) -> None:
        with self.news:
            self.last_step_at_s = self._clock.monotonic()
            if self.first_step_at_s is None:
                self.first_step_at_s = self.last_step_at_s
            self.steps_done += 1

    def _record_last_slice(self) -> None:
        """A volume may end before all slices that were announced, and then fewer steps were needed."""
        with self.news:
            if self.shape is not None:
                self.shape = (self.slices_made, self.shape[1], self.shape[2])
            self.steps_done = self.steps_total
