"""Where the app takes the time from, so that a test need not wait for hours to pass."""

from typing import Protocol


class Clock(Protocol):
    """Seconds that only go forward. The module `time` is one."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...
