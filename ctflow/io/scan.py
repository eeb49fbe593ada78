"""Real CT scans as they come: NIfTI, NRRD, MetaImage, or a folder with one DICOM series.

What cannot be trusted is refused in words, because a tilted, gappy or foreign scan would give a plausible wrong volume.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.nifti import ENDINGS, MAX_TILT_DEGREES, affine_of, at_right_angles, hu_of, read_nifti
from ctflow.volume import Volume

if TYPE_CHECKING:
    import SimpleITK

OTHER_ENDINGS = (".nrrd", ".mha", ".mhd")
UNEVEN_SHARE = 0.05  # of the usual step between slices
# What every CT of a chest has plenty of. Padding lies below, down to -3024.
KNOWN_HU = {"air or lung": (-1100, -500), "soft tissue": (-200, 300)}
LEAST_SHARE = 0.01
SPACING_MM = (0.05, 20.0)  # between voxels of a CT
# Of an axis from the patient's nearest one. A plane of 350 mm then spans 60 mm of the body's length.
MAX_OBLIQUE_DEGREES = 10.0
# In NRRD's words, long and short. ITK takes any other for the first, and says nothing.
_NRRD_SPACES = {"left-posterior-superior": "lps", "right-anterior-superior": "ras", "left-anterior-superior": "las"}
# What MetaImage files call each of them, as ITK reads it.
_MHA_FIELDS = (("TransformMatrix", "Rotation", "Orientation"), ("ElementSpacing", "ElementSize"))
_TAGS = {
    "modality": "0008|0060",
    "samples": "0028|0002",
    "frames": "0028|0008",
    "rows": "0028|0010",
    "columns": "0028|0011",
    "orientation": "0020|0037",
    "position": "0020|0032",
}

_NUMBERS = {"orientation": 6, "position": 3}


def read_scan(path: Path) -> Volume:
    """A chest CT in HU from a file or a DICOM folder. Raises VolumeError for whatever is not a whole, upright one.

    Upright is axial, sagittal or coronal, but for MAX_OBLIQUE_DEGREES.
    """
    volume = read_volume(path)
    for what, (low, high) in KNOWN_HU.items():
        share = ((volume.hu > low) & (volume.hu < high)).mean()
        if share < LEAST_SHARE:
            raise VolumeError(
                f"{path} holds no {what}: {share:.1%} of it lies between {low} and {high}. A chest CT in HU was "
                "expected, not MR, PET, or CT whose rescale slope and intercept were left out or applied twice."
            )
    return volume


def read_volume(path: Path) -> Volume:
    """As `read_scan`, but of whatever a model may have made too: what its values are is not asked."""
    if path.is_dir():
        volume = _read_dicom(path)
    elif path.name.endswith(ENDINGS):
        volume = read_nifti(path)
    elif path.suffix.lower() in OTHER_ENDINGS:
        volume = _read_image(path)
    else:
        endings = ", ".join((*ENDINGS, *OTHER_ENDINGS))
        raise VolumeError(f"{path} is no scan that can be read: give a file ending in {endings}, or a DICOM folder.")
    if min(volume.hu.shape) < 2:
        raise VolumeError(f"{path} is a single slice of shape {volume.hu.shape}; a volume was expected.")
    if not all(SPACING_MM[0] <= step <= SPACING_MM[1] for step in volume.spacing_mm):
        steps = " × ".join(f"{step:g}" for step in volume.spacing_mm)
        raise VolumeError(f"{path} has voxels of {steps} mm, which no CT has. Is its header in another unit?")
    _check_upright(volume, path)
    return volume


def _check_upright(volume: Volume, path: Path) -> None:
    """An oblique scan on the model's grid begins and ends with slices of mostly air."""
    cosines = np.abs(volume.affine[:3, :3] / volume.spacing_mm).max(0)
    off = np.degrees(np.arccos(np.clip(cosines.min(), 0, 1)))
    if off > MAX_OBLIQUE_DEGREES:
        raise VolumeError(
            f"{path} is oblique: an axis lies {off:.1f} degrees off the patient's, and at most "
            f"{MAX_OBLIQUE_DEGREES:g} were expected. Resample it upright first."
        )


