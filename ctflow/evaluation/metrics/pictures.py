"""A page of pictures beside a result: generated volumes, each next to the real volume of the same case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ctflow.evaluation.metrics.extraction import FeatureSet
from ctflow.evaluation.metrics.extractors import plain
from ctflow.evaluation.metrics.volume_set import VolumeFile
from ctflow.evaluation.obedience.measures.thumbnail import distance
from ctflow.io.files import atomic
from ctflow.io.scan import read_volume
from ctflow.windows import WINDOWS, windowed

AXES = ("I", "P", "L")
WINDOW = WINDOWS[0]
INCHES, DOTS_PER_INCH = 2.2, 100  # of a plane
PLANES = ("axial", "coronal", "sagittal")


@dataclass(frozen=True)
class Case:
    """A generated volume and the real one of its name. `apart_hu`: the mean absolute difference of both in small."""

    fake: VolumeFile
    real: VolumeFile
    apart_hu: float


def shared_cases(real: FeatureSet, fake: FeatureSet) -> list[Case]:
    """The cases that both sets have, from the most alike on."""
    known = {volume.name: (volume, small) for volume, small in zip(real.volumes, _small(real), strict=True)}
    cases = [
        Case(volume, known[volume.name][0], distance(small, known[volume.name][1]))
        for volume, small in zip(fake.volumes, _small(fake), strict=True)
        if volume.name in known
    ]
    return sorted(cases, key=lambda case: case.apart_hu)


def _small(of: FeatureSet) -> list[np.ndarray]:
    return [rows[0] for rows in of.rows(plain.NAME, plain.THUMBNAIL)]


def chosen(cases: Sequence[Case]) -> Mapping[str, Case]:
    """Of cases from the most alike on, those that are shown, by what they are. Few cases may show one twice."""
    return {"worst": cases[-1], "median": cases[len(cases) // 2], "best": cases[0]}


def draw_cases(cases: Sequence[Case], title: str, path: Path) -> None:
    """Writes a PNG: a row for each chosen case, three planes of the generated volume and then of the real one.

    `cases`: from the most alike on, at least one. Reports are not shown, only the names of cases. Raises CTFlowError.
    """
    rows = chosen(cases)
    columns = 2 * len(PLANES)
    size_inches = (columns * INCHES, (len(rows) + 0.3) * INCHES)
    figure = Figure(figsize=size_inches, dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    figure.suptitle(f"{title}, {WINDOW.name.lower()} window")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (what, case) in zip(axes, rows.items(), strict=True):
        _draw_planes(line[: len(PLANES)], case.fake, "generated")
        _draw_planes(line[len(PLANES) :], case.real, "real")
        line[0].set_ylabel(f"{what}: {case.fake.name}\n{case.apart_hu:.0f} HU apart in small", fontsize=8)
    with atomic(path) as partial:
        figure.savefig(partial, format="png")


def _draw_planes(axes: Sequence[Axes], volume: VolumeFile, what: str) -> None:
    hu, (slice_mm, row_mm, column_mm) = read_volume(volume.path).along(AXES)
    middle = [size // 2 for size in hu.shape]
    cuts: list[tuple[np.ndarray[Any, Any], float]] = [
        (hu[middle[0]], row_mm / column_mm),
        (hu[:, middle[1]], slice_mm / column_mm),
        (hu[:, :, middle[2]], slice_mm / row_mm),
    ]
    for ax, (cut, aspect), plane in zip(axes, cuts, PLANES, strict=True):
        ax.imshow(windowed(cut, WINDOW), cmap="gray", vmin=0, vmax=255, aspect=aspect)
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"{what}, {plane}", fontsize=7)
