"""What happens on each event of the page. Plain functions and generators: no Gradio is needed to drive them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from app import present
from app.export import export
from app.messages import logged, worded
from app.runs import Run, Runs
from ctflow.errors import CTFlowError
from ctflow.events import Generator, Reading
from ctflow.report import Report

TICK_S = 0.25
Manifest = dict[str, Any]


class View(NamedTuple):
    """What an event changes on the page. None leaves a thing as it is."""

    manifest: Manifest | None
    problem: str
    busy: bool


class Handlers:
    def __init__(self, generator: Generator, runs: Runs) -> None:
        self.generator = generator
        self.runs = runs

    def read(self, findings: str, impression: str, sex: str, age: str) -> str:
        """How much of the report the model takes in, as HTML. An empty report has no tokens."""
        try:
            reading = self.generator.read(_report(findings, impression, sex, age))
        except CTFlowError as error:
            if (findings + impression).strip():
                return present.problem_html(worded(error))
            reading = Reading(0, self.generator.card.text.max_tokens, "")
        return present.tokens_html(reading)

    def generate(self, *fields: Any) -> Iterator[View]:
        """Starts a run and follows it to its end. `fields`: those of `start`, in its order."""
        try:
            run = self.start(*fields)
        except CTFlowError as error:
            yield View(None, worded(error), busy=False)
            return
        yield from self.follow(run)

    def start(
        self,
        findings: str,
        impression: str = "",
        sex: str = "",
        age: str | int | None = None,
        seed: float | None = None,
        chunks: float | None = None,
        steps: float | None = None,
        solver: str | None = None,
        guidance: float | None = None,
    ) -> Run:
        """Starts a run; None keeps the model's default. Raises CTFlowError for what cannot be generated."""
        request = self.generator.card.request(
            _report(findings, impression, sex, age),
            _whole(seed, 0),
            chunks=_whole(chunks),
            steps=_whole(steps),
            solver=solver,
            guidance=guidance,
        )
        return self.runs.start(request)

    def attach(self, shown: Manifest | None) -> Iterator[View]:
        """Follows a run that a page still knows after a reload."""
        run = self.runs.get((shown or {}).get("run"))
        if run is None:
            yield View(present.unknown_run(), "", busy=False)
            return
        yield from self.follow(run)

    def follow(self, run: Run) -> Iterator[View]:
        """A view at once, at each piece of news, and in between often enough for progress to move."""
        while True:
            seen = run.version
            view = self._view(run)
            yield view
            if not view.busy:
                return
            run.wait(seen, TICK_S)

    def stop(self, shown: Manifest | None) -> None:
        self.runs.stop((shown or {}).get("run"))

    def export(self, wanted: dict[str, str]) -> dict[str, str]:
        """Writes what a run has made so far. `wanted`: `run` and `kind`; returns `path` and `name`, or `problem`."""
        run = self.runs.get(wanted.get("run"))
        if run is None:
            return {"problem": present.unknown_run()["status"]}
        try:
            path = export(run, self.generator, wanted.get("kind", "nifti"))
        except CTFlowError as error:
            return {"problem": worded(error)}
        except OSError as error:
            return {"problem": logged(error)}
        return {"path": str(path), "name": path.name}

    def _view(self, run: Run) -> View:
        per_chunk = self.generator.card.geometry.slices_per_chunk
        manifest = present.manifest(run, self.runs.ahead_of(run), per_chunk)
        return View(manifest, "", busy=manifest["state"] in ("waiting", "running"))


def _report(findings: str, impression: str, sex: str, age: str | int | None) -> Report:
    """The fields of the page -> Report. Headings that were pasted with the text are understood."""
    return Report.parse(findings or "", impression or "", _sex(sex), _age(age))


def _age(typed: str | int | None) -> Any:
    """An empty field is no age; what is not a number is left for `Report` to refuse."""
    text = str("" if typed is None else typed).strip()
    return int(text) if text.isdecimal() else text or None


def _sex(choice: str | None) -> Any:
    """The page's empty choice is no sex; `Report` judges the rest."""
    return choice or None


def _whole(number: float | None, missing: int | None = None) -> Any:
    """Gradio's numbers may come as 7.0; what is not whole is left for the request to refuse."""
    if number is None:
        return missing
    return int(number) if float(number).is_integer() else number
