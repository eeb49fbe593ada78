"""A training is asked to stop: by SIGTERM, which schedulers send before they kill, or by Ctrl-C."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ctflow.errors import CTFlowError

ASKS_TO_STOP = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger(__name__)


class TrainingStopped(CTFlowError):
    """A training was asked to stop before its budget was spent, and has saved its state."""


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether SIGTERM or Ctrl-C has come. Outside the main thread, where Python allows no
    handler, it never has."""
    came = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        if not came:
            _log.info("Asked to stop: after this step the state is saved.")
        came = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, note) for number in ASKS_TO_STOP}
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
