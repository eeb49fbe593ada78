"""What is to be made: a volume for each case, in each mode and arm, with the case's one seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

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


Numbered = tuple[int, Task]  # tasks are known by their place in the batch
_adapter = TypeAdapter(list[Numbered])


def to_json(tasks: Sequence[Numbered]) -> str:
    """As text, for another process."""
    return _adapter.dump_json(list(tasks)).decode()


def from_json(text: str) -> list[Numbered]:
    """Undoes `to_json`."""
    return _adapter.validate_json(text)
