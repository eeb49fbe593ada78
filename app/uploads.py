"""Files that programs send before they ask for them: each lies in a folder of its own, until it is opened or is old."""

import secrets
import shutil
import time
from pathlib import Path
from typing import IO

from app.chunks import NOT_WRITTEN
from app.clock import Clock
from app.runs import Runs
from ctflow.errors import RequestError, ResourceError
from ctflow.io.unpack import own_name

KEEP_S = 600


class Uploads:
    """Those of one server, below the folder of its runs. Nothing is known of a file but its bytes and its ending."""

    def __init__(self, runs: Runs, most_bytes: int, clock: Clock = time) -> None:
        self._runs, self._most_bytes, self._clock = runs, most_bytes, clock
        self._folder = runs.root / "uploads"
        self._kept: dict[Path, float] = {}  # since when

    def take(self, name: str, file: IO[bytes]) -> Path:
        """Keeps what is in an open file. Raises CTFlowError if it is too large or cannot be written."""
        self._remove_old()
        size = file.seek(0, 2)
        file.seek(0)
        if size > self._most_bytes:
            raise RequestError(f"A file has at most {self._most_bytes / 1e6:,.0f} MB; got {size / 1e6:,.0f} MB.")
        if not self._runs.has_room(size):
            raise ResourceError("Its disk is full of volumes that people are looking at. Come back later.")
        path = self._folder / secrets.token_urlsafe(16) / own_name(1, name)
        try:
            path.parent.mkdir(parents=True)
            with path.open("wb") as out:
                shutil.copyfileobj(file, out)
        except OSError as error:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise ResourceError(NOT_WRITTEN) from error
        self._kept[path] = self._clock.monotonic()
        return path

    def give(self, path: str) -> Path:
        """A file that was taken, for whoever moves it away. Raises RequestError for one that is not there."""
        if Path(path) not in self._kept:
            raise RequestError("This file is no longer on the server. Send it again.")
        del self._kept[Path(path)]
        return Path(path)

    def _remove_old(self) -> None:
        now_s = self._clock.monotonic()
        for path in [path for path, since_s in self._kept.items() if now_s - since_s > KEEP_S]:
            self._kept.pop(path, None)
            shutil.rmtree(path.parent, ignore_errors=True)
