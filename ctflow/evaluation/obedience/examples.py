"""Phantoms, measured: what detectors learn from, kept on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ctflow.evaluation.obedience.look import Look
from ctflow.evaluation.obedience.measures import Measures, measure
from ctflow.evaluation.obedience.sources import sources
from ctflow.io.files import write_atomic
from ctflow.phantom import Truth, make_phantom
from ctflow.runtime.processes import processes


@dataclass(frozen=True)
class Example:
    """One phantom: what is measured in it, and what is in it."""

    measures: Measures
    truth: Truth


def example(look: Look, seed: int) -> Example:
    """The phantom of a seed."""
    phantom = make_phantom(seed)
    return Example(measure(look.at(phantom)), phantom.truth)


def kept_in(folder: Path, seed: int, look: Look) -> Path:
    """Where the examples of the seeds from `seed` on are kept, one JSON line each."""
    return folder / f"detectors-{seed}-{look.name}-{sources()}.jsonl"


def examples(folder: Path, count: int, seed: int, workers: int, look: Look) -> Iterator[Example]:
    """The phantoms of the seeds from `seed` on; goes on where it was stopped."""
    path = kept_in(folder, seed, look)
    lines = _whole_lines(path)
    for line in lines[:count]:
        data = json.loads(line)
        yield Example(data["measures"], Truth.from_json(data["truth"]))
    missing = range(seed + len(lines), seed + count)
    if not missing:
        return
    with processes(workers) as pool, path.open("a", encoding="utf-8") as file:
        for one in pool.map(partial(example, look), missing):
            file.write(json.dumps({"measures": one.measures, "truth": one.truth.to_json()}) + "\n")
            file.flush()
            yield one


def _whole_lines(path: Path) -> list[str]:
    """The lines of a file, which loses its last one where a run was killed while writing it."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        write_atomic(path, whole.encode())
    return whole.splitlines()
