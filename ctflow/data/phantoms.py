"""Sets of phantoms on disk, made once: noise-free HU in one memory-mapped array, and their truths."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from tqdm import tqdm

from ctflow.errors import RequestError
from ctflow.io.files import write_atomic
from ctflow.phantom import Truth, make_phantom
from ctflow.phantom.grid import SIZE
from ctflow.runtime.processes import processes
from ctflow.runtime.threads import cores_given

MAX_SLICES = 96
VOLUMES, TRUTHS = "phantoms.npy", "phantoms.json"
STUDIES = 2  # of each person, one after the other; they differ in their findings only


@dataclass(frozen=True, eq=False)
class PhantomSet:
    """`hu`: int16 (phantoms, MAX_SLICES, 256, 256), noise-free. Of phantom i, the first `slices[i]` slices count."""

    hu: np.ndarray
    slices: list[int]
    truths: list[Truth]


def phantom_set(folder: Path, count: int, seed: int, workers: int | None = None) -> PhantomSet:
    """Makes or reopens `count` phantoms, STUDIES of each seed from `seed` on: `phantoms.npy` (12.6 MB each) and
    `phantoms.json`.

    The same seeds give the same bytes, whatever the number of `workers` (processes; None: one per core). A set whose
    making was cut short, or of other seeds, is made again.
    """
    if not holds(folder, count, seed):
        made = _make_all(folder, count, seed, workers or cores_given())
        content = {"count": count, "seed": seed, "studies": STUDIES, "phantoms": made}
        write_atomic(folder / TRUTHS, json.dumps(content).encode())
    return open_phantom_set(folder)


def open_phantom_set(folder: Path) -> PhantomSet:
    """Opens a set that `phantom_set` made. HU are read from disk when they are looked at.

    Raises RequestError for a folder without one.
    """
    try:
        phantoms = _read_json(folder / TRUTHS)["phantoms"]
        truths = [Truth.from_json(one["truth"]) for one in phantoms]
        return PhantomSet(open_memmap(folder / VOLUMES, mode="r"), [one["slices"] for one in phantoms], truths)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RequestError(
            f"{folder} holds no set of phantoms ({error}): {VOLUMES} and {TRUTHS} were expected, as `train demo` "
            "leaves them in its --work."
        ) from error


def holds(folder: Path, count: int, seed: int) -> bool:
    """Whether the set of `count` and `seed` is in the folder and complete."""
    path = folder / TRUTHS
    made = _read_json(path) if path.exists() else {}
    return (made.get("count"), made.get("seed"), made.get("studies")) == (count, seed, STUDIES)


def _make_all(folder: Path, count: int, seed: int, workers: int) -> list[dict[str, object]]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRUTHS).unlink(missing_ok=True)  # it would describe volumes that are being overwritten
    path = folder / VOLUMES
    open_memmap(path, mode="w+", dtype=np.int16, shape=(count, MAX_SLICES, SIZE, SIZE)).flush()
    with processes(workers) as pool:
        made = pool.map(_make, [path] * count, range(count), [seed] * count, chunksize=4)
        results = list(tqdm(made, total=count, desc="phantoms", unit="phantom"))
    return [{"slices": slices, "truth": truth.to_json()} for slices, truth in results]


def _make(path: Path, index: int, seed: int) -> tuple[int, Truth]:
    phantom = make_phantom(seed + index // STUDIES, study=index % STUDIES)
    count = min(len(phantom.clean), MAX_SLICES)
    hu = open_memmap(path, mode="r+")
    hu[index, :count] = phantom.clean[:count]
    return count, phantom.truth


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
