"""What all processes must know alike: what they train, and after each step the time and whether they must stop."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from ctflow.errors import RequestError
from ctflow.training.progress import Clock

# What `accelerate launch` sets, by the command line or by the file that `accelerate config` wrote.
SPLITTING = {
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "parallelism inside a network",
}


def check_launch(environment: Mapping[str, str]) -> None:
    """Raises RequestError where accelerate was configured to split a network over processes: each here has a whole one,
    and the states and averages would be of a part."""
    for variable, name in SPLITTING.items():
        if environment.get(variable, "").lower() in ("1", "true"):
            raise RequestError(
                f"accelerate is configured for {name}, and this training gives each process a whole network. Launch it "
                "with --multi_gpu, or configure accelerate without it."
            )


def check_alike(training: Mapping[str, Any], accelerator: Accelerator) -> None:
    """Raises RequestError, on all processes, unless all of them describe the training alike.

    Machines that see other folders would train something else each, and average it.
    """
    first, *others = gather_object([dict(training)])
    for process, other in enumerate(others, 1):
        different = [name for name, value in first.items() if other.get(name) != value]
        if different:
            contrast = "; ".join(f"{name} is {other.get(name)}, not {first[name]}" for name in different)
            raise RequestError(
                f"Process {process} trains something else than process 0: {contrast}. All machines must be given the "
                "same command and see the same folders."
            )


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
