"""Endpoints for programs that ask about volumes: with the page's rules and the page's words."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from app.api import running
from app.asking import Asking
from app.handlers import Handlers
from app.question import Question, Row, SeedQuestion, SentenceQuestion
from app.run import Run


def asking_endpoints(asking: Asking, handlers: Handlers) -> dict[str, Callable[..., Any]]:
    """See `app.api.endpoints`."""
    return {"ablate": _ablate(asking, handlers), "seeds": _seeds(asking, handlers)}


def _ablate(asking: Asking, handlers: Handlers) -> Callable[..., Any]:
    async def ablate(  # type: ignore[misc]  # the return type is an item's, see `app.api.endpoints`
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
        seeds: int = 3,
        request: gr.Request = None,
    ) -> dict:
        """What each sentence of a report does: reports while it is found out, with the rows that are new.

        `seeds`: how many other seeds tell what changes by chance. A row's `map` is a NIfTI file, HU with the sentence
        minus HU without it. The last report has all rows as CSV, `table`. Cancelling, or leaving, stops it.
        """
        fields = {
            "findings": findings, "impression": impression, "sex": sex, "age": age, "seed": seed, "chunks": chunks,
            "steps": steps, "solver": solver, "guidance": guidance, "shift": shift,
            "guidance_above_t": guidance_above_t, "seeds": seeds,
        }  # fmt: skip
        start = partial(asking.start, question_id=None, kind=SentenceQuestion, asked=fields)
        async with running(handlers, request, start) as question:
            sent = 0
            async for told in _told(asking, question):
                new = question.rows[sent:]
                sent += len(new)
                told["chance"] = question.chance and asdict(question.chance)
                told["new_rows"] = [await asyncio.to_thread(_row, asking, question, row) for row in new]
                is_last = question.ended and sent == len(question.rows) and sent > 0
                told["table"] = _file(await asyncio.to_thread(asking.table, question)) if is_last else None
                yield told

    return ablate


def _seeds(asking: Asking, handlers: Handlers) -> Callable[..., Any]:
    async def seeds(  # type: ignore[misc]  # the return type is an item's, see `app.api.endpoints`
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
        seeds: int = 4,
        request: gr.Request = None,
    ) -> dict:
        """Volumes of one report with several seeds, from `seed` on: reports while they are made, with the new ones.

        `seeds`: how many. The last report has their mean and their standard deviation, too. All are NIfTI files.
        Cancelling, or leaving, stops it.
        """
        fields = {
            "findings": findings, "impression": impression, "sex": sex, "age": age, "seed": seed, "chunks": chunks,
            "steps": steps, "solver": solver, "guidance": guidance, "shift": shift,
            "guidance_above_t": guidance_above_t, "seeds": seeds,
        }  # fmt: skip
        start = partial(asking.start, question_id=None, kind=SeedQuestion, asked=fields)
        async with running(handlers, request, start) as question:
            sent = 0
            async for told in _told(asking, question):
                new = question.volumes[sent:]
                sent += len(new)
                told["new_volumes"] = [await asyncio.to_thread(_volume, asking, run) for run in new]
                spread = question.spread.items() if question.ended else ()
                told["spread"] = {name: await asyncio.to_thread(_volume, asking, run) for name, run in spread}
                yield told

    return seeds


async def _told(asking: Asking, question: Question) -> AsyncIterator[dict[str, Any]]:
    """How far a question is, whenever that has changed, until it is over."""
    while True:
        told = asking.manifest(question)
        is_last = question.ended and told["version"] == question.version
        yield {name: told[name] for name in ("state", "share", "status", "detail")}
        if is_last:
            return
        await asking.question({"question": question.id, "seen": told["version"]})


def _row(asking: Asking, question: SentenceQuestion, row: Row) -> dict[str, Any]:
    return {
        "number": row.number,
        "sentence": row.sentence,
        "place": ", ".join(map(str, row.places)),
        "changed_ml": row.changed_ml,
        "mean_hu": row.mean_hu,
        "inside_hu": row.inside_hu,
        "outside_hu": row.outside_hu,
        "map": _file(asking.map(question, row.number)),
    }


def _volume(asking: Asking, run: Run) -> dict[str, Any]:
    return {"title": run.title, "seed": run.request and run.request.seed, "file": _file(asking.volume_file(run))}


def _file(path: Path) -> dict[str, Any]:
    return gr.FileData(path=str(path), orig_name=path.name).model_dump()
