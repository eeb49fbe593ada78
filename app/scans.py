"""Real scans that people open: received, read in a process of their own, and kept like runs."""

import threading
from collections.abc import Sequence
from functools import partial

import numpy as np

from app.messages import error_text, log_bug
from app.open_scan import ON_GRID
from app.runs import Runs
from app.scan import Scan, SentFile
from app.scan_reader import ScanLimits, ScanReader
from ctflow.errors import CTFlowError, RequestError, ResourceError
from ctflow.request import ScanMode, ScanStart
from ctflow.volume import Volume

_STOPPED = "Stopped."


class Scans:
    """The scans of one server, kept among its runs. One at a time is read, because each takes much memory."""

    def __init__(self, runs: Runs, limits: ScanLimits = ScanLimits()) -> None:  # noqa: B008
        self.runs = runs
        self.limits = limits
        self._reading = threading.Lock()

    def begin(self, visitor: str, run_id: str | None, files: Sequence[SentFile]) -> Scan:
        """A scan whose bytes may now be sent. Whoever asks again with the same id gets the same one.

        Raises RequestError or ResourceError for one that is too large, or if too many are being opened.
        """
        self._check(files)
        if not self.runs.has_room(sum(file.size for file in files)):
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
                f"A scan has at most {limits.sent_bytes / 1e6:,.0f} MB; got {sent_bytes / 1e6:,.0f} MB. Open a part of "
                "it."
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
        except CTFlowError as error:
            scan.end_without("failed", error_text(error))
        except Exception as error:  # the one place where a bug of ours must not leave a scan that never ends
            scan.end_without("failed", log_bug(error))
        else:
            if scan.stopping:
                scan.end_without("stopped", _STOPPED)
            else:
                scan.remove_sent()
                scan.end("finished")

    def _await_bytes(self, scan: Scan) -> None:
        """Returns when all are there, or when it is to stop. Raises RequestError if no more come."""
        with scan.news:
            while not (scan.has_arrived or scan.stopping):
                if not scan.news.wait(self.limits.idle_s):
                    raise RequestError("The rest of the scan never came. Open it again.")

    def _read(self, scan: Scan) -> None:
        with ScanReader(scan, self.limits, self.runs, self._reading) as reader:
            reader.follow()


def _on_grid(scan: Scan) -> Volume:
    try:
        with np.load(scan.folder / ON_GRID) as arrays:
            return Volume(arrays["hu"], arrays["affine"])
    except OSError as error:
        raise RequestError("This scan is no longer on the server. Open it again.") from error
