"""Phantoms that have been measured: what detectors learn from, kept on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ctflow.evaluation.obedience.measures.measure import MEASURES_VERSION, Measures, measure
from ctflow.evaluation.obedience.phantom_views import PhantomView
from ctflow.io.files import write_atomic
from ctflow.phantom import Truth, make_phantom
from ctflow.runtime.processes import processes


@dataclass(frozen=True)
class MeasuredPhantom:
    """What is measured in a phantom, and what is in it."""

    measures: Measures
    truth: Truth


def kept_in(folder: Path, seed: int, view: PhantomView) -> Path:
    """The file that keeps the phantoms of the seeds `seed`, `seed + 1`, …: one line of JSON each."""
    return folder / f"detectors-{seed}-{view.name}-v{MEASURES_VERSION}.jsonl"


def measured_phantoms(
    folder: Path, count: int, seed: int, workers: int, view: PhantomView
) -> Iterator[MeasuredPhantom]:
    """The phantoms of `count` seeds from `seed` on, as they look in this view.

    Those that an earlier run measured are read from the folder.
    """
    path = kept_in(folder, seed, view)
    lines = _complete_lines(path)
    for line in lines[:count]:
        data = json.loads(line)
        yield MeasuredPhantom(data["measures"], Truth.from_json(data["truth"]))
    missing = range(seed + len(lines), seed + count)
    if not missing:
        return
    with processes(workers) as pool, path.open("a", encoding="utf-8") as file:
        for one in pool.map(partial(_measured, view), missing):
            file.write(json.dumps({"measures": one.measures, "truth": one.truth.to_json()}) + "\n")
            file.flush()
            yield one


def _measured(view: PhantomView, seed: int) -> MeasuredPhantom:
    phantom = make_phantom(seed)
    return MeasuredPhantom(measure(view.show(phantom)), phantom.truth)


def _complete_lines(path: Path) -> list[str]:
    """The lines of a file; a last one that a killed run left incomplete is removed from the file."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    complete = text[: text.rfind("\n") + 1]
    if complete != text:
        write_atomic(path, complete.encode())
    return complete.splitlines()
