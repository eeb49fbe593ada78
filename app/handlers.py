"""What the page and programs can ask for. Plain functions of JSON: no Gradio is needed to call them.

A page asks through these alone, and not through Gradio's queue, so it can ask again after a lost connection.
"""

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any

from app import present
from app.export import export
from app.going_on import going_on
from app.job import State
from app.messages import error_text, log_bug
from app.opposite import opposite
from app.reading import shown_reading
from app.run import Run
from app.runs import Runs
from app.typed import Typed
from ctflow.errors import CTFlowError, RequestError
from ctflow.generator import VolumeGenerator
from ctflow.report import Report
from ctflow.request import GenerationRequest, Start

Json = dict[str, Any]
REPORT_FIELDS = ("findings", "impression", "sex", "age")
FIELDS = (*REPORT_FIELDS, "seed", "chunks", "steps", "solver", "shift", "guidance", "guidance_above_t")
_NUMBERS = ("chunks", "steps", "shift", "guidance", "guidance_above_t")
# How long `news` waits for a new version, and how often it looks. Steps within a chunk and places in line make no new
# version, but people should see both move. If they did, twenty pages would keep the server from hearing anybody else.
WAIT_S: dict[State, float] = {"waiting": 2.0, "running": 0.5, "finished": 5.0, "stopped": 5.0, "failed": 5.0}
LOOK_S: dict[State, float] = {"waiting": 0.2, "running": 0.05, "finished": 0.2, "stopped": 0.2, "failed": 0.2}
LONGEST_VISITOR = 64  # letters of a visitor's name, which is kept with each run


def answering(handler: Callable[..., Json]) -> Callable[..., Json]:
    """Makes a handler answer with `problem`, in words for people, instead of raising."""

    @wraps(handler)
    def answer(self: Any, asked: object) -> Json:
        try:
            return handler(self, asked if isinstance(asked, dict) else {})
        except CTFlowError as error:
            return {"problem": error_text(error)}
        except Exception as error:  # Gradio would print it, with whatever the report says
            return {"problem": log_bug(error)}

    return answer


