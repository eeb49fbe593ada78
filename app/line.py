"""The line before the model: whose turn it is, and how long the others have to wait."""

import threading
from dataclasses import dataclass, field

from app.job import Job
from ctflow.errors import RequestError, ResourceError


@dataclass(eq=False)
class _Place:
    """A run's place in line. `called` is set when its turn may have come, or when it has been stopped."""

    round: int
    called: threading.Event = field(default_factory=threading.Event)


class Line:
    """One run at a time is on the model, and each visitor's first run comes before anybody's second.

    Both limits count waiting runs, as `waiting` defines them.
    """

    def __init__(self, *, most_waiting: int, most_waiting_each: int) -> None:
        self._most_waiting = most_waiting
        self._most_waiting_each = most_waiting_each
        self._lock = threading.Lock()
        self._places: dict[Job, _Place] = {}  # in the order in which they came
        self._running: Job | None = None
        self._round = 0  # the round of the run that was last on the model
        self._step_s: float | None = None  # the pace of the last run that had one

    def check_limits(self, visitor: str) -> None:
        """Whether this visitor may add a run.

        Raises ResourceError if too many runs are waiting, RequestError if too many of this visitor's are.
        """
        with self._lock:
            waiting = self._waiting()
            goes_first = not self._places
        if goes_first:
            return
        if len(waiting) >= self._most_waiting:
            raise ResourceError(
                f"The line is full: at most {self._most_waiting} runs may wait for the model. Come back later."
            )
        if sum(run.visitor == visitor for run in waiting) >= self._most_waiting_each:
            raise RequestError(
                f"At most {self._most_waiting_each} of your runs may wait for the model. "
                "Wait until one of them has begun, or stop one."
            )

    def join(self, run: Job) -> None:
        """A visitor's run comes a round after their last one in line, and never in a round that has passed."""
        with self._lock:
            own = [place.round + 1 for other, place in self._places.items() if other.visitor == run.visitor]
            self._places[run] = _Place(max([self._round, *own]))

    def has(self, run: Job) -> bool:
        """Whether it waits or is on the model."""
        with self._lock:
            return run in self._places

    def leave(self, run: Job) -> None:
        """Takes a run out of the line, wherever it was, and calls the next one."""
        with self._lock:
            self._step_s = run.step_s() or self._step_s
            del self._places[run]
            if self._running is run:
                self._running = None
            turns = self._turns()
            if turns:
                self._places[turns[0]].called.set()

    def is_next(self, run: Job) -> bool:
        """Whether the model is free and it is this run's turn."""
        with self._lock:
            return self._is_next(run)

    def take_turn(self, run: Job) -> bool:
        """Gives this run the model, if the model is free and it is this run's turn."""
        with self._lock:
            if not self._is_next(run):
                return False
            self._running, self._round = run, self._places[run].round
            return True

    def wait_for_call(self, run: Job, timeout_s: float | None) -> None:
        """Blocks until `call`, until the run before this one leaves, or until time is up."""
        called = self._places[run].called
        called.wait(timeout_s)
        called.clear()

    def call(self, run: Job) -> None:
        """Wakes the thread that waits for this run's turn, if there is one."""
        with self._lock:
            if run in self._places:
                self._places[run].called.set()

    def waiting(self) -> list[Job]:
        """The runs that wait: all in line but the first.

        The first is on the model, or goes to it next. It does not count, because a free model always takes a run,
        even if the limit of waiting runs is 0.
        """
        with self._lock:
            return self._waiting()

    def ahead_of(self, run: Job) -> list[Job]:
        """The runs that come before this one, the one on the model first."""
        with self._lock:
            turns = self._turns()
        return turns[: turns.index(run)] if run in turns else turns

    def wait_s(self, run: Job) -> float | None:
        """Seconds until a run begins, by the pace of those before it. None if no pace is known."""
        total_s = 0.0
        for before in self.ahead_of(run):
            left_s = before.left_s()
            if left_s is None:
                step_s = self.usual_step_s()
                if step_s is None:
                    return None
                left_s = step_s * before.steps_total
            total_s += left_s
        return total_s

    def usual_step_s(self) -> float | None:
        """Seconds per step, by the last that was measured. None if no pace is known."""
        with self._lock:
            known_s, running = self._step_s, self._running
        return known_s or (running.step_s() if running else None)

    def _in_order(self) -> list[Job]:
        """Everybody in line, the run on the model first. Sorting keeps the order within a round."""
        return sorted(self._places, key=lambda run: (run is not self._running, self._places[run].round))

    def _waiting(self) -> list[Job]:
        return self._in_order()[1:]

    def _turns(self) -> list[Job]:
        """A run without a driver could not take its turn, so it gets none: its page may have left."""
        return [run for run in self._in_order() if run.has_driver]

    def _is_next(self, run: Job) -> bool:
        return self._running is None and self._turns()[:1] == [run]
