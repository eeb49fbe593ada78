"""Where runs lie: a folder for each server, which goes when its server has gone, by `kill -9` too."""

import shutil
from pathlib import Path

from filelock import BaseFileLock, FileLock

from ctflow.errors import ResourceError


def own_folder(root: Path, name: str) -> tuple[Path, BaseFileLock]:
    """Makes `root/name`, and removes the folders of servers that are no more, but of no other one.

    The lock is to be kept for as long as the folder: the system takes it back when the process ends.
    Raises ResourceError where there is no place for files.
    """
    lock = FileLock(root / f"{name}.lock", timeout=0)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "start.lock"):  # one server at a time: nobody has a folder without a lock
            _remove_the_dead(root)
            lock.acquire()
            (root / name).mkdir(mode=0o700)  # reports lie there
    except OSError as error:
        raise ResourceError(
            f"{root} cannot be written to ({error.strerror}). Set GRADIO_TEMP_DIR to a folder to write to."
        ) from error
    return root / name, lock


def _remove_the_dead(root: Path) -> None:
    for folder in [path for path in root.iterdir() if path.is_dir()]:
        beside = root / f"{folder.name}.lock"
        try:
            with FileLock(beside, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
            beside.unlink(missing_ok=True)
        except OSError:
            continue  # its server lives, or it is another user's
