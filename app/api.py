"""The endpoints for programs. They give the same requests as the page does, and the same words when those are wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import gradio as gr
from pydantic import TypeAdapter

from app.export import export
from app.handlers import Handlers
from app.messages import logged, worded
from app.run import Run
from ctflow.card import ModelCard
from ctflow.errors import CTFlowError

_card = TypeAdapter(ModelCard)


def endpoints(handlers: Handlers) -> dict[str, Callable[..., Any]]:
    """Typed functions for `gr.api`, which reads parameters and outputs off the annotations, by their names."""

    async def generate(
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
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[gr.FileData, gr.FileData]:
        """Report -> a synthetic chest CT (NIfTI), and the JSON that can make it again.

        `sex` is F, M or empty; None keeps the model's default. Cancelling, or leaving, stops the run.
        """
        fields = dict(locals())
        async with _running(handlers, fields) as run:
            while not run.over:
                yield None, None  # here a cancelled job is closed
                await handlers.news({"run": run.id, "seen": run.version})
            if run.state != "finished":
                raise gr.Error(handlers.manifest(run)["status"], print_exception=False)
            yield await asyncio.to_thread(_files, handlers, run)

    async def stream(
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
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> dict:
        """As /generate, but tells of the run while it is made: state, progress, and the chunks that are new.

        A chunk's file holds the int16 HU of its slices, all low bytes before all high bytes, deflated.
        """
        fields = dict(locals())
        async with _running(handlers, fields) as run:
            told = 0
            while True:
                manifest = handlers.manifest(run)
                chunks = manifest.pop("chunks")
                yield {**manifest, "new_chunks": [_chunk(**chunk) for chunk in chunks[told:]]}
                told = len(chunks)
                if manifest["state"] in ("finished", "stopped", "failed"):
                    return
                await handlers.news({"run": run.id, "seen": manifest["version"]})

    def model() -> dict:
        """The model's card: what it makes, what it is good for, and what not."""
        return _card.dump_python(handlers.generator.card, mode="json")

    return {"generate": generate, "stream": stream, "model": model}


@asynccontextmanager
async def _running(handlers: Handlers, fields: dict[str, Any]) -> AsyncIterator[Run]:
    """A run that lasts no longer than somebody waits for it: a program, other than a page, does not come back."""
    request: gr.Request = fields.pop("request")
    with _worded():
        run = handlers.begin(f"program {request.session_hash}", None, **fields)
        try:
            # A copy of this context goes with it: ZeroGPU reads off it whose request this is.
            driving = [asyncio.to_thread(handlers.runs.drive, run)] if handlers.driven else []
            tasks = [asyncio.create_task(task) for task in driving]
            yield run
            await asyncio.gather(*tasks)
        finally:
            if not run.over:
                handlers.runs.stop(run.id)


@contextmanager
def _worded() -> Iterator[None]:
    """Gradio prints the trace of what it does not know, and a report may be quoted there."""
    try:
        yield
    except CTFlowError as error:
        raise gr.Error(worded(error), print_exception=False) from error
    except gr.Error:
        raise
    except Exception as error:
        raise gr.Error(logged(error), print_exception=False) from error


def _chunk(path: str, first: int, slices: int) -> dict[str, Any]:
    """Apart, because Gradio's client takes any object with a path for a file, and keeps nothing else of it."""
    return {"first_slice": first, "slices": slices, "file": gr.FileData(path=path).model_dump()}


def _files(handlers: Handlers, run: Run) -> tuple[gr.FileData, gr.FileData]:
    paths = [export(run, handlers.generator, kind) for kind in ("nifti", "sidecar")]
    volume, sidecar = (gr.FileData(path=str(path), orig_name=path.name) for path in paths)
    return volume, sidecar
