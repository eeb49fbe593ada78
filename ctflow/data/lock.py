"""One run at a time in a folder. The system lets go of the lock when the run ends, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctflow.errors import DatasetError
from ctflow.io.files import make_folder

LOCK = ".lock"


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Raises DatasetError if another run is at work in the folder, CTFlowError if it cannot be written to."""
    make_folder(folder)
    with (folder / LOCK).open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DatasetError(
                f"{folder} is being written by another run. Wait until it has ended, or name another folder."
            ) from error
        yield
