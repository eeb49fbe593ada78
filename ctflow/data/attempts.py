"""How often workers began with something and came to no end: they may all have died over it."""

from pathlib import Path

from ctflow.errors import ResourceError, VolumeError
from ctflow.io.files import written

MOST_ATTEMPTS = 3  # Ray would replace workers for ever, over a volume that kills each of them
GIVEN_UP = f"{MOST_ATTEMPTS} workers died over it. Is their memory too small?"
_ENDING = ".attempts"


def begin_attempt(folder: Path, number: int) -> int:
    """Notes that a worker begins with the volume of a number -> how often one did in this run, this time included.

    Raises ResourceError where the disk refuses, which says nothing of the volume.
    """
    path = _path(folder, number)
    try:
        with written(path), path.open("ab") as file:
            file.write(b".")
    except VolumeError as error:
        raise ResourceError(str(error)) from error
    return path.stat().st_size


def attempts_at(folder: Path, number: int) -> int:
    """How often a worker began with a volume in this run and came to no end."""
    path = _path(folder, number)
    return path.stat().st_size if path.exists() else 0


def end_attempts(folder: Path, number: int) -> None:
    """Notes that a worker came to an end with a volume."""
    _path(folder, number).unlink(missing_ok=True)


def forget_attempts(folder: Path) -> None:
    """Those of an earlier run say nothing of this one."""
    for path in folder.glob(f"*{_ENDING}"):
        path.unlink()


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:06}{_ENDING}"
