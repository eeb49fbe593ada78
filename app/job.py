"""What takes a turn on the model: one volume in the making, or a question that makes several."""

import shutil
import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Literal

from app.clock import Clock
from ctflow.generator import VolumeGenerator

State = Literal["waiting", "running", "finished", "stopped", "failed"]
ENDED: tuple[State, ...] = ("finished", "stopped", "failed")


class Job(ABC):
    """Only its driver writes to it, always under `news`; readers take `news` too.

    `visitor`: who asked for it, by the name that the page or the program gives itself.
    Times that end in `_at_s` are moments of the clock.
    """

    def __init__(self, *, run_id: str, folder: Path, visitor: str, clock: Clock = time) -> None:
        self.id = run_id
        self.folder = folder
        self.visitor = visitor
        self.news = threading.Condition(threading.RLock())
        self.version = 0
        self.state: State = "waiting"
        self.message = ""
        self.steps_done = 0
        self.has_driver = False
        self.seen_at_s = clock.monotonic()
        self.began_at_s: float | None = None
        self.first_step_at_s: float | None = None
        self.last_step_at_s: float | None = None
        self.ended_at_s: float | None = None
        self._steps_made = 0  # on the model, while chunks that it remembers count as done at once
        self._clock = clock
        self._stop = threading.Event()
        self.folder.mkdir(parents=True)

    @property
    @abstractmethod
    def steps_total(self) -> int:
        """The number of its steps, if no chunk ends a volume early."""

    @property
    @abstractmethod
    def chunks_total(self) -> int:
        """How many chunks its volumes have at most, all together."""

    @abstractmethod
    def make(self, generator: VolumeGenerator) -> State:
        """Makes it, until it is done or is to stop, and returns how it ended. Raises CTFlowError."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def become_driver(self) -> bool:
        """Makes the caller the driver, who takes it to its end. False if it has a driver already."""
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

    def record_step(self, done: int) -> None:
        """A step was made, and now so many are `done`. It makes no new version: there may be a hundred in a second."""
        with self.news:
            self.last_step_at_s = self._clock.monotonic()
            if self.first_step_at_s is None:
                self.first_step_at_s = self.last_step_at_s
            self._steps_made += 1
            self.steps_done = done

    def elapsed_s(self) -> float:
        """Seconds that the model has spent on it so far, or in all once it has ended."""
        if self.began_at_s is None:
            return 0.0
        until_s = self._clock.monotonic() if self.ended_at_s is None else self.ended_at_s
        return until_s - self.began_at_s

    def step_s(self) -> float | None:
        """Seconds per step since the first one, which often pays for warming up. None until two are done."""
        with self.news:
            if self.first_step_at_s is None or self.last_step_at_s is None or self._steps_made < 2:
                return None
            return (self.last_step_at_s - self.first_step_at_s) / (self._steps_made - 1)

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
            for path in self.folder.rglob("*"):
                with suppress(FileNotFoundError):
                    total += path.stat().st_size
        return total

    def remove_files(self) -> None:
        """Removes its files once nobody can find it any more."""
        shutil.rmtree(self.folder, ignore_errors=True)