def _read_image(path: Path) -> Volume:
    import SimpleITK as sitk

    image = _tried(path, lambda: sitk.ReadImage(str(path)))
    if image.GetDimension() != 3:
        raise VolumeError(f"{path} has {image.GetDimension()} dimensions of size {image.GetSize()}; 3 were expected.")
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise VolumeError(f"{path} is a colour or vector image; one value per voxel was expected.")
    (_check_nrrd if path.suffix.lower() == ".nrrd" else _check_mha)(path)
    return _volume(image, path)


def _check_nrrd(path: Path) -> None:
    """ITK lays a file that does not say how it lies along the patient's axes, at steps of 1 mm."""
    said = {name.lower(): value for name, value in _fields(path, between=": ", last="").items()}
    space = said.get("space", "nothing")
    if space.lower() not in {*_NRRD_SPACES, *_NRRD_SPACES.values()}:
        raise VolumeError(
            f"{path} does not say which side is the patient's right: its field 'space' says {space}, and "
            f"{' or '.join(_NRRD_SPACES)} was expected. Save it again with its orientation."
        )
    if said.get("space directions", "").count("(") != 3:
        raise VolumeError(f"{path} does not say its three 'space directions': save it again with its orientation.")


def _check_mha(path: Path) -> None:
    """As `_check_nrrd`."""
    said = _fields(path, between="[=:]", last="ElementDataFile")
    for names in _MHA_FIELDS:
        if not said.keys() & set(names):
            raise VolumeError(f"{path} does not say its {names[0]}: save it again with its orientation and spacing.")


def _fields(path: Path, between: str, last: str) -> dict[str, str]:
    """The text before the voxels, whose last line is named `last`. `between`: a name and its value, a pattern."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        for line in file:
            name, *value = re.split(between, line.decode(errors="replace"), maxsplit=1)
            fields[name.strip()] = "".join(value).strip()
            if name.strip() == last:
                break
    return fields


def _volume(image: "SimpleITK.Image", path: Path) -> Volume:
    import SimpleITK as sitk

    if not at_right_angles(np.reshape(image.GetDirection(), (3, 3))):
        raise VolumeError(f"{path} has axes that are not at right angles (gantry tilt): straighten it first.")
    values = sitk.GetArrayFromImage(image)
    if not np.isfinite(values).all():
        raise VolumeError(f"{path} holds values that are not numbers, so no HU.")
    return Volume(hu_of(values, path), affine_of(image))


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
        if len(found) != _NUMBERS[tag] or not np.isfinite(found).all():
            raise VolumeError(
                f"{self.file} says {self.tags[tag]!r} for its {tag}; {_NUMBERS[tag]} numbers were expected."
            )
        return found


def _read_dicom(folder: Path) -> Volume:
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # what it warns of is an error below, in one line
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if len(series) != 1:
        what = f"holds {len(series)} DICOM series" if series else "holds no DICOM series"
        raise VolumeError(f"{folder} {what}; give a folder with exactly one.")
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])
    _check_all_read(folder, files)
    slices = [_header(file) for file in files]
    _check_kind(slices, folder)
    _check_grid(slices, folder)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    return _volume(_tried(folder, reader.Execute), folder)


def _header(file: str) -> _Slice:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    _tried(Path(file), reader.ReadImageInformation)
    known = set(reader.GetMetaDataKeys())
    said = {name: reader.GetMetaData(tag).strip(" \0") for name, tag in _TAGS.items() if tag in known}
    return _Slice(file, {name: value for name, value in said.items() if value})


def _check_kind(slices: list[_Slice], folder: Path) -> None:
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


def _check_grid(slices: list[_Slice], folder: Path) -> None:
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
        raise VolumeError(f"{folder} holds several slices at one place: give one series, of one phase.")
    if np.degrees(np.arccos(np.clip(np.abs(steps @ normal / lengths).min(), 0, 1))) > MAX_TILT_DEGREES:
        raise VolumeError(f"{folder} was taken with a tilted gantry: its slices are sheared. Straighten it first.")
    wrong = int(np.abs(lengths / usual - 1).argmax())
    if abs(lengths[wrong] / usual - 1) > UNEVEN_SHARE:
        raise VolumeError(
            f"{folder} has missing slices or uneven spacing: {lengths[wrong]:g} mm after {slices[wrong].file}, "
            f"elsewhere {usual:g} mm."
        )


def _tried(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise VolumeError(f"{path} cannot be read ({reason}). Is it there, and is it whole?") from error
