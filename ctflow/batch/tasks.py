"""What is to be made: a volume for each case, in each mode and arm, with the case's one seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ctflow.request import GenerationRequest, Mode


@dataclass(frozen=True, kw_only=True)
class Task:
    """A volume to be made. `folder`: in that of the batch, with / between its parts; empty for that one itself.

    `scan`: the real volume of the case, for the modes that begin with one. `request.chunks`: at most.
    """

    name: str
    folder: str
    request: GenerationRequest
    mode: Mode
    scan: Path | None = None

    @property
    def way(self) -> tuple[object, ...]:
        """What volumes that are made together have in common."""
        settings = {**vars(self.request), "report": None, "seed": None, "chunks": None}
        return self.mode, *settings.values()


Numbered = tuple[int, Task]  # tasks are known by their place in the batch


def groups_of(tasks: Sequence[Numbered], most: int, workers: int) -> list[list[Numbered]]:
    """Tasks that are made together: up to `most`, but so few that no worker is left without any."""
    size = min(most, max(1, -(-len(tasks) // workers)))
    groups = list[list[Numbered]]()
    for _, alike in groupby(tasks, key=lambda numbered: numbered[1].way):
        some = list(alike)
        groups += [some[first : first + size] for first in range(0, len(some), size)]
    return groups
