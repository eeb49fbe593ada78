"""A scan that somebody opens: its bytes as they arrive, and what is known of it until it can be shown like any run."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.chunks import NOT_WRITTEN
from app.clock import Clock
from app.job import State
from app.run import Run
from ctflow.errors import RequestError, ResourceError
from ctflow.io.unpack import own_name
from ctflow.request import ScanStart

TITLE = "Scan"
MADE_HERE = "Opened volume"  # the title of a volume that CTFlow has made


@dataclass(frozen=True)
class SentFile:
    """One of the files of a scan. `kind`: a name of the same kind as its own (`own_name`), which nobody tells us."""

    size: int
    kind: str


class Scan(Run):
    """A run that is opened and not made. Its files arrive in order, as one stream of bytes.

    `series`: those to choose from, in words, while a choice is needed. `starts`: on the model's grid, by mode and
    number of slices, so that volumes that begin alike share one. `unfit`: why it can't be continued, in words.
    `is_synthetic`: whether its file says that CTFlow has made it.
    """

    def __init__(
        self, *, files: Sequence[SentFile], run_id: str, folder: Path, visitor: str, clock: Clock = time
    ) -> None:
        super().__init__(request=None, run_id=run_id, folder=folder, visitor=visitor, title=TITLE, clock=clock)
        self.files = files
        self.size = sum(file.size for file in files)
        self.received = 0
        self.series: list[dict[str, Any]] = []
        self.chosen: int | None = None
        self.unfit = ""
        self.is_synthetic = False
        self.sha256 = ""
        self.starts: dict[tuple[str, int], ScanStart] = {}
        self.sent_folder = folder / "sent"
        self.sent_folder.mkdir()
        self._number = self._within = 0  # the file that is arriving, and how much of it is there
        for number in [number for number, file in enumerate(files) if not file.size]:
            self._path(number).touch()

    @property
    def has_arrived(self) -> bool:
        return self.received == self.size

    @property
    def share(self) -> float:
        """How much of it is done: half is for receiving it, half for reading it."""
        read = self.slices_made / self.shape[0] if self.shape else 0.0
        return (self.received / self.size + read) / 2

    def receive(self, offset: int, data: bytes) -> int:
        """Adds bytes that begin at `offset` of the stream, and returns how many are there now.

        Those that are there already, because the answer was lost, and those that come too early are left out: whoever
        sends them goes on from the number that is returned. Raises ResourceError if they cannot be written.
        """
        with self.news:
            self.mark_seen()
            if offset != self.received or self.ended or self.stopping:
                return self.received
            self._write(data[: self.size - offset])
            self.received += min(len(data), self.size - offset)
            self.bump()
            return self.received

    def adopt(self, path: Path) -> None:
        """Takes a file that is there already, in the place of all bytes that would be sent."""
        with self.news:
            path.replace(self._path(0))
            self.received = self.size
            self.bump()

    def choose(self, number: int) -> None:
        """Says which of `series` to open, counted from 0. Raises RequestError for one that is not there."""
        with self.news:
            if type(number) is not int or not 0 <= number < len(self.series):
                raise RequestError(f"A series is a whole number from 0 to {len(self.series) - 1}; got {number!r}.")
            self.chosen, self.series = number, []  # now, so that nobody is asked again
            self.bump()

    def end_without(self, state: State, message: str) -> None:
        """Ends, and keeps nothing of what was sent or read."""
        self.remove_files()
        with self.news:
            self.shape, self.chunks = None, []
            self.end(state, message)

    def place(self, shape: Sequence[int], affine: np.ndarray, is_synthetic: bool) -> None:
        """What is known before its voxels are."""
        with self.news:
            self.shape, self.affine, self.is_synthetic = (shape[0], shape[1], shape[2]), affine, is_synthetic
            self.title = MADE_HERE if is_synthetic else TITLE
            self.bump()

    def remove_sent(self) -> None:
        """What was sent is needed no longer."""
        shutil.rmtree(self.sent_folder, ignore_errors=True)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                file = self.files[self._number]
                piece = data[: file.size - self._within]
                with self._path(self._number).open("ab") as out:
                    out.write(piece)
                data, self._within = data[len(piece) :], self._within + len(piece)
                if self._within == file.size:
                    self._number, self._within = self._number + 1, 0
        except OSError as error:
            raise ResourceError(NOT_WRITTEN) from error

    def _path(self, number: int) -> Path:
        return self.sent_folder / own_name(number + 1, self.files[number].kind)
