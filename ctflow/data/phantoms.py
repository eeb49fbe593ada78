"""The training set: phantoms made once, kept on disk as noise-free HU, and the truth that reports are written from."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from tqdm import tqdm

from ctflow.io.files import write_atomic
from ctflow.phantom import Truth, make_phantom
from ctflow.runtime.processes import processes

MAX_SLICES = 96
VOLUMES, FACTS = "phantoms.npy", "phantoms.json"
STUDIES = 2  # of each person, one after the other: only their findings differ


@dataclass(frozen=True, eq=False)
class PhantomSet:
    """`hu`: int16 (phantoms, MAX_SLICES, 256, 256), noise-free; `slices[i]` of phantom i are filled."""

    hu: np.ndarray
    slices: list[int]
    truths: list[Truth]


def _make(path: Path, index: int, seed: int) -> tuple[int, Truth]:
    phantom = make_phantom(seed + index // STUDIES, study=index % STUDIES)
    count = min(len(phantom.clean), MAX_SLICES)
    hu = open_memmap(path, mode="r+")
    hu[index, :count] = phantom.clean[:count]
    return count, phantom.truth


def holds(folder: Path, count: int, seed: int) -> bool:
    """Whether the set of `count` and `seed` is in the folder, whole."""
    facts = folder / FACTS
    made = json.loads(facts.read_text(encoding="utf-8")) if facts.exists() else {}
    return (made.get("count"), made.get("seed"), made.get("studies")) == (count, seed, STUDIES)


def phantom_set(folder: Path, count: int, seed: int, workers: int | None = None) -> PhantomSet:
    """Makes or reopens `count` phantoms, STUDIES of each seed from `seed` on: `phantoms.npy` (12.6 MB each) and
    `phantoms.json`.

    The same seeds give the same bytes whatever the number of `workers` (processes; default: one per core). A set that
    was cut short, or is of other seeds, is made again.
    """
    path, facts = folder / VOLUMES, folder / FACTS
    made = json.loads(facts.read_text(encoding="utf-8")) if holds(folder, count, seed) else None
    if made is None:
        made = {
            "count": count,
            "seed": seed,
            "studies": STUDIES,
            "phantoms": _make_all(path, count, seed, workers or os.cpu_count() or 1),
        }
        write_atomic(facts, json.dumps(made).encode())
    truths = [Truth.from_json(one["truth"]) for one in made["phantoms"]]
    return PhantomSet(open_memmap(path, mode="r"), [one["slices"] for one in made["phantoms"]], truths)


def _make_all(path: Path, count: int, seed: int, workers: int) -> list[dict[str, object]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)  # it would speak of volumes that are being written over
    open_memmap(path, mode="w+", dtype=np.int16, shape=(count, MAX_SLICES, 256, 256)).flush()
    with processes(workers) as pool:
        made = pool.map(_make, [path] * count, range(count), [seed] * count, chunksize=4)
        results = list(tqdm(made, total=count, desc="phantoms", unit="phantom"))
    return [{"slices": slices, "truth": truth.to_json()} for slices, truth in results]
