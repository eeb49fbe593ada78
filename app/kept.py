"""The runs that a server keeps, and which of them go when they are old, too many or too large."""

import threading
from collections.abc import Iterable

from app.clock import Clock
from app.job import Job
from ctflow.errors import ResourceError


class KeptRuns:
    """Runs by their ids. None goes that has not ended, or that somebody looks at.

    `most`: how many are kept; `keep_s`: for how long after somebody last looked; `watched_s`: how long after its last
    question a page counts as looking; `disk_bytes`: what all files together may take.
    """

    def __init__(self, *, most: int, keep_s: float, watched_s: float, disk_bytes: int, clock: Clock) -> None:
        self._most = most
        self._keep_s = keep_s
        self._watched_s = watched_s
        self._disk_bytes = disk_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: dict[str, Job] = {}

    def add(self, run: Job) -> None:
        with self._lock:
            self._runs[run.id] = run

    def get(self, run_id: object) -> Job | None:
        with self._lock:
            return self._runs.get(run_id) if isinstance(run_id, str) else None

    def all(self) -> list[Job]:
        with self._lock:
            return list(self._runs.values())

    def is_watched(self, run: Job) -> bool:
        """Whether a page has asked for it lately."""
        return self._clock.monotonic() - run.seen_at_s < self._watched_s

    def remove_expired(self) -> None:
        """Removes what is too old, and the oldest of what is too many."""
        now_s = self._clock.monotonic()
        with self._lock:
            surplus = len(self._runs) - self._most
            expired = [
                run
                for place, run in enumerate(self._removable())
                if place < surplus or now_s - max(run.ended_at_s or now_s, run.seen_at_s) > self._keep_s
            ]
            self._forget(expired)
        _remove_files(expired)

    def make_room(self, wanted_bytes: int) -> bool:
        """Whether so many more bytes may be written. Removes old runs for that, the one that ended first before others.

        Raises ResourceError for more bytes than all runs together may have.
        """
        if wanted_bytes > self._disk_bytes:
            raise ResourceError("This is beyond the server's disk limit. Ask for fewer chunks, or for fewer volumes.")
        used = {run: run.disk_bytes() for run in self.all()}  # without the lock: the disk may be slow
        missing = sum(used.values()) + wanted_bytes - self._disk_bytes
        removed = []
        with self._lock:
            for run in self._removable():
                if missing <= 0:
                    break
                missing -= used.get(run, 0)
                removed.append(run)
            self._forget(removed)
        _remove_files(removed)
        return missing <= 0

    def _removable(self) -> list[Job]:
        """The one that ended first comes first."""
        removable = [run for run in self._runs.values() if run.ended and not self.is_watched(run)]
        return sorted(removable, key=lambda run: run.ended_at_s or 0.0)

    def _forget(self, runs: Iterable[Job]) -> None:
        for run in runs:
            del self._runs[run.id]


def _remove_files(runs: Iterable[Job]) -> None:
    """Takes its time, so it is done without the lock, which everybody who asks for news needs."""
    for run in runs:
        run.remove_files()
