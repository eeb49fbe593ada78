"""A folder with one DICOM series, refused where its slices do not make one whole, upright CT.

SimpleITK, which reads the files, warns at most of a gap, a tilt or a mixture, and makes a volume of them all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.checks import MAX_TILT_DEGREES
from ctflow.io.itk import itk_reads, volume_of
from ctflow.volume import Volume

UNEVEN_SHARE = 0.05  # of the usual step between slices
_TAGS = {
    "modality": "0008|0060",
    "samples": "0028|0002",
    "frames": "0028|0008",
    "rows": "0028|0010",
    "columns": "0028|0011",
    "orientation": "0020|0037",
    "position": "0020|0032",
}
_COUNTS = {"orientation": 6, "position": 3}  # of numbers


@dataclass(frozen=True, eq=False)
class _Slice:
    """The header of one DICOM file."""

    file: str
    tags: dict[str, str]

    def numbers(self, tag: str) -> np.ndarray:
        try:
            found = np.array([float(part) for part in self.tags[tag].split("\\")])
        except ValueError:
            found = np.array([])
        if len(found) != _COUNTS[tag] or not np.isfinite(found).all():
            raise VolumeError(
                f"{self.file} says {self.tags[tag]!r} for its {tag}; {_COUNTS[tag]} numbers were expected."
            )
        return found


def read_dicom(folder: Path) -> Volume:
    """The volume of the one series in a folder. Raises VolumeError for anything but one whole CT at even steps."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # what it warns of is an error below, in one line
    with itk_reads(folder):
        series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
        if len(series) != 1:
            count = f"{len(series)} DICOM series" if series else "no DICOM series"
            raise VolumeError(f"{folder} holds {count}. Give a folder with exactly one.")
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])
    _check_all_read(folder, files)
    slices = [_header_of(file) for file in files]
    _check_kind(slices, folder)
    _check_positions(slices, folder)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    with itk_reads(folder):
        image = reader.Execute()
    return volume_of(image, folder)


def _header_of(file: str) -> _Slice:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    with itk_reads(Path(file)):
        reader.ReadImageInformation()
    known = set(reader.GetMetaDataKeys())
    values = {name: reader.GetMetaData(tag).strip(" \0") for name, tag in _TAGS.items() if tag in known}
    return _Slice(file, {name: value for name, value in values.items() if value})


def _check_kind(slices: list[_Slice], folder: Path) -> None:
    """Slices of a CT, one value per pixel, one slice per file, each with a place."""
    for item in slices:
        tags = item.tags
        if tags.get("modality") != "CT":
            raise VolumeError(f"{item.file} is of modality {tags.get('modality', 'unknown')}; CT was expected.")
        if tags.get("samples", "1") != "1":
            raise VolumeError(f"{item.file} is a colour image; one value per pixel was expected.")
        if tags.get("frames", "1") != "1":
            raise VolumeError(f"{item.file} holds {tags['frames']} frames; one file per slice was expected.")
        if missing := {"orientation", "position", "rows", "columns"} - tags.keys():
            raise VolumeError(f"{item.file} does not say its {', '.join(sorted(missing))}.")
    if len(slices) < 2:
        raise VolumeError(f"{folder} holds a single slice; a volume was expected.")


def _check_all_read(folder: Path, files: Sequence[str]) -> None:
    """GDCM leaves out a file that was cut short, and says nothing."""
    listed = {Path(file).name for file in files}
    for path in sorted(folder.iterdir()):
        if path.name not in listed and path.name != "DICOMDIR" and path.is_file() and _is_dicom(path):
            raise VolumeError(f"{path} is no whole DICOM image: it was cut short, or does not belong here.")


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _check_positions(slices: list[_Slice], folder: Path) -> None:
    """Slices of one size, in one plane, straight above each other, at even steps."""
    first = slices[0]
    shape = [first.tags[name] for name in ("rows", "columns")]
    orientation = first.numbers("orientation")
    for item in slices:
        alike = [item.tags[name] for name in ("rows", "columns")] == shape
        if not alike or not np.allclose(item.numbers("orientation"), orientation, atol=1e-3):
            raise VolumeError(f"{item.file} is of another size or plane than the others of {folder}.")
    steps = np.array([b.numbers("position") - a.numbers("position") for a, b in pairwise(slices)])
    lengths = np.linalg.norm(steps, axis=1)
    usual = float(np.median(lengths))
    normal = np.cross(orientation[:3], orientation[3:])
    if not lengths.all():
        raise VolumeError(f"{folder} holds several slices at one place. Give one series, of one phase.")
    if np.degrees(np.arccos(np.clip(np.abs(steps @ normal / lengths).min(), 0, 1))) > MAX_TILT_DEGREES:
        raise VolumeError(f"{folder} was taken with a tilted gantry: its slices are sheared. Straighten it first.")
    wrong = int(np.abs(lengths / usual - 1).argmax())
    if abs(lengths[wrong] / usual - 1) > UNEVEN_SHARE:
        raise VolumeError(
            f"{folder} has missing slices or uneven spacing: {lengths[wrong]:g} mm after {slices[wrong].file}, "
            f"elsewhere {usual:g} mm."
        )
