"""One volume in the making, and what is known about it."""

import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np

from app.chunks import Chunk, load, store
from ctflow.errors import RequestError
from ctflow.generator import (
    ChunkDone,
    Event,
    Finished,
    Started,
    StepDone,
)
from ctflow.request import GenerationRequest
from ctflow.volume import Volume

State = Literal["waiting", "running", "finished", "stopped", "failed"]
# A page asks every few seconds, but a browser lets a tab in the background speak once a minute.
WATCHED_S = 180


class Run:
    """One volume in the making. Whoever drives it alone writes to it, always under `news`; readers take `news` too.

    `visitor`: who asked for it, as the page or the program names itself, and `round`: in which round of turns it is.
    """

    def __init__(self, run_id: str, request: GenerationRequest, root: Path, visitor: str, turn: int) -> None:
        self.id = run_id
        self.folder = root / run_id
        self.folder.mkdir(parents=True)
        self.request = request
        self.visitor = visitor
        self.round = turn
        self.news = threading.Condition(threading.RLock())
        self.version = 0
        self.state: State = "waiting"
        self.message = ""
        self.shape: tuple[int, int, int] | None = None
        self.affine: np.ndarray | None = None
        self.chunks: list[Chunk] = []
        self.steps_done = 0
        self.started_s: float | None = None
        self.first_step_s: float | None = None
        self.last_step_s: float | None = None
        self.ended_s: float | None = None
        self.seen_s = time.monotonic()
        self._stop = threading.Event()
        self.called = threading.Event()  # by what ends its waiting: its turn has come, or it is stopped
        self.claimed = False

    @property
    def over(self) -> bool:
        return self.state in ("finished", "stopped", "failed")

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def watched(self) -> bool:
        """Whether a page has asked for it lately."""
        return time.monotonic() - self.seen_s < WATCHED_S

    @property
    def slices(self) -> int:
        """The number of slices made so far."""
        return sum(chunk.shape[0] for chunk in self.chunks)

    @property
    def steps(self) -> int:
        """The number of steps of the whole run, if no chunk ends the volume early."""
        return self.request.chunks * self.request.steps

    def claim(self) -> bool:
        """Whether the caller is the first who wants to drive it."""
        with self.news:
            first, self.claimed = not self.claimed, True
            return first

    def ask_to_stop(self) -> None:
        self._stop.set()
        self.called.set()
        self.tell()

    def volume(self, slices: int | None = None) -> Volume:
        """What has been made so far, or at the time when that was `slices`. Raises RequestError where it is nothing."""
        with self.news:
            chunks = [chunk for chunk in self.chunks if slices is None or chunk.first_slice < slices]
            affine = self.affine
        if not chunks or affine is None:
            raise RequestError("There are no slices yet. Wait for the first ones.")
        return Volume(load(chunks), affine)

    def begin(self) -> None:
        with self.news:
            self.started_s = time.monotonic()
            self.state, self.message = "running", ""
            self.tell()

    def explain(self, message: str) -> None:
        """Says why it waits."""
        with self.news:
            if message != self.message:
                self.message = message
                self.tell()

    def end(self, state: State, message: str) -> None:
        with self.news:
            self.ended_s = time.monotonic()
            self.state, self.message = state, message
            self.tell()

    def take(self, event: Event) -> None:
        """Keeps what an event brings. Steps are no news of their own: there may be a hundred in a second.

        Raises ResourceError where the disk has no room for a chunk.
        """
        match event:
            case Started():
                with self.news:
                    self.shape, self.affine = event.shape, event.affine
                    self.tell()
            case StepDone():
                self._count_step()
            case ChunkDone() if len(event.hu):
                chunk = store(event.hu, event.first_slice, self.folder)
                with self.news:
                    self.chunks.append(chunk)
                    self.tell()
            case Finished():
                with self.news:
                    self.shape = event.shape
                    self.steps_done = self.steps

    def tell(self) -> None:
        """Wakes whoever waits for news."""
        with self.news:
            self.version += 1
            self.news.notify_all()

    def elapsed_s(self) -> float:
        """How long the model has been at it."""
        if self.started_s is None:
            return 0.0
        return (self.ended_s or time.monotonic()) - self.started_s

    def step_s(self) -> float | None:
        """Seconds per step since the first one, which often pays for warming up. None until two are done."""
        with self.news:
            if self.first_step_s is None or self.last_step_s is None or self.steps_done < 2:
                return None
            return (self.last_step_s - self.first_step_s) / (self.steps_done - 1)

    def left_s(self) -> float | None:
        """Seconds until it is done, by its pace so far. None where there is no pace yet."""
        with self.news:
            pace_s = self.step_s()
            if pace_s is None or self.last_step_s is None:
                return None
            return max(0.0, pace_s * (self.steps - self.steps_done) - (time.monotonic() - self.last_step_s))

    def disk_bytes(self) -> int:
        """What it takes now; a file that is being written, or all of them, may go while we look."""
        total = 0
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                with suppress(FileNotFoundError):
                    total += path.stat().st_size
        return total

    def remove(self) -> None:
        """Removes its files. The registry has forgotten it already."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _count_step(self) -> None:
        with self.news:
            self.last_step_s = time.monotonic()
            self.first_step_s = self.first_step_s or self.last_step_s
            self.steps_done += 1