class Handlers:
    """One for each server. `driven`: whether each run is driven by a request of its page, as ZeroGPU needs it."""

    def __init__(self, generator: VolumeGenerator, runs: Runs, driven: bool = False) -> None:
        self.generator = generator
        self.runs = runs
        self.driven = driven

    @answering
    def read(self, asked: Json) -> Json:
        """What the model takes in of the report. `asked`: REPORT_FIELDS; an empty report has no tokens."""
        findings, impression = asked.get("findings"), asked.get("impression")
        if isinstance(findings, str) and isinstance(impression, str) and not (findings + impression).strip():
            return shown_reading(self.generator.read(None), None, self.generator.drawn)
        report = _report(asked)
        typed = Typed(_typed(findings), _typed(impression))
        return shown_reading(self.generator.read(report), typed, self.generator.drawn)

    @answering
    def opposite(self, asked: Json) -> Json:
        """A plain denial of what a `sentence` asserts, or, if it only denies, an assertion of that."""
        return {"text": opposite(self.generator, asked.get("sentence"))}

    @answering
    def start(self, asked: Json) -> Json:
        """Puts a run in line. `asked`: FIELDS, `visitor`, and `run`, an id that the page has made up.

        A page that has heard no answer asks again with the same id, and gets the same run.
        """
        visitor = str(asked.get("visitor"))[:LONGEST_VISITOR]
        return {"run": self.start_run(visitor, asked.get("run"), asked).id}

    def start_run(self, visitor: str, run_id: Any, fields: Json) -> Run:
        """Puts a run in line: a new one, or one that goes on from `run_before` (see `continue_run`).

        Raises CTFlowError for what cannot be generated.
        """
        if fields.get("run_before") is not None:
            return self.continue_run(visitor, run_id, fields)
        return self.put_in_line(self.request(fields), visitor, run_id)

    def continue_run(self, visitor: str, run_id: Any, fields: Json) -> Run:
        """Puts a run in line that goes on from `run_before`, with that one's seed and settings.

        Of `fields`, `keep`, `chunks` and REPORT_FIELDS count; where there is no report, or `keep` is None, see
        `going_on`. Raises CTFlowError.
        """
        before = self.runs.get(fields.get("run_before"))
        if before is None:
            raise RequestError("The volume to go on from is no longer on the server. Generate it again first.")
        is_edited = any(fields.get(name) is not None for name in ("findings", "impression"))
        report = _report(fields) if is_edited else None
        keep, chunks = _number(fields.get("keep")), _number(fields.get("chunks"))
        request, start = going_on(before, report, keep, chunks, self.generator.card.geometry.slices_per_chunk)
        self.generator.card.check(request)
        before.mark_seen()
        return self.put_in_line(request, visitor, run_id, start)

    def request(self, fields: Json) -> GenerationRequest:
        """Of FIELDS, those that are missing or None keep the model's default. Raises CTFlowError."""
        settings = {name: _number(fields.get(name)) for name in _NUMBERS}
        seed = _number(fields.get("seed"))
        return self.generator.card.request(
            _report(fields), 0 if seed is None else seed, solver=fields.get("solver") or None, **settings
        )

    def put_in_line(
        self, request: GenerationRequest, visitor: str, run_id: Any, start: Start | None = None, title: str = ""
    ) -> Run:
        """A run, driven by a request of its page if need be. Raises CTFlowError if too many wait."""
        put_in_line = self.runs.add if self.driven else self.runs.start
        return put_in_line(request, visitor, run_id, start, title)

    def drive(self, asked: object) -> None:
        """Takes the run or the question that was asked for to its end, inside this very request. Only if `driven`."""
        job = self.runs.job(asked.get("run")) if isinstance(asked, dict) else None
        if job is not None and self.driven:
            self.runs.drive(job)

    async def news(self, asked: object) -> Json:
        """The manifest of a run, as soon as it is newer than version `seen`, or after a while."""
        asked = asked if isinstance(asked, dict) else {}
        run = self.runs.get(asked.get("run"))
        if run is None:
            return {**present.unknown_run(), "server": self.runs.id}
        loop = asyncio.get_running_loop()
        until_s = loop.time() + WAIT_S[run.state]
        while run.version == asked.get("seen") and not run.ended and loop.time() < until_s:
            await asyncio.sleep(LOOK_S[run.state])
        return self.manifest(run)

    def manifest(self, run: Run) -> Json:
        """What is known of a run now. Whoever asks is looking at it."""
        run.mark_seen()
        line, geometry = self.runs.line, self.generator.card.geometry
        manifest = present.manifest(run, len(line.ahead_of(run)), line.wait_s(run), geometry.slices_per_chunk)
        return {**manifest, "server": self.runs.id, "needs_driver": self.driven and not run.has_driver}

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
        run.mark_seen()
        path = export(run, self.generator, asked.get("kind", "nifti"))
        return {"path": str(path), "name": path.name}

    def health(self) -> Json:
        """What runs here, and how many runs wait."""
        return {
            "model": self.generator.card.name,
            "device": self.generator.device,
            "queue": len(self.runs.line.waiting()),
        }


def _report(fields: Json) -> Report:
    """REPORT_FIELDS -> Report. Headings that were pasted with the text are understood. Raises RequestError."""
    findings, impression = (_typed(fields.get(name)) for name in ("findings", "impression"))
    if not (isinstance(findings, str) and isinstance(impression, str)):
        return Report(findings=findings, impression=impression)  # which says what is wrong
    return Report.parse(findings, impression=impression, sex=fields.get("sex") or None, age=_age(fields.get("age")))


def _typed(text: Any) -> Any:
    """A field that is left out is empty. What is no text is left for `Report` to refuse."""
    return "" if text is None else text


def _age(typed: Any) -> Any:
    """An empty field is no age. What is not a number is left for `Report` to refuse."""
    if not isinstance(typed, str):
        return _number(typed)
    text = typed.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text or None


def _number(value: Any) -> Any:
    """JSON's numbers may come as 7.0. What is not whole is left for the request to refuse."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
