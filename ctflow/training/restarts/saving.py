"""Where a training's states are written, how often, and which of them are kept."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ctflow.errors import DatasetError
from ctflow.training.progress import Progress


class Saving(Protocol):
    """When a state is saved, and under which name. Only the main process writes."""

    def latest(self) -> Path | None:
        """The state that the next call goes on with."""
        ...

    def is_due(self, progress: Progress) -> bool:
        """Asked after each step: whether the state is saved now."""
        ...

    def path(self, step: int) -> Path:
        """Where the state after so many steps is written."""
        ...

    def tidy(self) -> None:
        """Called after a state was written: removes those that are not to be kept."""
        ...


@dataclass
class OneFile:
    """One file, which is written anew every `every_s` seconds."""

    file: Path
    every_s: float
    _saved_s: float = field(default=0.0, init=False)

    def latest(self) -> Path | None:
        return self.file if self.file.exists() else None

    def is_due(self, progress: Progress) -> bool:
        if progress.call_s - self._saved_s <= self.every_s:
            return False
        self._saved_s = progress.call_s
        return True

    def path(self, step: int) -> Path:
        return self.file

    def tidy(self) -> None:
        """There is only one."""


@dataclass(frozen=True)
class NumberedFiles:
    """A file for every `every` steps, named after its step.

    The last `keep` are kept, and those whose step is a multiple of `keep_every`; 0 keeps no others.
    """

    folder: Path
    every: int
    keep: int
    keep_every: int

    def steps(self) -> list[int]:
        """Those of the states that are there, in order. Raises DatasetError for a file that is no state."""
        paths = sorted(self.folder.glob("*.pt")) if self.folder.is_dir() else []
        if strange := [path for path in paths if not path.stem.isdigit()]:
            raise DatasetError(f"{strange[0]} is no state of a training, whose names are numbers: move it elsewhere.")
        return sorted(int(path.stem) for path in paths)

    def latest(self) -> Path | None:
        steps = self.steps()
        return self.path(steps[-1]) if steps else None

    def is_due(self, progress: Progress) -> bool:
        return progress.step % self.every == 0

    def path(self, step: int) -> Path:
        return self.folder / f"{step:08}.pt"

    def tidy(self) -> None:
        for step in self.steps()[: -self.keep]:
            if not (self.keep_every and step % self.keep_every == 0):
                self.path(step).unlink()
