"""Real scans that people open: received, read in a process of their own, and kept like runs."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from app.chunks import Chunk
from app.messages import WorkerBug, error_text, log_bug
from app.open_scan import ON_GRID
from app.runs import Runs
from app.scan import Scan, SentFile
from ctflow.errors import CTFlowError, RequestError, ResourceError
from ctflow.io.unpack import UnpackLimits
from ctflow.request import ScanMode, ScanStart
from ctflow.volume import Volume

_log = logging.getLogger(__name__)
_HOME = Path(__file__).parents[1]
_LOOK_AGAIN_S = 0.2
_BROKE_OFF = "The scan cannot be read: its reader broke off. Is it whole?"
_STOPPED = "Stopped."
_KIND_LETTERS = 16


@dataclass(frozen=True, kw_only=True)
class ScanLimits:
    """How large a scan may be, and how long it may take.

    `files` and `sent_bytes`: as they are sent; `unpacked_bytes`: out of their archive; `voxels`: as a page takes them.
    `opening` and `opening_each`: how many may be opened at once, by everybody and by one visitor. `idle_s`: how long
    after its last bytes, or after a question that nobody answers, one is given up. `reading_s`: how long reading may
    take.
    """

    files: int = 5000
    sent_bytes: int = 10**9
    unpacked_bytes: int = 2 * 10**9
    voxels: int = 160 * 10**6
    memory_bytes: int = 6 * 10**9
    opening: int = 8
    opening_each: int = 1
    idle_s: float = 120
    reading_s: float = 300


class Scans:
    """The scans of one server, kept among its runs. One at a time is read, because each takes much memory."""

    def __init__(self, runs: Runs, limits: ScanLimits = ScanLimits()) -> None:
        self.runs = runs
        self.limits = limits
        self._reading = threading.Lock()

    def begin(self, visitor: str, run_id: str | None, files: Sequence[SentFile]) -> Scan:
        """A scan whose bytes may now be sent. Whoever asks again with the same id gets the same one.

        Raises RequestError or ResourceError for one that is too large, or if too many are being opened.
        """
        self._check(files)
        if not self.runs.make_room(sum(file.size for file in files)):
            raise ResourceError("Its disk is full of volumes that people are looking at. Come back later.")
        scan = self.runs.put_beside(partial(Scan, files=files), visitor, run_id, self._check_opening)
        if not isinstance(scan, Scan):
            raise RequestError("This id is a run's. Reload the page.")
        if scan.become_driver():
            scan.begin()
            threading.Thread(target=self._drive, args=(scan,), name=f"scan-{scan.id[:6]}", daemon=True).start()
        return scan

    def get(self, run_id: object) -> Scan:
        """Raises RequestError for a run that is no scan, or that is not there."""
        run = self.runs.get(run_id)
        if not isinstance(run, Scan):
            raise RequestError("This scan is no longer on the server. Open it again.")
        return run

    def start_of(self, scan: Scan, mode: ScanMode, slices: int) -> ScanStart:
        """What a volume begins with that goes on from a scan. Raises RequestError for a scan that cannot be continued.

        `slices`: how many of the scan's stand at its beginning.
        """
        if scan.unfit or not scan.sha256:
            raise RequestError(scan.unfit or "This scan is not open yet. Wait until it is.")
        with scan.news:
            if (mode, slices) not in scan.starts:
                scan.starts[mode, slices] = ScanStart(mode, _on_grid(scan), slices, scan.sha256)
            return scan.starts[mode, slices]

    def _check(self, files: Sequence[SentFile]) -> None:
        limits, sent_bytes = self.limits, sum(file.size for file in files)
        if not sent_bytes:
            raise RequestError("There is nothing in what was sent: it has 0 bytes. Choose a scan.")
        if len(files) > limits.files:
            raise RequestError(f"A scan has at most {limits.files:,} files; got {len(files):,}. Open one series of it.")
        if sent_bytes > limits.sent_bytes:
            raise RequestError(
                f"A scan has at most {limits.sent_bytes / 1e6:,.0f} MB; this one has {sent_bytes / 1e6:,.0f} MB. Open a "
                "part of it."
            )

    def _check_opening(self, visitor: str) -> None:
        opening = [run for run in self.runs.all() if isinstance(run, Scan) and not run.ended]
        if sum(scan.visitor == visitor for scan in opening) >= self.limits.opening_each:
            raise RequestError("Another of your scans is being opened. Wait until it is, or stop it.")
        if len(opening) >= self.limits.opening:
            raise ResourceError("Too many scans are being opened. Try again in a minute.")

    def _drive(self, scan: Scan) -> None:
        try:
            self._await_bytes(scan)
            with self._reading:
                if not scan.stopping:
                    self._read(scan)
            scan.end(*(("stopped", _STOPPED) if scan.stopping else ("finished",)))
        except CTFlowError as error:
            scan.end("failed", error_text(error))
        except Exception as error:  # the one place where a bug of ours must not leave a scan that never ends
            scan.end("failed", log_bug(error))
        finally:
            scan.remove_sent()

    def _await_bytes(self, scan: Scan) -> None:
        """Returns when all are there, or when it is to stop. Raises RequestError if no more come."""
        with scan.news:
            while not (scan.has_arrived or scan.stopping):
                before = scan.received
                came = scan.news.wait_for(
                    lambda: scan.received > before or scan.stopping,
                    self.limits.idle_s,  # noqa: B023 (used at once)
                )
                if not came:
                    raise RequestError("The rest of the scan never came. Open it again.")

    def _read(self, scan: Scan) -> None:
        with _Reader(scan, self.limits, self.runs) as reader:
            reader.follow()


class _Reader:
    """The process that reads one scan, and what it tells."""

    def __init__(self, scan: Scan, limits: ScanLimits, runs: Runs) -> None:
        self._scan, self._limits, self._runs = scan, limits, runs
        self._told: SimpleQueue[str] = SimpleQueue()

    def __enter__(self) -> "_Reader":
        one_thread = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.open_scan", str(self._scan.folder)],
            cwd=_HOME,
            env={**os.environ, **one_thread},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        threading.Thread(target=self._hear, name=f"hear-{self._scan.id[:6]}", daemon=True).start()
        limits, geometry = self._limits, self._runs.generator.card.geometry
        self._answer(
            {
                "geometry": asdict(geometry),
                "limits": asdict(UnpackLimits(files=limits.files, unpacked_bytes=limits.unpacked_bytes)),
                "voxels": limits.voxels,
                "memory_bytes": limits.memory_bytes,
            }
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def follow(self) -> None:
        """Takes up what it tells until it is done or the scan is to stop. Raises CTFlowError if it cannot be opened."""
        ...
