"""What the page and programs can ask about volumes: questions that make several, and what is found in one."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from app.chunks import NOT_WRITTEN
from app.export import export, file_name
from app.handlers import LONGEST_VISITOR, LOOK_S, WAIT_S, Handlers, Json, answering
from app.present import count, roughly
from app.present_found import found_table
from app.present_question import manifest, unknown_question
from app.question import KINDS, Question, Row, SentenceQuestion
from app.run import Run
from ctflow.analysis.ablation import hu_difference
from ctflow.analysis.findings import compare_findings
from ctflow.analysis.table import effects_csv
from ctflow.errors import RequestError, ResourceError, VolumeError
from ctflow.io.files import write_atomic
from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.judge import Judge
from ctflow.report import sentences
from ctflow.volume import Volume

# Who looks for findings in volumes, and what to say of those who cannot: they are made at the first question.
Q = TypeVar("Q", bound=Question)
Judges = Callable[[], tuple[Sequence[Judge], str]]


class Asking:
    """One for each server, beside its handlers."""

    def __init__(self, handlers: Handlers, judges: Judges) -> None:
        self.handlers, self._runs = handlers, handlers.runs
        self._generator = handlers.generator
        self._judges = judges

    @answering
    def cost(self, asked: Json) -> Json:
        """What a question would cost. `asked`: FIELDS, `kind` and `seeds`; answers `volumes`, and `words` to show."""
        request = self.handlers.request(asked)
        volumes = _kind(asked).check(request, _seeds(asked))
        step_s = self._runs.line.usual_step_s()
        about = f", about {roughly(step_s * volumes * request.chunks * request.steps)}" if step_s else ""
        said = f"{count(len(sentences(request.report)), 'sentence')}, seed {request.seed}"
        return {"volumes": volumes, "words": f"{said}: {count(volumes, 'volume')}{about}"}

    @answering
    def ask(self, asked: Json) -> Json:
        """Puts a question in line. `asked`: as of `cost`, `visitor`, and `question`, an id made up by the page."""
        visitor = str(asked.get("visitor"))[:LONGEST_VISITOR]
        return {"question": self.start(visitor, asked.get("question"), _kind(asked), asked).id}

    def start(self, visitor: str, question_id: Any, kind: type[Q], asked: Json) -> Q:
        """Puts a question of this kind in line. Raises CTFlowError for what cannot be asked."""
        request, seeds = self.handlers.request(asked), _seeds(asked)
        kind.check(request, seeds)
        new = partial(kind, request=request, seeds=seeds, keep=self._runs.keep)
        question: Q = self._runs.put_in_line(new, visitor, question_id)
        return question if self.handlers.driven else self._runs.driven(question)

    async def question(self, asked: object) -> Json:
        """What is known of a question, as soon as it is newer than version `seen`, or after a while."""
        asked = asked if isinstance(asked, dict) else {}
        question = self.find(asked.get("question"))
        if question is None:
            return {**unknown_question(), "server": self._runs.id}
        loop = asyncio.get_running_loop()
        until_s = loop.time() + WAIT_S[question.state]
        while question.version == asked.get("seen") and not question.ended and loop.time() < until_s:
            await asyncio.sleep(LOOK_S[question.state])
        return self.manifest(question)

    def find(self, question_id: object) -> Question | None:
        job = self._runs.job(question_id)
        return job if isinstance(job, Question) else None

    def manifest(self, question: Question) -> Json:
        """What is known of a question now. Whoever asks is looking at it and at its volumes."""
        question.mark_seen()
        line = self._runs.line
        told = manifest(question, len(line.ahead_of(question)), line.wait_s(question), self._is_kept)
        driven = self.handlers.driven and not question.has_driver
        return {**told, "server": self._runs.id, "needs_driver": driven}

    @answering
    def found(self, asked: Json) -> Json:
        """Asked, read, found: `asked` names a `run`; answers `columns`, `rows` and a `note`, in words."""
        run = self._runs.get(asked.get("run"))
        if run is None:
            raise RequestError("This volume is no longer on the server. Generate it again with the same seed.")
        run.mark_seen()
        if run.request is None:
            raise RequestError("A scan was not asked for by a report, so that there is nothing to compare it with.")
        if run.is_computed:
            raise RequestError(f"“{run.title}” is no chest: show one of the volumes that it was computed from.")
        missing, slices = run.missing()
        judges, note = self._judges()
        rows = compare_findings(run.request.report, run.volume(slices), self._generator, judges)
        partial = f"Only {missing} were looked into: what lies in the others is not seen." if missing else ""
        return found_table(rows, [judge.name for judge in judges], note, partial)

    @answering
    def answer(self, asked: Json) -> Json:
        """Writes what a question about sentences has found. `asked`: `question`, `kind` ("table", or "map" and its
        `number`); answers `path` and `name`."""
        question = self.find(asked.get("question"))
        if not isinstance(question, SentenceQuestion) or question.whole is None or question.chance is None:
            raise RequestError("There is nothing to save of this question. Ask it, and wait for its first row.")
        path = self.table(question) if asked.get("kind") == "table" else self.map(question, asked.get("number"))
        return {"path": str(path), "name": path.name}

    def table(self, question: SentenceQuestion) -> Path:
        """The rows so far, as CSV."""
        if question.whole is None or question.chance is None:
            raise RequestError("There is no row yet. Wait for the first one.")
        path = question.folder / self._name(question.whole, "-sentences.csv")
        try:
            write_atomic(path, effects_csv([question.chance], question.rows).encode())
        except VolumeError as error:  # whose words name a path of the server
            raise ResourceError(NOT_WRITTEN) from error
        return path

    def map(self, question: SentenceQuestion, number: object) -> Path:
        """HU with a sentence minus HU without it, as NIfTI."""
        row = next((row for row in question.rows if row.number == number), None)
        if row is None or question.whole is None:
            raise RequestError(f"This question has no row {number!r}. Wait for it, or choose another.")
        if not all(map(self._is_kept, (question.whole, row.run))):
            raise RequestError(
                "The volumes of this row are no longer on the server. Ask again: the seed gives the same."
            )
        path = question.folder / self._name(question.whole, f"-sentence{row.number}-map.nii.gz")
        kind = f"HU change by sentence {row.number}"
        try:
            write_nifti(_difference(question.whole, row), path, synthetic_label(self._generator.card.name, kind=kind))
        except VolumeError as error:
            raise ResourceError(NOT_WRITTEN) from error
        return path

    def volume_file(self, run: Run) -> Path:
        """A volume of a question, as NIfTI."""
        return export(run, self._generator, "nifti")

    def _name(self, run: Run, ending: str) -> str:
        return file_name(run, self._generator.card.name).removesuffix(".nii.gz") + ending

    def _is_kept(self, run: Run) -> bool:
        return self._runs.get(run.id) is run


def _kind(asked: Json) -> type[Question]:
    kind = KINDS.get(str(asked.get("kind")))
    if kind is None:
        raise RequestError(f"The kind of question is one of {', '.join(KINDS)}; got {asked.get('kind')!r}.")
    return kind


def _seeds(asked: Json) -> Any:
    """What is no whole number is left for the question to refuse."""
    return asked.get("seeds", 3)


def _difference(whole: Run, row: Row) -> Volume:
    a, b = whole.volume(), row.run.volume()
    slices = min(len(a.hu), len(b.hu))
    return Volume(hu_difference(a.hu[:slices], b.hu[:slices]), a.affine)
