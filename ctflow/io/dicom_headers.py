"""The headers of the DICOM files in a folder, in which what looks like a slice and cannot be read is an error.

SimpleITK reads the text of a header. What it means is decided here and in `dicom`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.checks import check_utf8
from ctflow.io.dicom_pixels import has_all_pixels
from ctflow.io.dicom_place import PlacedSlice
from ctflow.io.itk import itk_reads

if TYPE_CHECKING:
    import SimpleITK

_TAGS = {
    "modality": "0008|0060",
    "series": "0020|000e",
    "synthetic": "0008|001c",
    "description": "0008|103e",
    "samples": "0028|0002",
    "display": "0028|0004",
    "frames": "0028|0008",
    "rows": "0028|0010",
    "columns": "0028|0011",
    "bits allocated": "0028|0100",
    "bits stored": "0028|0101",
    "high bit": "0028|0102",
    "PixelSpacing": "0028|0030",
    "thickness": "0018|0050",
    "orientation": "0020|0037",
    "position": "0020|0032",
    "intercept": "0028|1052",
    "slope": "0028|1053",
}
_NUMBERS_OF_PIXELS = ("rows", "columns", "bits allocated")
_MAGIC_AT, _MAGIC = 128, b"DICM"
_NAMED = 3  # of the files at fault
_BEGIN_BYTES = 1024  # of a file, in which its first group says what it is
# What a file may be that is no image, in its first group (0002,0002): a directory, or a waveform, a presentation state,
# a structured report, raw data, an encapsulated document, structures of a radiotherapy plan.
_NO_IMAGES = re.compile(
    rb"DICM.*\x02\x00\x02\x00UI..1\.2\.840\.10008\."
    rb"(1\.3\.10|5\.1\.4\.1\.1\.(9\.|11\.|88\.|66[\0\x02]|104\.|481\.[358]))",
    re.DOTALL,
)


@dataclass(frozen=True, eq=False)
class Slice:
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

    @property
    def voxels(self) -> int:
        """By what the header says; 0 where it does not say it, which is refused later."""
        sizes = [self.tags.get("frames", "1"), *(self.tags.get(name, "0") for name in ("rows", "columns"))]
        return math.prod(int(size) if size.isdecimal() else 0 for size in sizes)

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


def read_headers(folder: Path) -> list[Slice]:
    """The headers of a folder's slices, of whatever series.

    Raises VolumeError for what looks like a slice and cannot be read, because it would be missing from the scan.
    """
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
    return slices


def _header_of(path: Path) -> Slice | None:
    """None for a file that is no DICOM image, or not a whole one."""
    if not _is_utf8(path):
        return None
    reader = reader_of(path)
    try:
        with itk_reads(path):
            reader.ReadImageInformation()
    except VolumeError:
        return None
    known = set(reader.GetMetaDataKeys())
    values = {name: reader.GetMetaData(tag).strip(" \0") for name, tag in _TAGS.items() if tag in known}
    tags = {name: value for name, value in values.items() if value}
    return Slice(path, tags) if has_all_pixels(path, _pixel_bytes(tags)) else None


def _pixel_bytes(tags: Mapping[str, str]) -> int:
    """How long the pixels of a file are by its header; 0 where that does not say it, which is refused later."""
    factors = [tags.get("samples", "1"), tags.get("frames", "1"), *(tags.get(name, "0") for name in _NUMBERS_OF_PIXELS)]
    return math.prod(int(factor) if factor.isdecimal() else 0 for factor in factors) // 8


def reader_of(path: Path) -> "SimpleITK.ImageFileReader":
    """Of one DICOM file, whatever its name is."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    return reader


def _is_utf8(path: Path) -> bool:
    try:
        check_utf8(path)
    except VolumeError:
        return False
    return True


def _looks_like_slice(path: Path, slices: Sequence[Slice]) -> bool:
    """Whether a file that cannot be read was meant to be a slice: by its content, or by a name like theirs.

    A copy that ended early leaves files that are empty, full of zeros or without an end. What an archive sends beside
    the slices, such as the report of the dose, says that it is no image.
    """
    if path.name.startswith("."):  # of the file system, such as macOS's ._IM0001.dcm beside IM0001.dcm
        return False
    try:
        with path.open("rb") as file:
            begin = file.read(_BEGIN_BYTES)
    except OSError:
        return True
    if _NO_IMAGES.search(begin):
        return False
    nothing_but_zeros = not any(begin)
    return (
        nothing_but_zeros
        or begin[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] == _MAGIC
        or _kind_of_name(path) in map(_kind_of_name, _files(slices))
    )


def _files(slices: Sequence[Slice]) -> list[Path]:
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
