"""The example that stands in the planes until a run has slices: a finished volume of the very model that runs here.

It is made beforehand (`python -m assets.example`), so that no start takes longer for it, and names its model's sum: an
example of another model must not pass for this one's, so where the sums differ there is none.

A page fetches the three slices that are seen first, one in each plane, and all the others once somebody turns to them:
they are forty times as many bytes.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from app.chunks import pack, unpack
from app.present import grid
from ctflow.hu import AIR_HU
from ctflow.io.files import write_atomic
from ctflow.report import Report
from ctflow.volume import Volume

FOLDER = Path(__file__).parent / "example"
# HU are rounded to this, which no window shows: as they are made they take twice the bytes.
STEP_HU = 8
LUNG_HU = (-950, -500)


@dataclass(frozen=True, kw_only=True)
class Example:
    """`grid`: as in `present.manifest`. `data`: HU as a chunk travels, see `app.chunks`."""

    model_sha256: str
    report: Report
    seed: int
    grid: dict[str, Any]
    data: bytes

    @property
    def path(self) -> str:
        """Where it is served. Other voxels have another path, so a browser may keep them for ever."""
        return f"{self._name}.bin"

    @property
    def first_path(self) -> str:
        """Where `first_data` is served."""
        return f"{self._name}-first.bin"

    @cached_property
    def first_index(self) -> tuple[int, int, int]:
        """The slice, row and column that are seen first: in the middle of the lungs, and of each slice."""
        _, rows, columns = self.grid["shape"]
        return mid_lung(self._hu), rows // 2, columns // 2

    @cached_property
    def first_data(self) -> bytes:
        """The HU of this slice, this row of each slice, and this column of each slice, one after another."""
        index = self.first_index
        return pack(np.concatenate([self._hu.take(index[axis], axis).ravel() for axis in range(3)]), level=9)

    def shown(self) -> dict[str, Any]:
        """What the page is told of it (viewer/data/example.js, `ExampleProps`)."""
        return {
            "path": self.path,
            "first_path": self.first_path,
            "first_index": self.first_index,
            "grid": self.grid,
            "report": self.report.findings,
            "seed": self.seed,
        }

    @property
    def _name(self) -> str:
        return f"example/{hashlib.sha256(self.data).hexdigest()[:16]}"

    @property
    def _hu(self) -> np.ndarray:
        slices, rows, columns = self.grid["shape"]
        return unpack(self.data, (slices, rows, columns))


def mid_lung(hu: np.ndarray) -> int:
    """The index of the slice in the middle of the lungs, as viewer/data/lungs.js finds it for every other volume."""
    _, rows, columns = hu.shape
    inner = hu[:, rows // 4 : rows - rows // 4 : 2, columns // 4 : columns - columns // 4 : 2]
    areas = ((inner >= LUNG_HU[0]) & (inner <= LUNG_HU[1])).sum(axis=(1, 2))
    large = np.flatnonzero(areas >= areas.max() / 2)
    return int(large[0] + large[-1]) // 2


def example_of(model_sha256: str, report: Report, seed: int, volume: Volume) -> Example:
    """An example from a finished volume, its HU rounded to STEP_HU."""
    rounded = np.rint((volume.hu - AIR_HU) / STEP_HU) * STEP_HU + AIR_HU
    return Example(
        model_sha256=model_sha256,
        report=report,
        seed=seed,
        grid=grid(volume.hu.shape, volume.affine),
        data=pack(rounded.astype(np.int16), level=9),
    )


def write_example(example: Example, folder: Path = FOLDER) -> None:
    """Writes it as two files, the voxels first."""
    folder.mkdir(exist_ok=True)
    facts = asdict(example)
    write_atomic(folder / "volume.bin", facts.pop("data"))
    write_atomic(folder / "volume.json", (json.dumps(facts, indent=2) + "\n").encode())


def read_example(model_sha256: str, folder: Path = FOLDER) -> Example | None:
    """The example in `folder`, or None if another model has made it or there is none."""
    described = folder / "volume.json"
    if not described.exists():
        return None
    facts = json.loads(described.read_text(encoding="utf-8"))
    if facts["model_sha256"] != model_sha256:
        return None
    report = Report(**facts.pop("report"))
    return Example(**facts, report=report, data=(folder / "volume.bin").read_bytes())
