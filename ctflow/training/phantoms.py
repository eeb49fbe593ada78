"""The training set: phantoms made once, kept on disk as noise-free HU, and the truth that reports are written from."""

import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from tqdm import tqdm

from ctflow.phantom import Truth, make_phantom

MAX_SLICES = 96


@dataclass(frozen=True, eq=False)
class PhantomSet:
    """`hu`: int16 (phantoms, MAX_SLICES, 256, 256), noise-free; `slices[i]` of phantom i are filled."""

    hu: np.ndarray
    slices: list[int]
    truths: list[Truth]


def _make(path: Path, index: int, seed: int) -> tuple[int, Truth]:
    phantom = make_phantom(seed)
    count = min(len(phantom.clean), MAX_SLICES)
    hu = open_memmap(path, mode="r+")
    hu[index, :count] = phantom.clean[:count]
    return count, phantom.truth


def phantom_set(folder: Path, count: int, seed: int) -> PhantomSet:
    """Makes or reopens `count` phantoms, of the seeds from `seed` on. A set that was cut short is made again."""
    path, facts = folder / "phantoms.npy", folder / "phantoms.pickle"
    if not facts.exists():
        folder.mkdir(parents=True, exist_ok=True)
        open_memmap(path, mode="w+", dtype=np.int16, shape=(count, MAX_SLICES, 256, 256)).flush()
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            made = pool.map(_make, [path] * count, range(count), range(seed, seed + count))
            results = list(tqdm(made, total=count, desc="phantoms", unit="phantom"))
        facts.write_bytes(pickle.dumps(results))
    results = pickle.loads(facts.read_bytes())
    slices, truths = zip(*results, strict=True)
    return PhantomSet(open_memmap(path, mode="r"), list(slices), list(truths))
