"""The example that stands in the planes until a run has slices: a finished volume of the very model that runs here.

It is made beforehand (`python -m assets.example`), so that no start takes longer for it, and names its model's sum: an
example of another model must not pass for this one's, so where the sums differ there is none.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.chunks import pack
from app.present import grid
from ctflow.hu import AIR_HU
from ctflow.io.files import write_atomic
from ctflow.report import Report
from ctflow.volume import Volume

FOLDER = Path(__file__).parent / "example"
# HU are rounded to this, which no window shows: as they are made they take twice the bytes.
STEP_HU = 8


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
        return f"example/{hashlib.sha256(self.data).hexdigest()[:16]}.bin"

    def shown(self) -> dict[str, Any]:
        """What the page is told of it (viewer/data/example.js, `ExampleProps`)."""
        return {"path": self.path, "grid": self.grid, "report": self.report.findings, "seed": self.seed}


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
