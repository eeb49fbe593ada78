"""How well a preparation uses the machine, and what it costs beside the A-VAE's own work."""

import time
from collections.abc import Callable

from ctflow.data.encoding import Outcome
from ctflow.runtime.busy import BusyCores
from ctflow.runtime.cpu_time import tree_cpu_s


class Effort:
    """Counts from a certain outcome on, as `BusyCores` does."""

    def __init__(
        self,
        begin_after: int,
        wall_s: Callable[[], float] = time.perf_counter,
        cpu_s: Callable[[], float | None] = tree_cpu_s,
    ) -> None:
        self._cores = BusyCores(begin_after, wall_s, cpu_s)
        self._avae_s = self._disk_s = 0.0

    def add(self, outcome: Outcome) -> None:
        """Takes note of an outcome, when it comes."""
        if self._cores.step():
            self._avae_s += outcome.avae_s
            self._disk_s += outcome.disk_s

    def summary(self, cores: int | None = None, gpus: int = 0) -> str:
        """In words; empty where too little was done, or too little is known, to say anything. `gpus`: that encoded."""
        if self._cores.passed is None or not self._avae_s:
            return ""
        (passed_s, used_s), busy = self._cores.passed, self._cores.summary(cores)
        if gpus:
            return f"{busy} The A-VAE kept its GPUs busy for {self._avae_s / passed_s / gpus:.0%} of the time."
        if used_s < self._disk_s + self._avae_s:  # of the few that count, most was done before
            return busy
        share = (used_s - self._disk_s) / self._avae_s
        return f"{busy} Reading and writing aside, all took {share:.2f} times the A-VAE's own CPU time."
