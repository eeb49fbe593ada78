"""The pool of volumes that obedience is measured on: what each was asked, and what was measured, kept on disk."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ctflow.errors import ShortVolumeError
from ctflow.evaluation.obedience.look import Look
from ctflow.evaluation.obedience.measures import Measures, measure
from ctflow.evaluation.obedience.pictures import save_picture
from ctflow.evaluation.obedience.sanity import sane, seam_index, thumbnail
from ctflow.io.files import write_atomic
from ctflow.phantom import KINDS, Kind, Phrasings, Truth, draw_finding, make_phantom, write_report
from ctflow.phantom.grid import Field
from ctflow.phantom.rates import EXCLUSIVE, without_hidden
from ctflow.report import Report
from ctflow.runtime.processes import processes
from ctflow.volume import Volume

PICTURES = 12  # of the first so many volumes
Make = Callable[["Item"], Volume]


@dataclass(frozen=True)
class Item:
    """One volume to make: a report that asks for 2-3 findings and denies 2-3 others."""

    group: str  # which part of the measurement it belongs to
    index: int
    seed: int
    truth: Truth
    denied: tuple[Kind, ...]
    report: Report
    guidance: float

    @property
    def name(self) -> str:
        """Of its files, another one for whatever makes another volume."""
        asked = [asdict(self.report), self.truth.to_json(), self.seed, self.guidance]
        digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        return f"{self.group.replace(' ', '-')}-{self.index:04d}-{digest[:12]}"


@dataclass(frozen=True, eq=False)
class Result:
    """What came of an item. ``measures`` is None where the volume was too short to be measured."""

    item: Item
    measures: Measures | None
    seam: float | None
    sane: dict[str, bool]
    thumb: Field


def draw_item(index: int, seed: int, group: str, phrasings: Phrasings, guidance: float, shift: int = 0) -> Item:
    """The item of an index: the same findings whatever the phrasings, the guidance and the ``shift`` of its seed.

    Kinds are dealt like cards, so that each is asked about as often as any other.
    """
    asked, denied = _deal(index, seed)
    rng = np.random.default_rng([seed, index])
    truth = Truth(
        findings=tuple(without_hidden([draw_finding(kind, rng)[0] for kind in asked])),
        sex="F" if rng.random() < 0.5 else "M",
        age=int(rng.integers(30, 90)),
    )
    report = write_report(truth, np.random.default_rng([seed, index, 1]), phrasings, denied)
    return Item(group, index, 1000 * shift + index, truth, denied, report, guidance)


def _deal(index: int, seed: int) -> tuple[list[Kind], tuple[Kind, ...]]:
    """2 or 3 kinds to ask for and 2 or 3 to deny."""
    order = np.random.default_rng([seed, index, 2]).permutation(len(KINDS))
    kinds = [KINDS[i] for i in order]
    turn = index % len(KINDS)
    kinds.remove(KINDS[turn])
    kinds.insert(0, KINDS[turn])
    while together := [pair for pair in EXCLUSIVE if pair <= set(kinds[:3])]:
        kinds.append(kinds.pop(max(kinds.index(kind) for kind in together[0])))
    asked = 2 + index % 2
    return kinds[:asked], tuple(kinds[asked : asked + 2 + index // 2 % 2])


def fill(folder: Path, items: Sequence[Item], make: Make) -> Iterator[Result]:
    """Makes and measures what is not yet in the folder; every result is kept, and read back when it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in items:
        yield _read(folder, item) or _make(folder, item, make)


def fill_with_phantoms(folder: Path, items: Sequence[Item], workers: int, look: Look) -> Iterator[Result]:
    """The same with a phantom of each item's truth for a volume, over several processes."""
    folder.mkdir(parents=True, exist_ok=True)
    with processes(workers) as pool:
        yield from pool.map(partial(_phantom_result, folder, look), items)


def _phantom_result(folder: Path, look: Look, item: Item) -> Result:
    return _read(folder, item) or _make(folder, item, partial(_phantom, look))


def _phantom(look: Look, item: Item) -> Volume:
    # Far from the seeds that detectors were fitted on.
    return look.at(make_phantom(2**31 + item.seed, truth=item.truth))


def _make(folder: Path, item: Item, make: Make) -> Result:
    try:
        volume = make(item)
        measures = measure(volume)
    except ShortVolumeError:  # it ended at once: a result, too
        result = Result(item, None, None, {}, np.zeros(0, np.float32))
    else:
        result = Result(item, measures, seam_index(volume), sane(volume), thumbnail(volume))
        if item.index < PICTURES:
            save_picture(volume, folder / f"{item.name}.png")
    thumb = io.BytesIO()
    np.save(thumb, result.thumb.astype(np.float16))
    write_atomic(folder / f"{item.name}.npy", thumb.getvalue())
    data = {"measures": result.measures, "seam": result.seam, "sane": result.sane}
    # Last, for where it is, all is.
    write_atomic(folder / f"{item.name}.json", json.dumps(data, allow_nan=False).encode())
    return result


def _read(folder: Path, item: Item) -> Result | None:
    path = folder / f"{item.name}.json"
    if not path.exists():
        return None
    return Result(item, **json.loads(path.read_text()), thumb=np.load(path.with_suffix(".npy")))
