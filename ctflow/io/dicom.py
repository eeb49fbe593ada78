"""A folder with one DICOM series, refused where its slices do not make one whole, upright CT.

SimpleITK reads the pixels of one file at a time, in HU. Of a whole series it warns at most of a gap, a tilt, a mixture
or a missing spacing, and makes a volume of it all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.checks import stacked_hu
from ctflow.io.dicom_headers import Slice, read_headers, reader_of
from ctflow.io.dicom_place import PlacedSlice, place
from ctflow.io.itk import itk_reads
from ctflow.volume import Volume

_NEEDED = ("PixelSpacing", "orientation", "position", "rows", "columns")


@dataclass(frozen=True, eq=False)
class Series:
    """The slices of one series in a folder; whether they make a volume is known once it is read."""

    folder: Path
    slices: tuple[Slice, ...]

    @property
    def modality(self) -> str:
        return self.slices[0].tags.get("modality", "unknown")

    @property
    def description(self) -> str:
        """As the scanner has it; it may be empty."""
        return self.slices[0].tags.get("description", "")

    @property
    def is_synthetic(self) -> bool:
        """Whether its files say so themselves."""
        return any(item.tags.get("synthetic") == "YES" for item in self.slices)

    @property
    def spacing(self) -> str:
        """Between rows and columns, and the thickness of slices, in words, as the first header has it; else empty."""
        tags = self.slices[0].tags
        try:
            steps = [float(step) for step in (*tags["PixelSpacing"].split("\\"), tags["thickness"])]
        except (KeyError, ValueError):
            return ""
        return f"{' × '.join(f'{step:g}' for step in steps)} mm"

    @property
    def voxels(self) -> int:
        """How many there are by the headers, without reading any."""
        return sum(item.voxels for item in self.slices)


def find_series(folder: Path) -> list[Series]:
    """The series in a folder, the longest first. Raises VolumeError for a slice that cannot be read."""
    found: dict[str, list[Slice]] = {}
    for item in read_headers(folder):
        found.setdefault(item.tags.get("series", ""), []).append(item)
    longest_first = sorted(found.values(), key=len, reverse=True)
    return [Series(folder, tuple(slices)) for slices in longest_first]


def read_dicom(folder: Path) -> Volume:
    """The volume of the one series in a folder. Raises VolumeError for anything but one whole CT at even steps."""
    series = find_series(folder)
    if len(series) != 1:
        count = f"{len(series)} DICOM series" if series else "no DICOM series"
        raise VolumeError(f"{folder} holds {count}. Give a folder with exactly one.")
    return read_series(series[0])


def read_series(series: Series) -> Volume:
    """The volume of a series. Raises VolumeError for anything but one whole CT at even steps."""
    folder, slices = series.folder, series.slices
    for item in slices:
        _check_kind(item)
    if len(slices) < 2:
        raise VolumeError(f"{folder} holds a single slice; a volume was expected.")
    _check_scaling(slices, folder)
    placed, affine = place([item.placed() for item in slices], folder)
    planes = (_pixels(item) for item in placed)
    return Volume(stacked_hu(planes, (len(placed), *placed[0].size), folder), affine)


def _pixels(item: PlacedSlice) -> np.ndarray:
    """(rows, columns), rescaled by the file's own slope and intercept."""
    import SimpleITK as sitk

    with itk_reads(item.file):
        image = reader_of(item.file).Execute()
    return np.reshape(sitk.GetArrayFromImage(image), item.size)


def _check_kind(item: Slice) -> None:
    """A slice of a CT, one value per pixel, one slice per file, with a place and a scale."""
    tags = item.tags
    if tags.get("modality") != "CT":
        raise VolumeError(f"{item.file} is of modality {tags.get('modality', 'unknown')}; CT was expected.")
    if tags.get("samples", "1") != "1":
        raise VolumeError(f"{item.file} is a colour image; one value per pixel was expected.")
    if tags.get("frames", "1") != "1":
        raise VolumeError(f"{item.file} holds {tags['frames']} frames; one file per slice was expected.")
    if tags.get("display", "MONOCHROME2") != "MONOCHROME2":  # SimpleITK would turn the values of MONOCHROME1 round
        raise VolumeError(f"{item.file} is stored as {tags['display']}; MONOCHROME2 was expected. Convert it first.")
    allocated, stored, high = (item.number(name) for name in ("bits allocated", "bits stored", "high bit"))
    if not high + 1 == stored <= allocated:
        raise VolumeError(
            f"{item.file} stores {stored} of {allocated} bits with {high} as the highest; the highest of them was "
            "expected to be one less than their number. Export it again."
        )
    if missing := [name for name in _NEEDED if name not in tags]:
        raise VolumeError(f"{item.file} does not say its {', '.join(sorted(missing))}.")


def _check_scaling(slices: Sequence[Slice], folder: Path) -> None:
    """Without slope and intercept values are taken for HU, which is right for none or for all of a series."""
    for tag in ("slope", "intercept"):
        having = [item for item in slices if tag in item.tags]
        if 0 < len(having) < len(slices):
            there = f"{len(having)} of {len(slices)} slices"
            raise VolumeError(f"{folder} has a rescale {tag} in {there}; one in each was expected. Export it again.")
        for item in having:
            if item.numbers(tag, 1)[0] <= 0 and tag == "slope":
                raise VolumeError(
                    f"{item.file} has a rescale slope of {item.tags[tag]}; one above 0 was expected. Export it again."
                )
