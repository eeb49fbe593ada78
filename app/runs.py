"""All jobs of a server: asked for, driven one at a time through the model, kept for a while, and found again.

A page that loses its connection is no reason to end its run: nothing here depends on a connection, and a page finds
its run again by its id. Ids are unguessable, because whoever knows one may see and stop the run. A job is a run or a
question; nothing here tells them apart.
"""

import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from app.clock import Clock
from app.folder import own_folder
from app.job import Job
from app.kept import KeptRuns
from app.line import Line
from app.messages import error_text, log_bug
from app.run import Run
from ctflow.errors import CTFlowError, RequestError
from ctflow.generator import VolumeGenerator
from ctflow.request import GenerationRequest, Start
from ctflow.volume import Volume

RUN_ID = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bits, as `secrets.token_urlsafe(16)` writes them
STOPPED_EARLY = "Stopped before it began."
J = TypeVar("J", bound=Job)
_LOOK_AGAIN_S = 1.0
_EARLY_STOPS = 1000


@dataclass(frozen=True)
class Limits:
    """How much a server takes on.

    `waiting` and `waiting_each` count waiting runs, of everybody and of one visitor; the run on the model is not among
    them (see `Line.waiting`). `keep_s`: how long a run is kept after somebody last looked at it; `kept`: how many are;
    `disk_bytes`: what all their files together may take; `watched_s`: how long after its last question a page counts as
    looking. At these limits old runs are removed, but never one that has not ended or that somebody is looking at.
    """

    waiting: int = 32
    waiting_each: int = 3
    keep_s: float = 2 * 3600
    kept: int = 200
    disk_bytes: int = 4 * 10**9
    watched_s: float = 180  # a page asks every few seconds, but in the background browsers may make it once a minute

    @property
    def sweep_every_s(self) -> float:
        """Often enough for `keep_s`, and never without a pause."""
        return min(60.0, max(1.0, self.keep_s))


