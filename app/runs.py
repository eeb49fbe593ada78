"""The registry of runs: whose turn it is, one at a time on the model, and how long they are kept.

A page that loses its connection is no reason to end its run: nothing here depends on a connection, and a page finds
its run again by its id. Ids are unguessable, because whoever knows one may see and stop the run.
"""

import re
import secrets
import threading
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from app.folder import own_folder
from app.messages import logged, worded
from app.run import Run
from ctflow.errors import CTFlowError, RequestError, ResourceError
from ctflow.generator import Finished, VolumeGenerator
from ctflow.request import GenerationRequest

ID = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bits, as `secrets.token_urlsafe(16)` writes them
_CHECK_S = 1.0
_SWEEP_S = 60.0
_TAKEN_BACK = 1000


@dataclass(frozen=True)
class Limits:
    """How much a server takes on. At a bound new runs wait and old ones go, but none that runs or is looked at.

    `keep_s`: how long a run is kept after somebody last looked at it; `kept`: how many; `disk_bytes`: all files
    together; `waiting`: runs in line for everybody; `waiting_each`: for one visitor.
    """

    keep_s: float = 2 * 3600
    kept: int = 200
    disk_bytes: int = 4 << 30
    waiting: int = 32
    waiting_each: int = 3


class Runs:
    """The registry. `root` must lie under Gradio's upload folder, so that a login covers the chunks too.

    Several servers may share it: each has a folder of its own there.
    """

    def __init__(self, generator: VolumeGenerator, root: Path, limits: Limits = Limits()) -> None:
        self.generator = generator
        self.limits = limits
        self.id = secrets.token_hex(4)  # a page notices by it that the server was restarted
        self.root, self._lock = own_folder(root, self.id)
        self._runs: dict[str, Run] = {}
        self._taken_back: deque[object] = deque(maxlen=_TAKEN_BACK)  # ids that were stopped before they were heard of
        self._line: list[Run] = []  # as they came
        self._round = 0  # of the run that began last
        self._running: Run | None = None
        self._step_s: float | None = None
        self._turn = threading.Lock()
        self._sweeper: threading.Thread | None = None

    def start(self, request: GenerationRequest, visitor: str, run_id: str | None = None) -> Run:
        """Puts a run in line, with a thread that drives it. See `add`."""
        run = self.add(request, visitor, run_id)
        threading.Thread(target=self.drive, args=(run,), name=f"run-{run.id[:6]}", daemon=True).start()
        return run

    def add(self, request: GenerationRequest, visitor: str, run_id: str | None = None) -> Run:
        """Puts a run in line; somebody must `drive` it.

        `run_id`: chosen by a page, so that it can ask again: it gets the run that it has asked for before.
        Raises ResourceError if the line is too long, RequestError for an id that is none, or whose run was stopped.
        """
        run_id = secrets.token_urlsafe(16) if run_id is None else run_id
        if not (isinstance(run_id, str) and ID.fullmatch(run_id)):
            raise RequestError("A run is known by 22 letters, digits, - and _ that no other run has. Reload the page.")
        self.sweep()
        with self._turn:
            if run_id in self._runs:
                return self._runs[run_id]
            if run_id in self._taken_back:
                raise RequestError("This run was stopped before it began. Generate another.")
            self._check_line(visitor)
            run = Run(run_id, request, self.root, visitor, self._round_of(visitor))
            self._line.append(run)
            self._runs[run.id] = run
            if self._sweeper is None:
                self._sweeper = threading.Thread(target=self._sweep_on, name="sweep-runs", daemon=True)
                self._sweeper.start()
        return run

    def get(self, run_id: object) -> Run | None:
        return self._runs.get(run_id) if isinstance(run_id, str) else None

    def stop(self, run_id: object) -> None:
        """Asks a run to stop; it hears that within one step. One that is not known yet will not begin."""
        with self._turn:
            run = self.get(run_id)
            if run is None and isinstance(run_id, str) and ID.fullmatch(run_id):
                self._taken_back.append(run_id)
        if run is not None:
            run.ask_to_stop()
            self.drive(run)  # to its end, here and now, if nobody drives it yet

    def ahead_of(self, run: Run) -> list[Run]:
        """The runs that come before this one, that on the model first."""
        with self._turn:
            turns = self._turns()
        return turns[: turns.index(run)] if run in turns else turns

    def wait_s(self, run: Run) -> float | None:
        """Seconds until a run begins, by the pace of those before it. None where no pace is known."""
        total_s, running = 0.0, self._running
        for before in self.ahead_of(run):
            left_s = before.left_s()
            if left_s is None:
                pace_s = self._step_s or (running and running.step_s())
                left_s = None if pace_s is None else pace_s * before.steps
            if left_s is None:
                return None
            total_s += left_s
        return total_s

    def queue_length(self) -> int:
        """How many runs wait, beside the one on the model."""
        with self._turn:
            return len(self._line) - (self._running is not None)

    def drive(self, run: Run) -> None:
        """Takes a run from the end of the line to its end. Blocks all that time: it needs its own thread or request.

        The first who calls this drives; for others there is nothing to do.
        """
        if not run.claim():
            return
        try:
            self._await_turn(run)
            if run.stopping:
                run.end("stopped", "Stopped before it began.")
            else:
                self._generate(run)
        except CTFlowError as error:
            run.end("failed", worded(error))
        except Exception as error:  # the one place where a bug of ours must not take a half-made volume with it
            run.end("failed", logged(error))
        finally:
            self._leave(run)

    def sweep(self) -> None:
        """Removes what is too old or too much, but nothing that somebody looks at."""
        gone = []
        with self._turn:
            for run in [run for run in self._line if not run.watched and run.claim()]:
                self._line.remove(run)  # its page left before it could drive it, and now nobody may
                run.end("stopped", "Stopped before it began.")
            over = self._removable()
            too_many = len(self._runs) - self.limits.kept
            now_s = time.monotonic()
            for place, run in enumerate(over):
                if place < too_many or now_s - max(run.ended_s or now_s, run.seen_s) > self.limits.keep_s:
                    gone.append(self._runs.pop(run.id))
        _remove(gone)

    def _check_line(self, visitor: str) -> None:
        if len(self._line) > self.limits.waiting:
            raise ResourceError(
                f"{self.limits.waiting} volumes are waiting for this model already. Come back in a while."
            )
        mine = sum(run.visitor == visitor for run in self._line)
        if mine >= self.limits.waiting_each:
            raise RequestError(f"{mine} of your runs are in line already. Wait for one of them, or stop it.")

    def _round_of(self, visitor: str) -> int:
        """Everybody has a first run before anybody has a second: what a visitor adds to a line goes a round later."""
        return max([self._round, *(run.round + 1 for run in self._line if run.visitor == visitor)])

    def _turns(self) -> list[Run]:
        waiting = [run for run in self._line if run is not self._running and run.claimed]
        waiting.sort(key=lambda run: run.round)  # keeps the order within a round
        return waiting if self._running is None else [self._running, *waiting]

    def _await_turn(self, run: Run) -> None:
        while not run.stopping:
            used = {kept: kept.disk_bytes() for kept in list(self._runs.values())}
            gone: list[Run] = []
            with self._turn:
                first = self._turns()[0] is run
                ready = first and self._has_room(run, used, gone)
                if ready:
                    self._running, self._round = run, run.round
            _remove(gone)
            if ready:
                return
            # Who is not the first is called by the one before it: twenty threads that woke up for every turn, and
            # every second, kept the server from hearing anybody.
            run.called.wait(_CHECK_S if first else None)
            run.called.clear()

    def _has_room(self, run: Run, used: dict[Run, int], gone: list[Run]) -> bool:
        """Whether the disk may take this run and its downloads; old runs go for it, the oldest first.

        `used`: the bytes of each run; `gone` takes the runs whose files are to be removed.
        """
        geometry = self.generator.card.geometry
        slices = run.request.chunks * geometry.slices_per_chunk
        wanted = 2 * 2 * slices * geometry.rows * geometry.columns
        free = self.limits.disk_bytes - sum(used.values()) - wanted
        for old in self._removable():
            if free >= 0:
                break
            free += used.get(old, 0)
            gone.append(self._runs.pop(old.id))
        if free < 0 and len(used) == 1:
            raise ResourceError("The server's disk limit is smaller than one volume. Ask for fewer chunks.")
        if free < 0:
            run.explain("Waiting for room on the server: its disk is full of volumes that people look at.")
        return free >= 0

    def _removable(self) -> list[Run]:
        over = [run for run in self._runs.values() if run.over and not run.watched]
        return sorted(over, key=lambda run: run.ended_s or 0.0)

    def _generate(self, run: Run) -> None:
        run.begin()
        # Generators have `close`; the protocol promises an Iterator, which need not.
        with closing(cast(Any, self.generator.stream(run.request))) as events:
            for event in events:
                run.take(event)
                if run.stopping and not isinstance(event, Finished):
                    break
            else:
                run.end("finished", "")
                return
        run.end("stopped", "")

    def _leave(self, run: Run) -> None:
        with self._turn:
            self._step_s = run.step_s() or self._step_s
            self._line.remove(run)
            if self._running is run:
                self._running = None
            turns = self._turns()
        if turns:
            turns[0].called.set()

    def _sweep_on(self) -> None:
        """Sweeps while there is anything to sweep: nobody may come for hours, and reports are not kept for them."""
        while True:
            time.sleep(min(_SWEEP_S, max(1.0, self.limits.keep_s)))
            self.sweep()
            with self._turn:
                if not self._runs:
                    self._sweeper = None
                    return


def _remove(gone: list[Run]) -> None:
    """Takes its time, and so without the lock that everybody who asks for news needs."""
    for run in gone:
        run.remove()
