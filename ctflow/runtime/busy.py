"""How busy a command and the processes that it has started keep the cores."""

import time
from collections.abc import Callable

from ctflow.runtime.cpu_time import tree_cpu_s
from ctflow.runtime.threads import cores_given


class BusyCores:
    """Counts from a certain step on, when all workers have started. The clocks vary in tests.

    `begin_after`: so many steps, 1 or more.
    `cpu_s`: CPU seconds of all processes so far, or None where that is not known.
    """

    def __init__(
        self,
        begin_after: int,
        wall_s: Callable[[], float] = time.perf_counter,
        cpu_s: Callable[[], float | None] = tree_cpu_s,
    ) -> None:
        self._to_come, self._clocks = begin_after, (wall_s, cpu_s)
        self._began: tuple[float, float | None] | None = None
        self._last: tuple[float, float | None] = (0.0, None)

    def step(self) -> bool:
        """Takes note of a step, when it comes: at the end the workers are gone, and their times with them.

        Whether the step counts.
        """
        wall_s, cpu_s = self._clocks
        self._last = wall_s(), cpu_s()
        self._to_come -= 1
        if self._to_come == 0:
            self._began = self._last
        return self._to_come < 0

    @property
    def passed(self) -> tuple[float, float] | None:
        """Wall and CPU seconds; None where too little was done, or too little is known."""
        (last_s, last_cpu_s), began = self._last, self._began
        if began is None or began[1] is None or last_cpu_s is None or last_s <= began[0]:
            return None
        return last_s - began[0], last_cpu_s - began[1]

    def summary(self, cores: int | None = None) -> str:
        """In words; empty where nothing can be said."""
        if self.passed is None:
            return ""
        passed_s, used_s = self.passed
        cores = cores or cores_given()
        return f"{cores} cores were {used_s / passed_s / cores:.0%} busy."
