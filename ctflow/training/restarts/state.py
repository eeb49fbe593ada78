"""Everything that a training goes on with, in one file."""

import pickle
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

import torch
from torch import nn

from ctflow.errors import DatasetError, RequestError
from ctflow.io.files import replacing, written
from ctflow.training.examples import Examples
from ctflow.training.optimizers import load_optimizers
from ctflow.training.optimizers.ema import Average
from ctflow.training.progress import Progress

N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingState(Generic[N]):
    """A network with its average, its optimizers, its progress and, where they have one, the state of its examples.

    Random numbers need none: see `randomness`.
    """

    network: N
    average: Average[N]
    optimizers: list[torch.optim.Optimizer]
    progress: Progress
    examples: Examples | None

    @cached_property
    def parameters(self) -> list[nn.Parameter]:
        """The network's, listed once: looking for them in every step takes longer than clipping their gradients."""
        return list(self.network.parameters())

    def check_finite(self) -> None:
        """Raises RequestError where the weights are no numbers: such a state would take the place of a good one."""
        if not all(bool(parameter.isfinite().all()) for parameter in self.parameters):
            raise RequestError(
                f"The weights are no numbers after step {self.progress.step}, and are not saved. Go on from the last "
                "state, or begin anew with a lower learning rate or in float32."
            )

    def save(self, path: Path) -> None:
        """Writes the file; a kill at any moment leaves the old one or the new one.

        Raises VolumeError where the disk is full or may not be written to.
        """
        content: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": self.progress.state_dict(),
            "examples": self.examples.state_dict() if self.examples else None,
        }
        save_atomic(content, path)

    def load(self, path: Path) -> None:
        """Reads what `save` wrote. Learning rates and weight decay stay those of this call's config.

        Raises DatasetError for a file that is damaged.
        """
        content = _read(path)
        self.network.load_state_dict(content["network"])
        self.average.load_state_dict(content["average"])
        load_optimizers(self.optimizers, content["optimizers"])
        self.progress.load_state_dict(content["progress"])
        if self.examples and content.get("examples"):  # states of before there was such a thing have none
            self.examples.load_state_dict(content["examples"])


def save_atomic(content: object, path: Path) -> None:
    """Saves with torch; what was at `path` stays there until the new file is complete.

    Raises VolumeError where the disk is full or may not be written to.
    """
    with written(path), replacing(path) as new, new.open("wb") as file:  # a file of Python's tells of a full disk
        save_to(file, content)


def save_to(file: IO[bytes], content: object) -> None:
    """Saves with torch into an open file. Raises the OSError that the file raises.

    torch closes its archive all the same, which fails as well, and speaks of that alone.
    """
    try:
        torch.save(content, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def _read(path: Path) -> dict[str, Any]:
    try:
        # Mapped, so that a large state is not in memory twice, and not once more for each process of a machine.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (EOFError, OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise DatasetError(
            f"{path} cannot be read as the state of a training ({error}). Remove it: the training then goes on from "
            "the state before it, if there is one, and else begins anew."
        ) from error
