"""The folder of a server's runs. When a server is gone, even by `kill -9`, the next one to start removes its folder."""

import shutil
from pathlib import Path

from filelock import BaseFileLock, FileLock

from ctflow.errors import ResourceError


def own_folder(root: Path, name: str) -> tuple[Path, BaseFileLock]:
    """Makes `root/name`, and removes the folders of dead servers, but not those of living ones.

    Keep the lock as long as the folder is needed: the system releases it when the process ends.
    Raises ResourceError if files cannot be written there.
    """
    lock = FileLock(root / f"{name}.lock", timeout=0)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "start.lock"):  # one server at a time, so that no folder is ever without its lock
            _remove_the_dead(root)
            lock.acquire()
            (root / name).mkdir(mode=0o700)  # for it will hold reports
    except OSError as error:
        raise ResourceError(
            f"No files can be written in {root} ({error.strerror}). Set GRADIO_TEMP_DIR to a folder where they can."
        ) from error
    return root / name, lock


def _remove_the_dead(root: Path) -> None:
    for folder in [path for path in root.iterdir() if path.is_dir()]:
        lock_file = root / f"{folder.name}.lock"
        try:
            with FileLock(lock_file, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
            lock_file.unlink(missing_ok=True)
        except OSError:
            continue  # its server is alive, or it belongs to another user
