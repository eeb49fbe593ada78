"""Phantoms, measured: what detectors learn from, kept on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from ctflow.evaluation.measures import Measures, measure
from ctflow.evaluation.sources import sources
from ctflow.io.files import write_whole
from ctflow.phantom import Truth, make_phantom
from ctflow.volume import Volume

BLUR = 0.7  # pixels: what an autoencoder may leave of a phantom's sharpness


@dataclass(frozen=True)
class Example:
    """One phantom: what is measured in it, and what is in it."""

    measures: Measures
    truth: Truth


def example(seed: int) -> Example:
    """A phantom measured with its noise, without, or blurred, in turn: detectors must not live on grain."""
    phantom = make_phantom(seed)
    hu = phantom.volume.hu if seed % 3 == 0 else phantom.clean
    if seed % 3 == 2:
        hu = np.rint(ndimage.gaussian_filter(hu.astype(np.float32), (0, BLUR, BLUR))).astype(np.int16)
    return Example(measure(Volume(hu, phantom.volume.affine)), phantom.truth)


def kept_in(folder: Path, seed: int) -> Path:
    """Where the examples of the seeds from `seed` on are kept, one JSON line each."""
    return folder / f"detectors-{seed}-{sources()}.jsonl"


def examples(folder: Path, count: int, seed: int, workers: int) -> Iterator[Example]:
    """The phantoms of the seeds from `seed` on; goes on where it was stopped."""
    path = kept_in(folder, seed)
    lines = _whole_lines(path)
    for line in lines[:count]:
        data = json.loads(line)
        yield Example(data["measures"], Truth.from_json(data["truth"]))
    missing = range(seed + len(lines), seed + count)
    if not missing:
        return
    with ProcessPoolExecutor(workers) as pool, path.open("a") as file:
        for one in pool.map(example, missing):
            file.write(json.dumps({"measures": one.measures, "truth": one.truth.to_json()}) + "\n")
            file.flush()
            yield one


def _whole_lines(path: Path) -> list[str]:
    """The lines of a file, which loses its last one where a run was killed while writing it."""
    text = path.read_text() if path.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        write_whole(path, whole.encode())
    return whole.splitlines()
