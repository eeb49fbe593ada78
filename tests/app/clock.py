"""A clock that a test moves by hand."""

import threading


class FakeClock:
    """Stands still until `advance`. `sleeps`: how long each sleeper asked to sleep, in order."""

    def __init__(self) -> None:
        self._now_s = 1000.0
        self._moved = threading.Condition()
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        with self._moved:
            self.sleeps.append(seconds)
            until_s = self._now_s + seconds
            self._moved.notify_all()
            self._moved.wait_for(lambda: self._now_s >= until_s)

    def advance(self, seconds: float) -> None:
        with self._moved:
            self._now_s += seconds
            self._moved.notify_all()

    def wait_for_sleepers(self, count: int, timeout_s: float) -> None:
        """Blocks until `sleep` has been called so many times in all."""
        with self._moved:
            assert self._moved.wait_for(lambda: len(self.sleeps) >= count, timeout_s)
