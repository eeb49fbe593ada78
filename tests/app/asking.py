"""Asks handlers as a page does."""

import asyncio
from typing import Any

from app.handlers import Handlers
from app.run import Run

FIELDS: dict[str, Any] = {
    "findings": "The lungs are clear.",
    "impression": "",
    "sex": "",
    "age": "",
    "seed": 1,
    "chunks": 2,
    "steps": 2,
    "solver": "euler",
    "guidance": 1,
}


def ask(handlers: Handlers, **changes: Any) -> dict[str, Any]:
    """Starts a run of two small chunks; `changes` are fields of the question."""
    return handlers.start({**FIELDS, "visitor": "somebody", **changes})


def news(handlers: Handlers, run_id: Any, seen: int | None = None) -> dict[str, Any]:
    return asyncio.run(handlers.news({"run": run_id, "seen": seen}))


def ended(handlers: Handlers, **changes: Any) -> dict[str, Any]:
    """Starts a run and follows it; returns its last manifest."""
    manifest = news(handlers, ask(handlers, **changes)["run"])
    while manifest["state"] in ("waiting", "running"):
        manifest = news(handlers, manifest["run"], manifest["version"])
    return manifest


def run_of(handlers: Handlers, answer: dict[str, Any]) -> Run:
    """The run that an answer or a manifest names."""
    run = handlers.runs.get(answer["run"])
    assert run is not None
    return run
