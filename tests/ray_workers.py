"""What a machine may do to Ray's workers."""

import os
import signal
from pathlib import Path

from ctflow.runtime.ray_pool import PoolWorker


def kill_a_worker() -> bool:
    """Kills a worker of a pool of ours, if there is one. Ray calls its process by the class."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, status = (folder / "cmdline").read_text(), (folder / "status").read_text()
        except OSError:
            continue  # it has ended
        if command.startswith("ray::") and PoolWorker.__name__ in command and _descends_from_here(status):
            os.kill(int(folder.name), signal.SIGKILL)
            return True
    return False


def _descends_from_here(status: str) -> bool:
    while parent := int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid"))):
        if parent == os.getpid():
            return True
        status = Path(f"/proc/{parent}/status").read_text()
    return False
