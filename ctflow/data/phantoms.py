"""Sets of phantoms on disk, made once: noise-free HU in one memory-mapped array, and their truths.

The first ones can be used while worker processes make the others.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
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
Made = tuple[int, Truth]  # a phantom that was made: how many slices it has, and its truth


@dataclass(frozen=True, eq=False)
class PhantomSet:
    """`hu`: int16 (phantoms, MAX_SLICES, 256, 256), noise-free. Of phantom i, the first `slices[i]` slices count."""

    hu: np.ndarray
    slices: list[int]
    truths: list[Truth]


class GrowingPhantomSet:
    """Phantoms that worker processes are making: the first ones are there, in their order, and others follow.

    `count`: how many there will be. Made by `phantoms_in_the_making`.
    """

    def __init__(self, folder: Path, count: int, seed: int, made: Sequence[Future[Made]]) -> None:
        self.count = count
        self._folder, self._seed, self._made = folder, seed, made
        self._hu = open_memmap(folder / VOLUMES, mode="r")
        self._there: list[Made] = []

    def so_far(self) -> PhantomSet:
        """Those that are there by now, all STUDIES of each person. Does not wait."""
        while len(self._there) < self.count and self._made[len(self._there)].done():
            self._take_next()
        whole = len(self._there) if len(self._there) == self.count else len(self._there) // STUDIES * STUDIES
        slices, truths = [one[0] for one in self._there[:whole]], [one[1] for one in self._there[:whole]]
        return PhantomSet(self._hu[:whole], slices, truths)

    def wait_for(self, count: int) -> PhantomSet:
        """Those that are there as soon as there are `count`."""
        with tqdm(total=count, initial=min(len(self._there), count), desc="phantoms", unit="phantom") as bar:
            while len(self._there) < count:
                self._take_next()
                bar.update()
        return self.so_far()

    def _take_next(self) -> None:
        self._there.append(self._made[len(self._there)].result())
        if len(self._there) == self.count:
            phantoms = [{"slices": slices, "truth": truth.to_json()} for slices, truth in self._there]
            content = {"count": self.count, "seed": self._seed, "studies": STUDIES, "phantoms": phantoms}
            write_atomic(self._folder / TRUTHS, json.dumps(content).encode())


@contextmanager
def phantoms_in_the_making(
    folder: Path, count: int, seed: int, workers: int | None = None
) -> Iterator[GrowingPhantomSet]:
    """Makes or reopens `count` phantoms, STUDIES of each seed from `seed` on: `phantoms.npy` (12.6 MB each) and
    `phantoms.json`, which is there when all are made.

    The same seeds give the same bytes, whatever the number of `workers` (processes; None: one per core). A set whose
    making was cut short, as by leaving this context, or of other seeds, is made again.
    """
    if holds(folder, count, seed):
        there = open_phantom_set(folder)
        yield GrowingPhantomSet(
            folder, count, seed, [_done(made) for made in zip(there.slices, there.truths, strict=True)]
        )
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRUTHS).unlink(missing_ok=True)  # it would describe volumes that are being overwritten
    path = folder / VOLUMES
    open_memmap(path, mode="w+", dtype=np.int16, shape=(count, MAX_SLICES, SIZE, SIZE)).flush()
    with processes(workers or cores_given()) as pool:
        made = [pool.submit(_make, path, index, seed) for index in range(count)]
        try:
            yield GrowingPhantomSet(folder, count, seed, made)
        finally:
            for one in made:
                one.cancel()


def phantom_set(folder: Path, count: int, seed: int, workers: int | None = None) -> PhantomSet:
    """All phantoms of a set, as `phantoms_in_the_making` makes them."""
    with phantoms_in_the_making(folder, count, seed, workers) as phantoms:
        return phantoms.wait_for(count)


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


def _make(path: Path, index: int, seed: int) -> Made:
    phantom = make_phantom(seed + index // STUDIES, study=index % STUDIES)
    count = min(len(phantom.clean), MAX_SLICES)
    hu = open_memmap(path, mode="r+")
    hu[index, :count] = phantom.clean[:count]
    return count, phantom.truth


def _done(made: Made) -> Future[Made]:
    future: Future[Made] = Future()
    future.set_result(made)
    return future


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
