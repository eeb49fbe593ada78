"""Follows the process that reads a scan (app/open_scan.py), and takes up what it tells."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

import numpy as np

from app.chunks import Chunk
from app.messages import WorkerBug
from app.runs import Runs
from app.scan import Scan
from ctflow.errors import RequestError
from ctflow.io.unpack import UnpackLimits

_log = logging.getLogger(__name__)
_HOME = Path(__file__).parents[1]  # where the process finds this app
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_LOOK_AGAIN_S = 0.2
_BROKE_OFF = "The scan cannot be read: its reader broke off. Is it whole?"


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


class ScanReader:
    """The process that reads one scan, for as long as this is entered. `turn`: a lock, held by whoever reads."""

    def __init__(self, scan: Scan, limits: ScanLimits, runs: Runs, turn: threading.Lock) -> None:
        self._scan, self._limits, self._runs, self._turn = scan, limits, runs, turn
        self._told: SimpleQueue[str] = SimpleQueue()
        self._until_s = time.monotonic() + limits.reading_s

    def __enter__(self) -> "ScanReader":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.open_scan", str(self._scan.folder)],
            cwd=_HOME,
            env={**os.environ, **_ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        threading.Thread(target=self._hear, name=f"hear-{self._scan.id[:6]}", daemon=True).start()
        limits = self._limits
        self._answer(
            {
                "geometry": asdict(self._runs.generator.card.geometry),
                "limits": asdict(UnpackLimits(files=limits.files, unpacked_bytes=limits.unpacked_bytes)),
                "voxels": limits.voxels,
                "memory_bytes": limits.memory_bytes,
            }
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            _there(stream).close()

    def follow(self) -> None:
        """Takes up what it tells until it is done or the scan is to stop. Raises RequestError for one it can't open."""
        while not self._scan.stopping:
            try:
                line = self._told.get(timeout=_LOOK_AGAIN_S)
            except Empty:
                if time.monotonic() > self._until_s:
                    raise RequestError("The scan takes too long to read. Open a smaller one.") from None
                continue
            if not line:
                self._check_done()
                return
            self._take(json.loads(line))

    def _hear(self) -> None:
        """Its end is an empty line."""
        stdout = _there(self._process.stdout)
        for line in iter(stdout.readline, ""):
            self._told.put(line)
        self._told.put("")

    def _answer(self, said: Any) -> None:
        stdin = _there(self._process.stdin)
        try:
            stdin.write(json.dumps(said) + "\n")
            stdin.flush()
        except BrokenPipeError:
            return  # it has ended, as `follow` hears

    def _take(self, told: dict[str, Any]) -> None:
        scan = self._scan
        match told:
            case {"needs": needed_bytes}:
                self._answer(self._runs.has_room(needed_bytes))
            case {"series": series}:
                self._answer(self._choice(series))
            case {"shape": shape, "affine": affine, "is_synthetic": is_synthetic}:
                scan.place(shape, np.array(affine), is_synthetic)
            case {"first": first, "slices": slices, "name": name} if scan.shape:
                with scan.news:
                    scan.chunks.append(Chunk(first, (slices, *scan.shape[1:]), scan.folder / name))
                    scan.bump()
            case {"unfit": words}:
                scan.unfit = words
            case {"sha256": sha256}:
                scan.sha256 = sha256
            case {"problem": words}:
                raise RequestError(words)
            case {"bug": places}:
                raise WorkerBug(places)

    def _choice(self, series: list[dict[str, Any]]) -> int:
        """Waits for a person, while others may read their scans. Raises RequestError if nobody chooses."""
        scan = self._scan
        self._turn.release()
        try:
            with scan.news:
                scan.series = series
                scan.bump()
                has_chosen = scan.news.wait_for(lambda: scan.chosen is not None or scan.stopping, self._limits.idle_s)
                scan.series = []
        finally:
            self._turn.acquire()
        if not has_chosen:
            raise RequestError("Nobody has chosen one of its series. Open the scan again.")
        self._until_s = time.monotonic() + self._limits.reading_s
        return scan.chosen or 0

    def _check_done(self) -> None:
        if not (self._scan.unfit or self._scan.sha256):
            _log.error("the reader of a scan ended with %s", self._process.wait())
            raise RequestError(_BROKE_OFF)


def _there(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise AssertionError("the process was started with pipes")
    return stream
