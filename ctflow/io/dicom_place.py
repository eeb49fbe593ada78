"""Where the slices of a DICOM series lie: in one plane, above each other, at even steps along a straight line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.checks import MAX_TILT_DEGREES

UNEVEN_SHARE = 0.05  # of the step between slices, by which a slice may lie off its place
ROUNDING_MM = 0.1  # by which it may, too: where positions are written to 0.1 mm, the line through few of them is off
GAP_STEPS = 1.7  # between neighbours; more is a missing slice. Rounding alone makes 1.5 of a step of 0.2 mm
ONE_PLACE_MM = 1e-3
_ORIENTATION_TOLERANCE = 1e-3  # of each cosine, and of the length of both
_SPACING_SHARE = 1e-4  # by which PixelSpacing may differ between slices: 0.05 pixels over 512


@dataclass(frozen=True, eq=False, kw_only=True)
class PlacedSlice:
    """What a header says of a slice's place.

    `size`: rows and columns. `spacing_mm`: between rows and between columns. `orientation`: the directions in which the
    column index and the row index grow. `position`: of the first pixel. All of them in LPS, as DICOM has it.
    """

    file: Path
    size: tuple[int, int]
    spacing_mm: np.ndarray
    orientation: np.ndarray
    position: np.ndarray


def place(slices: Sequence[PlacedSlice], folder: Path) -> tuple[list[PlacedSlice], np.ndarray]:
    """The slices in order, and the affine of a `Volume` of them. Raises VolumeError where they make none."""
    _check_one_plane(slices, folder)
    along_columns, along_rows = _directions(slices[0])
    normal = np.cross(along_columns, along_rows)
    ordered = sorted(slices, key=lambda item: float(item.position @ normal))
    first, step = _line(ordered, normal, folder)
    affine = np.eye(4)
    between_rows_mm, between_columns_mm = slices[0].spacing_mm
    affine[:3, :3] = np.stack([step, along_rows * between_rows_mm, along_columns * between_columns_mm], axis=1)
    affine[:3, 3] = first
    return ordered, affine


def _check_one_plane(slices: Sequence[PlacedSlice], folder: Path) -> None:
    first = slices[0]
    for item in slices:
        one_plane = np.allclose(item.orientation, first.orientation, atol=_ORIENTATION_TOLERANCE)
        if item.size != first.size or not one_plane:
            raise VolumeError(f"{item.file} is of another size or plane than the others of {folder}.")
        if not np.allclose(item.spacing_mm, first.spacing_mm, rtol=_SPACING_SHARE, atol=0):
            raise VolumeError(
                f"{item.file} has a PixelSpacing of {_steps(item)} mm, others of {folder} have {_steps(first)} mm. "
                "Give one series of one scale."
            )


def _steps(item: PlacedSlice) -> str:
    return " × ".join(f"{step:g}" for step in item.spacing_mm)


def _directions(item: PlacedSlice) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors along which the column index and the row index grow."""
    vectors = item.orientation.reshape(2, 3)
    lengths = np.linalg.norm(vectors, axis=1)
    if not np.allclose(lengths, 1, atol=1e-2) or abs(vectors[0] @ vectors[1]) > np.sin(np.radians(MAX_TILT_DEGREES)):
        raise VolumeError(
            f"{item.file} says {item.orientation.tolist()} for its orientation; two directions of length 1 at right "
            "angles were expected."
        )
    along_columns, along_rows = vectors / lengths[:, None]
    return along_columns, along_rows


def _line(ordered: Sequence[PlacedSlice], normal: np.ndarray, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The first position and the step of the straight line through all positions, by least squares."""
    positions = np.array([item.position for item in ordered])
    index = np.arange(len(ordered)) - (len(ordered) - 1) / 2
    step = index @ positions / (index @ index)
    first = positions.mean(0) + index[0] * step
    step_mm = float(np.linalg.norm(step))
    gaps_mm = np.diff(positions @ normal)
    if gaps_mm.min() < ONE_PLACE_MM:
        raise VolumeError(f"{folder} holds several slices at one place. Give one series, of one phase.")
    aside_mm = float(np.linalg.norm(step - step @ normal * normal))
    rounded = aside_mm * (len(ordered) - 1) < 2 * ROUNDING_MM  # over all, so that a few thin slices may look tilted
    if aside_mm > step_mm * np.sin(np.radians(MAX_TILT_DEGREES)) and not rounded:
        raise VolumeError(f"{folder} was taken with a tilted gantry: its slices are sheared. Straighten it first.")
    off_mm = np.abs(positions - first - np.arange(len(ordered))[:, None] * step).max()
    if off_mm > max(UNEVEN_SHARE * step_mm, min(ROUNDING_MM, step_mm / 2)) or gaps_mm.max() > GAP_STEPS * step_mm:
        usual_mm = float(np.median(gaps_mm))
        wrong = int(np.abs(gaps_mm - usual_mm).argmax())
        raise VolumeError(
            f"{folder} has missing slices or uneven spacing: {gaps_mm[wrong]:g} mm after {ordered[wrong].file}, "
            f"elsewhere {usual_mm:g} mm."
        )
    return first, step
