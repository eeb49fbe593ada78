"""A training is asked to stop by SIGTERM, as schedulers send it before they kill."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ctflow.errors import CTFlowError


class TrainingStopped(CTFlowError):
    """A training was asked to stop before its budget was spent, and has saved its state."""


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether SIGTERM has come. Outside the main thread, where Python allows no handler, it
    never has."""
    came = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGTERM, before)
