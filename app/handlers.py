"""What the page and programs can ask for. Plain functions of JSON: no Gradio is needed to drive them.

A page asks by these alone, so that it decides itself what a lost connection means: it asks again.
"""

import asyncio
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from app import present
from app.export import export
from app.messages import logged, worded
from app.run import Run, State
from app.runs import Runs
from ctflow.errors import CTFlowError
from ctflow.generator import VolumeGenerator
from ctflow.report import Report

Json = dict[str, Any]
# How long `news` waits for some. Progress within a chunk is no news, nor is a line that moves, but both should be
# seen to move: all at once, twenty who wait would keep the server from hearing anybody else.
WAIT_S: dict[State, float] = {"waiting": 2.0, "running": 0.5, "finished": 5.0, "stopped": 5.0, "failed": 5.0}
_LOOK_S: dict[State, float] = {"waiting": 0.2, "running": 0.05, "finished": 0.2, "stopped": 0.2, "failed": 0.2}
_NAME = 64  # letters of a visitor's name: it is kept with each run
FIELDS = ("findings", "impression", "sex", "age", "seed", "chunks", "steps", "solver", "shift", "guidance")


def answering(handler: Callable[..., Json]) -> Callable[..., Json]:
    """Lets a handler answer with `problem`, in words for people, instead of raising."""

    @wraps(handler)
    def answer(self: "Handlers", asked: object) -> Json:
        try:
            return handler(self, asked if isinstance(asked, dict) else {})
        except CTFlowError as error:
            return {"problem": worded(error)}
        except Exception as error:  # Gradio would print it, with whatever was written in the report
            return {"problem": logged(error)}

    return answer


class Handlers:
    """One for each server. `driven`: whether a request has to drive its own run, as ZeroGPU wants it."""

    def __init__(self, generator: VolumeGenerator, runs: Runs, driven: bool = False) -> None:
        self.generator = generator
        self.runs = runs
        self.driven = driven

    @answering
    def read(self, asked: Json) -> Json:
        """What the model takes in of the report. `asked`: FIELDS; an empty report has no tokens."""
        findings, impression = asked.get("findings"), asked.get("impression")
        if isinstance(findings, str) and isinstance(impression, str) and not (findings + impression).strip():
            return present.reading(self.generator.read(None))
        return present.reading(self.generator.read(_report(**_fields(asked, FIELDS[:4]))))

    @answering
    def start(self, asked: Json) -> Json:
        """Puts a run in line. `asked`: FIELDS, `visitor`, and `run`, an id that the page has made up.

        A page that has heard no answer asks again with the same id, and gets the same run.
        """
        return {"run": self.begin(str(asked.get("visitor"))[:_NAME], asked.get("run"), **_fields(asked, FIELDS)).id}

    def begin(self, visitor: str, run_id: Any, **fields: Any) -> Run:
        """Puts a run in line; None keeps the model's default. Raises CTFlowError for what cannot be generated."""
        settings = {name: _number(fields.get(name)) for name in ("chunks", "steps", "shift", "guidance")}
        report = _report(**{name: fields.get(name) for name in FIELDS[:4]})
        seed = _number(fields.get("seed"))
        request = self.generator.card.request(
            report, 0 if seed is None else seed, solver=fields.get("solver") or None, **settings
        )
        begin = self.runs.add if self.driven else self.runs.start
        return begin(request, visitor, run_id)

    def drive(self, asked: object) -> None:
        """Takes the run that was asked for to its end, inside this very request. Only where `driven`."""
        run = self.runs.get(asked.get("run")) if isinstance(asked, dict) else None
        if run is not None and self.driven:
            self.runs.drive(run)

    async def news(self, asked: object) -> Json:
        """The manifest of a run, once it is newer than version `seen`, or after a while."""
        asked = asked if isinstance(asked, dict) else {}
        run = self.runs.get(asked.get("run"))
        if run is None:
            return {**present.unknown_run(), "server": self.runs.id}
        until_s = time.monotonic() + WAIT_S[run.state]
        while run.version == asked.get("seen") and not run.over and time.monotonic() < until_s:
            await asyncio.sleep(_LOOK_S[run.state])
        return self.manifest(run)

    def manifest(self, run: Run) -> Json:
        """What is known of a run now. Whoever asks is looking at it."""
        run.seen_s = time.monotonic()
        ahead, wait_s = len(self.runs.ahead_of(run)), self.runs.wait_s(run)
        per_chunk = self.generator.card.geometry.slices_per_chunk
        manifest = present.manifest(run, ahead, wait_s, per_chunk)
        return {**manifest, "server": self.runs.id, "needs_driver": self.driven and not run.claimed}

    @answering
    def stop(self, asked: Json) -> Json:
        """Stops a run, or takes it out of the line."""
        self.runs.stop(asked.get("run"))
        return {}

    @answering
    def export(self, asked: Json) -> Json:
        """Writes what a run has made so far. `asked`: `run` and `kind`; answers `path` and `name`."""
        run = self.runs.get(asked.get("run"))
        if run is None:
            return {"problem": present.unknown_run()["status"]}
        run.seen_s = time.monotonic()
        path = export(run, self.generator, asked.get("kind", "nifti"))
        return {"path": str(path), "name": path.name}

    def health(self) -> Json:
        """What runs here, and how busy it is."""
        return {"model": self.generator.card.name, "device": self.generator.device, "queue": self.runs.queue_length()}


def _fields(asked: Json, names: tuple[str, ...]) -> Json:
    return {name: asked.get(name) for name in names}


def _report(findings: Any, impression: Any, sex: Any, age: Any) -> Report:
    """The fields of the page -> Report. Headings that were pasted with the text are understood."""
    given = [("" if text is None else text) for text in (findings, impression)]
    if not all(isinstance(text, str) for text in given):
        return Report(*given)  # it says what is wrong
    return Report.parse(*given, sex or None, _age(age))


def _age(typed: Any) -> Any:
    """An empty field is no age; what is not a number is left for `Report` to refuse."""
    if not isinstance(typed, str):
        return _number(typed)
    text = typed.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text or None


def _number(value: Any) -> Any:
    """JSON's numbers may come as 7.0; what is not whole is left for the request to refuse."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
