"""How well a preparation uses the machine, and what it costs beside the A-VAE's own work."""

import time
from collections.abc import Callable

from ctflow.data.encoding import Outcome
from ctflow.runtime.cpu_time import tree_cpu_s
from ctflow.runtime.threads import cores_given


class Effort:
    """Counts from a certain outcome on, when all workers have started. The clocks vary in tests.

    `begin_after`: so many outcomes, 1 or more.
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
        self._avae_s = self._disk_s = 0.0

    def add(self, outcome: Outcome) -> None:
        """Takes note of an outcome, when it comes: at the end the workers are gone, and their times with them."""
        wall_s, cpu_s = self._clocks
        self._last = wall_s(), cpu_s()
        self._to_come -= 1
        if self._to_come == 0:
            self._began = self._last
        elif self._began:
            self._avae_s += outcome.avae_s
            self._disk_s += outcome.disk_s

    def summary(self, cores: int | None = None, gpus: int = 0) -> str:
        """In words; empty where too little was done, or too little is known, to say anything. `gpus`: that encoded."""
        (last_s, last_cpu_s), began = self._last, self._began
        if began is None or began[1] is None or last_cpu_s is None or not self._avae_s:
            return ""
        cores = cores or cores_given()
        passed_s, used_s = last_s - began[0], last_cpu_s - began[1]
        busy = f"{cores} cores were {used_s / passed_s / cores:.0%} busy."
        if gpus:
            return f"{busy} The A-VAE kept its GPUs busy for {self._avae_s / passed_s / gpus:.0%} of the time."
        share = (used_s - self._disk_s) / self._avae_s
        return f"{busy} Reading and writing aside, all took {share:.2f} times the A-VAE's own CPU time."
