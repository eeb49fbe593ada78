"""What all processes must know alike after each step: the time, and whether one of them was asked to stop."""

from collections.abc import Callable

import torch
from accelerate import Accelerator

from ctflow.training.progress import Clock


class Agreement:
    """The main process's clock, for all, and whether any process was asked to stop.

    By clocks of their own, one process could stop while others wait for its gradients.
    """

    def __init__(self, clock: Clock, asked: Callable[[], bool], accelerator: Accelerator) -> None:
        self._clock, self._asked, self._is_main = clock, asked, accelerator.is_main_process
        many = accelerator.num_processes > 1
        self._group = torch.distributed.new_group(backend="gloo") if many else None  # so that no GPU is waited for
        self.must_stop = False

    def now_s(self) -> float:
        """The main process's clock. All processes must call this after the same step."""
        mine = [self._clock() if self._is_main else 0.0, float(self._asked())]
        if self._group is None:
            now, stops = mine
        else:
            total = torch.tensor(mine, dtype=torch.float64)
            torch.distributed.all_reduce(total, group=self._group)
            now, stops = total.tolist()
        self.must_stop = stops > 0
        return now
