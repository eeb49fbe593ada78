"""A folder with one DICOM series, refused where its slices do not make one whole, upright CT.

SimpleITK reads the pixels of one file at a time, in HU, and the text of its header. What the header means is decided
here: of a whole series SimpleITK warns at most of a gap, a tilt, a mixture or a missing spacing, and makes a volume of
it all the same.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.checks import check_utf8, stacked_hu
from ctflow.io.dicom_pixels import has_all_pixels
from ctflow.io.dicom_place import PlacedSlice, place
from ctflow.io.itk import itk_reads
from ctflow.volume import Volume

if TYPE_CHECKING:
    import SimpleITK

_TAGS = {
    "modality": "0008|0060",
    "series": "0020|000e",
    "samples": "0028|0002",
    "display": "0028|0004",
    "frames": "0028|0008",
    "rows": "0028|0010",
    "columns": "0028|0011",
    "bits allocated": "0028|0100",
    "bits stored": "0028|0101",
    "high bit": "0028|0102",
    "PixelSpacing": "0028|0030",
    "orientation": "0020|0037",
    "position": "0020|0032",
    "intercept": "0028|1052",
    "slope": "0028|1053",
}
_NEEDED = ("PixelSpacing", "orientation", "position", "rows", "columns")
_NUMBERS_OF_PIXELS = ("rows", "columns", "bits allocated")
_MAGIC_AT, _MAGIC = 128, b"DICM"
_NAMED = 3  # of the files at fault


@dataclass(frozen=True, eq=False)
class _Slice:
    """The header of one DICOM file."""

    file: Path
    tags: dict[str, str]

    def numbers(self, tag: str, count: int) -> np.ndarray:
        try:
            found = np.array([float(part) for part in self.tags[tag].split("\\")])
        except ValueError:
            found = np.array([])
        if len(found) != count or not np.isfinite(found).all():
            raise VolumeError(f"{self.file} says {self.tags[tag]!r} for its {tag}; {count} numbers were expected.")
        return found

    def number(self, tag: str) -> int:
        if tag not in self.tags:
            raise VolumeError(f"{self.file} does not say its {tag}.")
        return int(self.numbers(tag, 1)[0])

    def placed(self) -> PlacedSlice:
        spacing = self.numbers("PixelSpacing", 2)
        if spacing.min() <= 0:
            raise VolumeError(
                f"{self.file} says {self.tags['PixelSpacing']!r} for its PixelSpacing; 2 lengths above 0 were expected."
            )
        return PlacedSlice(
            file=self.file,
            size=(self.number("rows"), self.number("columns")),
            spacing_mm=spacing,
            orientation=self.numbers("orientation", 6),
            position=self.numbers("position", 3),
        )


def read_dicom(folder: Path) -> Volume:
    """The volume of the one series in a folder. Raises VolumeError for anything but one whole CT at even steps."""
    slices = _one_series(folder)
    for item in slices:
        _check_kind(item)
    if len(slices) < 2:
        raise VolumeError(f"{folder} holds a single slice; a volume was expected.")
    _check_scaling(slices, folder)
    placed, affine = place([item.placed() for item in slices], folder)
    planes = (_pixels(item) for item in placed)
    return Volume(stacked_hu(planes, (len(placed), *placed[0].size), folder), affine)


def _one_series(folder: Path) -> list[_Slice]:
    """The headers of a folder's files. What looks like a slice and cannot be read would be missing from the scan."""
    slices, others = [], []
    for path in sorted(folder.iterdir()):
        if path.name.lower() == "dicomdir" or path.is_dir() or not (path.is_file() or path.is_symlink()):
            continue
        header = _header_of(path)
        if header is None:
            others.append(path)
        else:
            slices.append(header)
    if broken := [path for path in others if _looks_like_slice(path, slices)]:
        for path in broken:
            check_utf8(path)  # whole perhaps, but for its name
        raise VolumeError(_in_words(broken, len(slices) + len(broken), folder))
    series = {item.tags.get("series", "") for item in slices}
    if len(series) != 1:
        count = f"{len(series)} DICOM series" if series else "no DICOM series"
        raise VolumeError(f"{folder} holds {count}. Give a folder with exactly one.")
    return slices


def _header_of(path: Path) -> _Slice | None:
    """None for a file that is no DICOM image, or not a whole one."""
    if not _is_utf8(path):
        return None
    reader = _reader_of(path)
    try:
        with itk_reads(path):
            reader.ReadImageInformation()
    except VolumeError:
        return None
    known = set(reader.GetMetaDataKeys())
    values = {name: reader.GetMetaData(tag).strip(" \0") for name, tag in _TAGS.items() if tag in known}
    tags = {name: value for name, value in values.items() if value}
    return _Slice(path, tags) if has_all_pixels(path, _pixel_bytes(tags)) else None


def _pixel_bytes(tags: Mapping[str, str]) -> int:
    """How long the pixels of a file are by its header; 0 where that does not say it, which is refused later."""
    factors = [tags.get("samples", "1"), tags.get("frames", "1"), *(tags.get(name, "0") for name in _NUMBERS_OF_PIXELS)]
    return math.prod(int(factor) if factor.isdecimal() else 0 for factor in factors) // 8


def _reader_of(path: Path) -> "SimpleITK.ImageFileReader":
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    return reader


def _pixels(item: PlacedSlice) -> np.ndarray:
    """(rows, columns), rescaled by the file's own slope and intercept."""
    import SimpleITK as sitk

    with itk_reads(item.file):
        image = _reader_of(item.file).Execute()
    return np.reshape(sitk.GetArrayFromImage(image), item.size)


def _is_utf8(path: Path) -> bool:
    try:
        check_utf8(path)
    except VolumeError:
        return False
    return True


def _looks_like_slice(path: Path, slices: Sequence[_Slice]) -> bool:
    """Whether a file that cannot be read was meant to be a slice: by its content, or by a name like theirs.

    A copy that ended early leaves files that are empty, full of zeros or without an end.
    """
    if path.name.startswith("."):  # of the file system, such as macOS's ._IM0001.dcm beside IM0001.dcm
        return False
    try:
        with path.open("rb") as file:
            begin = file.read(_MAGIC_AT + len(_MAGIC))
    except OSError:
        return True
    nothing_but_zeros = not any(begin)
    return nothing_but_zeros or begin[_MAGIC_AT:] == _MAGIC or _kind_of_name(path) in map(_kind_of_name, _files(slices))


def _files(slices: Sequence[_Slice]) -> list[Path]:
    return [item.file for item in slices] or [Path("1.dcm")]


def _kind_of_name(path: Path) -> str:
    """The ending, or where there is none but a number, the name without its numbers."""
    ending = path.suffix.lower()
    return ending if re.search("[a-z]", ending) else re.sub(r"\d+", "#", path.name.lower())


def _in_words(broken: list[Path], count: int, folder: Path) -> str:
    if len(broken) == 1:
        return f"{broken[0]} is no whole DICOM image: it was cut short, or does not belong here. Copy or remove it."
    more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
    names = ", ".join(path.name for path in broken[:_NAMED])
    return (
        f"{folder} holds {len(broken)} files, of {count}, that are no whole DICOM images: {names}{more}. They were cut "
        "short, or do not belong there. Copy or remove them."
    )


def _check_kind(item: _Slice) -> None:
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


def _check_scaling(slices: Sequence[_Slice], folder: Path) -> None:
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
