"""Who looks on while a network is trained."""

from collections.abc import Mapping
from typing import Generic, TypeVar

from accelerate import Accelerator
from torch import nn

N = TypeVar("N", bound=nn.Module)


class Watcher(Generic[N]):
    """Is told how a training goes, on every process and after the same steps. This one does nothing with it.

    `average`: the network with the averaged weights, on the training's device; nobody may change it.
    """

    def begun(self, accelerator: Accelerator, step: int) -> None:
        """The training begins, or goes on after so many steps."""

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """A line of the table was written.

        Means over the steps since the last one and over all processes, `learning_rate`, `steps_per_s` and
        `time_outside`.
        """

    def stepped(self, step: int, average: N) -> None:
        """A step was made, the `step`-th, counted from 1."""

    def saved(self, step: int, average: N) -> None:
        """The state after so many steps was written."""