class Runs:
    """The runs of one server. `root` must lie under Gradio's upload folder, so that a login covers the chunks too.

    Several servers may share it: each has a folder of its own there.
    """

    def __init__(self, generator: VolumeGenerator, root: Path, limits: Limits = Limits(), clock: Clock = time) -> None:
        self.generator = generator
        self.limits = limits
        self.id = secrets.token_hex(4)  # a page notices by it that the server was restarted
        self.root, self._root_lock = own_folder(root, self.id)
        self.line = Line(most_waiting=limits.waiting, most_waiting_each=limits.waiting_each)
        self._kept = KeptRuns(
            most=limits.kept,
            keep_s=limits.keep_s,
            watched_s=limits.watched_s,
            disk_bytes=limits.disk_bytes,
            clock=clock,
        )
        self._clock = clock
        self._adding = threading.Lock()
        self._early_stops: deque[object] = deque(maxlen=_EARLY_STOPS)  # ids whose stop came before their start
        self._sweeper: threading.Thread | None = None

    def start(
        self,
        request: GenerationRequest,
        visitor: str,
        run_id: str | None = None,
        start: Start | None = None,
        title: str = "",
    ) -> Run:
        """Puts a run in line, with a thread that drives it. See `add`."""
        return self.driven(self.add(request, visitor, run_id, start, title))

    def add(
        self,
        request: GenerationRequest,
        visitor: str,
        run_id: str | None = None,
        start: Start | None = None,
        title: str = "",
    ) -> Run:
        """Puts a run in line; somebody must `drive` it. See `put_in_line`."""
        return self.put_in_line(partial(Run, request=request, start=start, title=title), visitor, run_id)

    def driven(self, job: J) -> J:
        """The job, with a thread that drives it."""
        threading.Thread(target=self.drive, args=(job,), name=f"run-{job.id[:6]}", daemon=True).start()
        return job

    def put_in_line(self, kind: Callable[..., J], visitor: str, run_id: str | None = None) -> J:
        """Makes a job of its `kind` and puts it in line. See `_add`.

        Raises ResourceError or RequestError if too many wait.
        """
        return self._add(kind, visitor, run_id, self.line.check_limits, self.line.join)

    def put_beside(self, kind: Callable[..., J], visitor: str, run_id: str | None, check: Callable[[str], None]) -> J:
        """Makes a job of its `kind` that needs no turn on the model; whoever becomes its driver takes it to its end.

        `check`: whether this visitor may have another one. See `_add`.
        """
        return self._add(kind, visitor, run_id, check, lambda _: None)

    def _add(
        self,
        kind: Callable[..., J],
        visitor: str,
        run_id: str | None,
        check: Callable[[str], None],
        join: Callable[[Job], None],
    ) -> J:
        """`run_id`: made up by a page, so that it can ask again, and then gets the same job.

        Raises RequestError for an id that is not one or whose job has been stopped, and what `check` raises.
        """
        run_id = secrets.token_urlsafe(16) if run_id is None else run_id
        if not _is_run_id(run_id):
            raise RequestError(
                "A run's id must be 22 characters long (letters, digits, - or _) and unique. Reload the page."
            )
        self.sweep()
        with self._adding:
            known = self._kept.get(run_id)
            if known is not None:
                return cast(J, known)
            if run_id in self._early_stops:
                raise RequestError("This run was stopped before it began. Generate another.")
            check(visitor)
            job = self._made(kind, visitor, run_id)
            join(job)
            self._kept.add(job)
            self._start_sweeper()
        return job

    def keep(self, volume: Volume, visitor: str, **told: Any) -> Run:
        """A run of a volume that is there already, which the viewer shows like any other. `told`: as `Run` takes it.

        Raises ResourceError if the disk has no room for it.
        """
        run = self._made(partial(Run, **told), visitor, secrets.token_urlsafe(16))
        run.become_driver()  # nobody else takes it to its end
        run.take(volume, self.generator.card.geometry.slices_per_chunk)
        self._kept.add(run)
        return run

    def _made(self, kind: Callable[..., J], visitor: str, run_id: str) -> J:
        return kind(run_id=run_id, folder=self.root / run_id, visitor=visitor, clock=self._clock)

    def get(self, run_id: object) -> Run | None:
        job = self._kept.get(run_id)
        return job if isinstance(job, Run) else None

    def all(self) -> list[Job]:
        return self._kept.all()

    def has_room(self, wanted_bytes: int) -> bool:
        """Whether the disk takes so many more bytes. Old runs are removed for that."""
        return wanted_bytes <= self.limits.disk_bytes and self._kept.make_room(wanted_bytes)

    def job(self, run_id: object) -> Job | None:
        """A run, or a question."""
        return self._kept.get(run_id)

    def stop(self, run_id: object) -> None:
        """Asks a run to stop, which it does after its present step. A run that is not known yet will not begin."""
        with self._adding:
            run = self.job(run_id)
            if run is None and _is_run_id(run_id):
                self._early_stops.append(run_id)
        if run is not None:
            run.ask_to_stop()
            self.line.call(run)
            self.drive(run)  # to its end, here and now, if nobody drives it yet

    def drive(self, job: Job) -> None:
        """Takes a job from the line to its end. Blocks all that time, so it needs a thread or a request of its own.

        The first who calls this is the driver; for others there is nothing to do, and nothing with what is not in line.
        """
        if not self.line.has(job) or not job.become_driver():
            return
        try:
            self._await_turn(job)
            if job.stopping:
                job.end("stopped", STOPPED_EARLY)
            else:
                job.begin()
                job.end(job.make(self.generator))
        except CTFlowError as error:
            job.end("failed", error_text(error))
        except Exception as error:  # the one place where a bug of ours must not take a half-made volume with it
            job.end("failed", log_bug(error))
        finally:
            self.line.leave(job)

    def sweep(self) -> None:
        """Ends what was left before it began, and removes what is too old or too much."""
        for run in self._kept.all():
            # A page that left before it could drive its run may come back, so whoever becomes the driver first has it.
            if not run.has_driver and not self._kept.is_watched(run) and run.become_driver():
                run.end("stopped", STOPPED_EARLY)
                self.line.leave(run)
        self._kept.remove_expired()

    def _await_turn(self, job: Job) -> None:
        """Returns when the model is this job's, or when it is to stop.

        Only the next in line looks again by itself, for room on the disk. The others sleep until they are called: when
        twenty threads woke up at every turn, and every second, the server could answer nobody.
        """
        while not job.stopping:
            is_next = self.line.is_next(job)
            if is_next and self._has_room(job) and self.line.take_turn(job):
                return
            self.line.wait_for_call(job, _LOOK_AGAIN_S if is_next else None)

    def _has_room(self, job: Job) -> bool:
        """Whether the disk takes a job's chunks and both downloads, each no larger than the int16 HU themselves."""
        geometry = self.generator.card.geometry
        voxels = job.chunks_total * geometry.slices_per_chunk * geometry.rows * geometry.columns
        has_room = self._kept.make_room(3 * 2 * voxels)
        if not has_room:
            job.set_waiting_reason("Waiting for disk space: the server is full of volumes that people are looking at.")
        return has_room

    def _start_sweeper(self) -> None:
        if self._sweeper is None:
            self._sweeper = threading.Thread(target=self._sweep_on, name="sweep-runs", daemon=True)
            self._sweeper.start()

    def _sweep_on(self) -> None:
        """Sweeps while there is anything to sweep: nobody may come for hours, and reports must not stay that long."""
        while True:
            self._clock.sleep(self.limits.sweep_every_s)
            self.sweep()
            with self._adding:
                if not self._kept.all():
                    self._sweeper = None
                    return


def _is_run_id(given: object) -> bool:
    return isinstance(given, str) and RUN_ID.fullmatch(given) is not None
