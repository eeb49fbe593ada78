"""How far a stage is: its steps, its time, and what is left of this call's budget."""

from collections.abc import Callable
from typing import Any

from ctflow.training.stage import Budget

Clock = Callable[[], float]  # -> seconds since any moment


class Progress:
    """Counts the steps and the time of a stage. It is saved with the state.

    `step`: how many steps all calls made together. The clock is read once a step, so that everything that depends on
    the time depends on the same time.
    """

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self.step = 0
        self._budget, self._clock = budget, clock
        self._seconds_before, self._steps_before = 0.0, 0  # in calls whose budget was spent
        self._left_off_s = 0.0  # of this budget, by calls that were cut short
        self._began_s = self._now_s = self._started_s = 0.0

    def start(self) -> None:
        """Starts the clock, after a saved state was loaded."""
        self._now_s = self._started_s = self._clock()
        self._began_s = self._now_s - self._left_off_s

    def count_step(self) -> None:
        """Counts a step, and reads the clock."""
        self.step += 1
        self._now_s = self._clock()

    @property
    def now_s(self) -> float:
        """The clock, as it was last read."""
        return self._now_s

    @property
    def call_s(self) -> float:
        """How long this call has trained."""
        return self._now_s - self._started_s

    @property
    def spent(self) -> float:
        """What is spent of the budget, in its unit."""
        if self._budget.unit == "seconds":
            return self._spent_s
        return self.step - (0 if self._budget.of_all_calls else self._steps_before)

    @property
    def ended(self) -> bool:
        return self.spent >= self._budget.amount

    @property
    def seconds(self) -> float:
        """Training time of all calls together."""
        return self._seconds_before + self._spent_s

    @property
    def left(self) -> float:
        """The share of the budget that is left."""
        return max(0.0, 1 - self.spent / self._budget.amount)

    def finish(self) -> None:
        """The budget is spent: the next call has one of its own."""
        self._seconds_before, self._steps_before = self.seconds, self.step
        self._began_s = self._now_s

    @property
    def _spent_s(self) -> float:
        return self._now_s - self._began_s

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "seconds_before": self._seconds_before,
            "steps_before": self._steps_before,
            "left_off_s": self._spent_s,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        self._seconds_before, self._steps_before = state["seconds_before"], state["steps_before"]
        self._left_off_s = state["left_off_s"]
