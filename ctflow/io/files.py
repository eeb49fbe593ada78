"""Files appear whole or not at all, and errors say what to do."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ctflow.errors import RequestError, VolumeError

_NO_FOLDER = "Its folder does not exist: create it, or choose another."
_NOT_ALLOWED = "Its folder cannot be written to: choose another, or change its permissions."
_NO_ROOM = "There is no room left: free some, or choose another disk."
_PARTIAL = ".ctflow-"  # how the names of files begin that are being written
_ADVICE = {
    errno.ENOENT: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.ELOOP: "It is a symbolic link that leads to itself: name a file.",
    errno.EISDIR: "It is a folder: name a file in it.",
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: _NOT_ALLOWED,
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
}


def write_atomic(path: Path, data: bytes) -> None:
    """Writes a file that nobody ever sees half of. See `atomic`."""
    with atomic(path) as partial:
        partial.write_bytes(data)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Another name in the same folder, under which to write a file that is renamed to `path` once it is whole.

    If `path` is a symbolic link, the file that it leads to is written, and the link stays.
    Raises VolumeError that says what to do; then nothing is left behind, and an older file at `path` is untouched.
    """
    target = Path(os.path.realpath(path))
    partial = _partial_name(target)
    with written(path):
        try:
            yield partial
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Around what writes `path`: raises VolumeError that says what to do where the system refuses."""
    try:
        yield
    except OSError as error:
        raise _not_written(path, error) from error


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """As `write_atomic`, for a file too large to lie in memory: its pieces are written one after the other."""
    with atomic(path) as partial, partial.open("wb") as file:
        file.writelines(pieces)


def remove_partial(folder: Path) -> None:
    """Removes what writers that were killed in `folder` had not finished. No other may be writing there."""
    for path in folder.glob(f"{_PARTIAL}*"):
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside `path` under which to write a file or a folder, which takes the place of `path` once it is whole.

    A kill at any moment leaves the old or the new one, for `recover` to find. After an error, such as that of a full
    disk, nothing is left of the new one.
    """
    recover(path)
    new, old = _beside(path)
    _remove(new)
    try:
        yield new
    except BaseException:
        _remove(new)
        raise
    if path.is_dir():  # no folder takes the place of a full one in one go
        path.rename(old)
    new.rename(path)
    _remove(old)


def recover(path: Path) -> None:
    """Finishes a `replacing` that was killed at its end. What an earlier kill left is removed by the next one."""
    new, old = _beside(path)
    if old.exists() and not path.exists():
        new.rename(path)
    _remove(old)


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}.new"), path.with_name(f"{path.name}.old")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raises the VolumeError that `write_atomic` would raise, before hours of work are spent on what to write."""
    partial = _partial_name(Path(os.path.realpath(path)))
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "Is a directory")
        partial.touch(exist_ok=False)
        partial.unlink()
    except OSError as error:
        raise _not_written(path, error) from error


def check_unused(folder: Path) -> None:
    """Raises VolumeError for a folder that holds anything: results of two questions must not lie in one."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise VolumeError(f"{folder} is in use: name a folder that is empty, or not there yet.")


def make_folder(folder: Path) -> None:
    """Makes a folder if there is none, and checks that files can be written in it. Raises CTFlowError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"The folder {folder} cannot be made ({error.strerror}): choose another.") from error
    check_writable(folder / "card.json")


def files_below(folder: Path, around: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """All that lies in a folder and in the folders in it, but the folders, in order.

    Links to folders are followed, which `Path.rglob` does not: a set of links to patients' folders would seem empty.
    `around`: the folders around this one, to which a link may lead back. Raises RequestError for a folder that cannot
    be looked into, which `Path.rglob` leaves out.
    """
    here = folder.resolve()
    if here in around:
        return
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise RequestError(f"The folder {folder} cannot be read ({error.strerror}): allow it, or remove it.") from error
    for path in paths:
        if path.is_dir():
            yield from files_below(path, around | {here})
        else:
            yield path


def _partial_name(path: Path) -> Path:
    return path.with_name(f"{_PARTIAL}{secrets.token_hex(6)}.part")


def _not_written(path: Path, error: OSError) -> VolumeError:
    advice = _ADVICE.get(error.errno or 0, f"The system says: {error.strerror}.")
    return VolumeError(f"{path} cannot be written. {advice}")
