"""Runs: each in its own thread, one at a time on the model, alive whether or not a page is looking.

A page that loses its connection closes Gradio's generators, so nothing here depends on them: a page finds its run
again by its id. Ids are unguessable, because whoever knows one may see and stop the run.
"""

import secrets
import shutil
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from app.chunks import Chunk, load, store
from app.messages import logged, worded
from ctflow.errors import CTFlowError, RequestError, ResourceError
from ctflow.events import ChunkDone, Event, Finished, GenerationRequest, Generator, Started, StepDone
from ctflow.volume import Volume

State = Literal["waiting", "running", "finished", "stopped", "failed"]
KEEP_S = 2 * 3600
MAX_WAITING = 16


class Run:
    """One volume in the making. Its thread alone writes to it, always under `news`; readers take `news` too."""

    def __init__(self, request: GenerationRequest, root: Path) -> None:
        self.id = secrets.token_urlsafe(16)
        self.folder = root / self.id
        self.folder.mkdir(parents=True)
        self.request = request
        self.news = threading.Condition(threading.RLock())
        self.version = 0
        self.state: State = "waiting"
        self.message = ""
        self.shape: tuple[int, int, int] | None = None
        self.affine: np.ndarray | None = None
        self.chunks: list[Chunk] = []
        self.steps_done = 0
        self.created_s = time.monotonic()
        self.started_s: float | None = None
        self.first_step_s: float | None = None
        self.last_step_s: float | None = None
        self.ended_s: float | None = None
        self._stop = threading.Event()

    @property
    def over(self) -> bool:
        return self.state in ("finished", "stopped", "failed")

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def slices(self) -> int:
        """The number of slices made so far."""
        return sum(chunk.shape[0] for chunk in self.chunks)

    def ask_to_stop(self) -> None:
        self._stop.set()
        self._tell()

    def wait(self, seen: int, timeout_s: float) -> int:
        """Waits for a version after `seen`, or until time is up; returns the version that is there."""
        with self.news:
            self.news.wait_for(lambda: self.version != seen, timeout_s)
            return self.version

    def volume(self) -> Volume:
        """What has been made so far. Raises RequestError where that is nothing."""
        with self.news:
            chunks, affine = list(self.chunks), self.affine
        if not chunks or affine is None:
            raise RequestError("There are no slices yet. Wait for the first ones.")
        return Volume(load(chunks), affine)

    def end(self, state: State, message: str) -> None:
        with self.news:
            self.ended_s = time.monotonic()
            self.state, self.message = state, message
            self._tell()

    def begin(self) -> None:
        with self.news:
            self.started_s = time.monotonic()
            self.state = "running"
            self._tell()

    def take(self, event: Event) -> None:
        """Keeps what an event brings. Steps are no news of their own: there may be a hundred in a second."""
        match event:
            case Started():
                with self.news:
                    self.shape, self.affine = event.shape, event.affine
                    self._tell()
            case StepDone():
                self._count_step()
            case ChunkDone() if len(event.hu):
                chunk = store(event.hu, event.first_slice, self.folder)
                with self.news:
                    self.chunks.append(chunk)
                    self._tell()
            case Finished():
                with self.news:
                    slices, rows, columns = event.volume.hu.shape
                    self.shape = slices, rows, columns
                    self.steps_done = self.request.chunks * self.request.steps

    def _count_step(self) -> None:
        with self.news:
            self.last_step_s = time.monotonic()
            self.first_step_s = self.first_step_s or self.last_step_s
            self.steps_done += 1

    def _tell(self) -> None:
        with self.news:
            self.version += 1
            self.news.notify_all()


class Runs:
    """The registry. `root` must lie under Gradio's upload folder, so that a login covers the chunks too."""

    def __init__(self, generator: Generator, root: Path) -> None:
        self.generator = generator
        self.root = root
        self._runs: dict[str, Run] = {}
        self._line: list[Run] = []  # the first one has the model
        self._turn = threading.Condition()
        _remove_old_folders(root)

    def start(self, request: GenerationRequest) -> Run:
        """Starts a run, or puts it in line. Raises RequestError if the line is too long."""
        self._forget_old()
        with self._turn:
            if len(self._line) > MAX_WAITING:
                raise ResourceError(f"{MAX_WAITING} people are waiting for this model already. Come back in a while.")
            run = Run(request, self.root)
            self._line.append(run)
            self._runs[run.id] = run
        threading.Thread(target=self._work, args=(run,), name=f"run-{run.id[:6]}", daemon=True).start()
        return run

    def get(self, run_id: object) -> Run | None:
        return self._runs.get(run_id) if isinstance(run_id, str) else None

    def stop(self, run_id: object) -> None:
        """Asks a run to stop; it hears that within one step. An unknown run has nothing to stop."""
        run = self.get(run_id)
        if run is not None:
            run.ask_to_stop()
            with self._turn:
                self._turn.notify_all()

    def ahead_of(self, run: Run) -> int:
        """How many runs come before this one."""
        with self._turn:
            return self._line.index(run) if run in self._line else 0

    def _work(self, run: Run) -> None:
        """A run's thread, from the end of the line to the end of the run."""
        try:
            with self._turn:
                self._turn.wait_for(lambda: self._line[0] is run or run.stopping)
            if run.stopping:
                run.end("stopped", "Stopped before it began.")
            else:
                self._generate(run)
        except CTFlowError as error:
            run.end("failed", worded(error))
        except Exception as error:  # the one place where a bug of ours must not take a half-made volume with it
            run.end("failed", logged(error))
        finally:
            with self._turn:
                self._line.remove(run)
                self._turn.notify_all()

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

    def _forget_old(self) -> None:
        """A page may come back to a finished run for a while; after that its slices go."""
        now_s = time.monotonic()
        old = [run for run in list(self._runs.values()) if run.ended_s is not None and now_s - run.ended_s > KEEP_S]
        for run in old:
            del self._runs[run.id]
            shutil.rmtree(run.folder, ignore_errors=True)


def _remove_old_folders(root: Path) -> None:
    """Removes what earlier processes left behind; Gradio's own sweep knows nothing of these files."""
    root.mkdir(parents=True, exist_ok=True)
    for folder in root.iterdir():
        if folder.is_dir() and time.time() - folder.stat().st_mtime > KEEP_S:
            shutil.rmtree(folder, ignore_errors=True)
