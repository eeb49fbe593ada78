"""One training of one network: what it is called, for how long it runs, and where its files lie."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from ctflow.errors import RequestError
from ctflow.training.optimizers import OptimizerConfig
from ctflow.training.optimizers.schedule import Schedule, falling_to_zero

SUMMARY = "trained.json"
DEFAULT_SCHEDULE = falling_to_zero(warm_up_steps=100)


@dataclass(frozen=True)
class Budget:
    """For how long a call trains: `amount` seconds, or `amount` steps. Raises RequestError unless that is positive.

    `of_all_calls`: the steps of earlier calls count as well.
    """

    amount: float
    unit: Literal["seconds", "steps"]
    of_all_calls: bool = False

    def __post_init__(self) -> None:
        if not self.amount > 0:
            raise RequestError(f"A training needs more than 0 {self.unit}; got {self.amount:g}.")

    @classmethod
    def of_seconds(cls, seconds: float) -> Self:
        return cls(seconds, "seconds")

    @classmethod
    def of_steps(cls, steps: int) -> Self:
        return cls(steps, "steps")

    @classmethod
    def up_to_step(cls, step: int) -> Self:
        """Until all calls together have made so many steps."""
        return cls(step, "steps", of_all_calls=True)

    @classmethod
    def of_epochs(cls, epochs: float, steps_per_epoch: int) -> Self:
        """`steps_per_epoch`: examples divided by the batch size of all processes together. Counted in whole steps."""
        return cls(max(1, round(epochs * steps_per_epoch)), "steps")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One training of one network.

    `name` is shown beside the progress bar, and names the random numbers. Each call of `train` spends `budget`; it goes
    on with what earlier calls saved in `folder`. After a call that was cut short, the next one spends what was left.
    `device`: cpu or cuda. `schedule`: of the learning rates. `accumulation`: the gradients of so many batches are
    added up for a step. `precision`: of the large products; auto is bf16 where that makes the device faster.
    `log_every`: so many steps make a line in the table of losses; None: those of ten seconds.
    `tracker`: where these also go, one of accelerate's trackers by its name.
    """

    name: str
    optimizer: OptimizerConfig
    folder: Path
    budget: Budget
    seed: int
    device: str
    schedule: Schedule = DEFAULT_SCHEDULE
    accumulation: int = 1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    log_every: int | None = None
    tracker: str | None = None

    @property
    def state(self) -> Path:
        """What the next call goes on with."""
        return self.folder / "state.pt"

    @property
    def description(self) -> Path:
        """Which network the state belongs to."""
        return self.folder / "network.json"

    @property
    def losses(self) -> Path:
        """A table of the losses."""
        return self.folder / "losses.csv"

    @property
    def summary(self) -> Path:
        """Steps and seconds of all calls that ended, and the last one's pace.

        `{"steps": 100, "seconds": 12, "steps_per_s": 8.5}`
        """
        return self.folder / SUMMARY
