"""The endpoints for programs. They accept the same requests as the page, and refuse the others in the same words."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from pydantic import TypeAdapter

from app.export import export
from app.handlers import Handlers
from app.job import ENDED, Job
from app.messages import error_text, log_bug
from app.present import unknown_run
from app.run import Run
from ctflow.card import ModelCard
from ctflow.errors import CTFlowError, RequestError

J = TypeVar("J", bound=Job)
_card = TypeAdapter(ModelCard)


def endpoints(handlers: Handlers) -> dict[str, Callable[..., Any]]:
    """Typed functions for `gr.api`, which reads the names and types of parameters and outputs off the annotations.

    Of a generator it takes the annotation for that of one item, so two of these say what they yield.
    """

    def model() -> dict:
        """The model's card: what it makes, what it is good for, and what it is not good for."""
        return _card.dump_python(handlers.generator.card, mode="json")

    def export_run(run: str, kind: str = "nifti") -> gr.FileData:
        """A file of what a run has made so far, for as long as the server keeps it.

        `run`: its id, as /stream tells it; `kind`: nifti, dicom (a zip) or sidecar (JSON).
        """
        with errors_in_words():
            known = handlers.runs.get(run)
            if known is None:
                raise RequestError(unknown_run()["status"])
            return _file(export(known, handlers.generator, kind))

    making = {"generate": _generate(handlers), "stream": _stream(handlers)}
    return {**making, "export": export_run, "model": model}


def _generate(handlers: Handlers) -> Callable[..., Any]:
    async def generate(  # type: ignore[misc]  # the return type is an item's, see `endpoints`
        findings: str,
        impression: str = "",
        sex: str = "",
        age: int | None = None,
        seed: int = 0,
        chunks: int | None = None,
        steps: int | None = None,
        solver: str | None = None,
        guidance: float | None = None,
        shift: float | None = None,
        guidance_above_t: float | None = None,
        request: gr.Request = None,
    ) -> tuple[gr.FileData, gr.FileData]:
        """Makes a synthetic chest CT from a report: a NIfTI file, and the JSON file that can make it again.

        `sex` is F, M or empty. None keeps the model's default. Cancelling, or leaving, stops the run.
        """
        fields = {
            "findings": findings, "impression": impression, "sex": sex, "age": age, "seed": seed, "chunks": chunks,
            "steps": steps, "solver": solver, "guidance": guidance, "shift": shift,
            "guidance_above_t": guidance_above_t,
        }  # fmt: skip
        async with running(handlers, request, partial(handlers.start_run, run_id=None, fields=fields)) as run:
            while not run.ended:
                yield None, None  # here Gradio closes a job that was cancelled
                await handlers.news({"run": run.id, "seen": run.version})
            if run.state != "finished":
                raise gr.Error(handlers.manifest(run)["status"], print_exception=False)
            yield await asyncio.to_thread(_files, handlers, run)

    return generate


async def finished_files(handlers: Handlers, run: Run) -> AsyncIterator[tuple[Any, Any]]:
    """Nothing while a run is made, and then its volume and sidecar. Raises gr.Error for one that did not finish."""
    while not run.ended:
        yield None, None  # here Gradio closes a job that was cancelled
        await handlers.news({"run": run.id, "seen": run.version})
    if run.state != "finished":
        raise gr.Error(handlers.manifest(run)["status"], print_exception=False)
    yield await asyncio.to_thread(_files, handlers, run)


def _stream(handlers: Handlers) -> Callable[..., Any]:
    async def stream(  # type: ignore[misc]  # the return type is an item's, see `endpoints`
        findings: str,
        impression: str = "",
        sex: str = "",
        age: int | None = None,
        seed: int = 0,
        chunks: int | None = None,
        steps: int | None = None,
        solver: str | None = None,
        guidance: float | None = None,
        shift: float | None = None,
        guidance_above_t: float | None = None,
        request: gr.Request = None,
    ) -> dict:
        """Like /generate, but reports while the run is made: its state, its progress, and the chunks that are new.

        A chunk's file holds the int16 HU of its slices, all low bytes before all high bytes, deflated.
        """
        fields = {
            "findings": findings, "impression": impression, "sex": sex, "age": age, "seed": seed, "chunks": chunks,
            "steps": steps, "solver": solver, "guidance": guidance, "shift": shift,
            "guidance_above_t": guidance_above_t,
        }  # fmt: skip
        async with running(handlers, request, partial(handlers.start_run, run_id=None, fields=fields)) as run:
            sent = 0
            while True:
                manifest = handlers.manifest(run)
                manifest.pop("draft")  # it is for a person's eyes
                made = manifest.pop("chunks")
                yield {**manifest, "new_chunks": [chunk_file(**chunk) for chunk in made[sent:]]}
                sent = len(made)
                if manifest["state"] in ENDED:
                    return
                await handlers.news({"run": run.id, "seen": manifest["version"]})

    return stream


@asynccontextmanager
async def running(handlers: Handlers, request: gr.Request, start: Callable[[str], J]) -> AsyncIterator[J]:
    """A job that lasts no longer than somebody waits for it: unlike a page, a program does not come back.

    `start` puts it in line for a visitor of this name.
    """
    with errors_in_words():
        job = start(f"program {request.session_hash}")
        try:
            # A copy of this context goes with it, from which ZeroGPU reads whose request this is.
            driving = [asyncio.to_thread(handlers.runs.drive, job)] if handlers.driven else []
            tasks = [asyncio.create_task(task) for task in driving]
            yield job
            await asyncio.gather(*tasks)
        finally:
            if not job.ended:
                handlers.runs.stop(job.id)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Gradio prints the traces of errors that it does not know, and they may quote a report."""
    try:
        yield
    except CTFlowError as error:
        raise gr.Error(error_text(error), print_exception=False) from error
    except gr.Error:
        raise
    except Exception as error:
        raise gr.Error(log_bug(error), print_exception=False) from error


def chunk_file(path: str, first: int, slices: int) -> dict[str, Any]:
    """The file is an object of its own, because Gradio's client turns any object with a path into that path alone."""
    return {"first_slice": first, "slices": slices, "file": gr.FileData(path=path).model_dump()}


def _files(handlers: Handlers, run: Run) -> tuple[gr.FileData, gr.FileData]:
    paths = [export(run, handlers.generator, kind) for kind in ("nifti", "sidecar")]
    volume, sidecar = (_file(path) for path in paths)
    return volume, sidecar


def _file(path: Path) -> gr.FileData:
    return gr.FileData(path=str(path), orig_name=path.name)
