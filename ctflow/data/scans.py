"""A scan as a model was trained on it: HU on the model's grid, in the model's axes."""

import hashlib
from pathlib import Path

import numpy as np

from ctflow.card import Geometry
from ctflow.checkpoint.weights import file_sha256
from ctflow.data.sources import Source, StoredValues
from ctflow.errors import VolumeError
from ctflow.io.checks import readable
from ctflow.io.files import files_below
from ctflow.io.nifti import read_values
from ctflow.io.scan import check_grid, check_hu, read_scan
from ctflow.model_grid import ModelGrid
from ctflow.volume import Volume, plane_affine

_INT16 = np.iinfo(np.int16)


def read_hu(source: Source) -> Volume:
    """Reads a scan in HU. Raises VolumeError for one that cannot be read or trusted."""
    return _hu_of(source.path, source.stored) if source.stored else read_scan(source.path)


def model_hu(scan: Volume, geometry: Geometry) -> np.ndarray:
    """A scan -> int16 HU (slices, rows, columns) in the model's axes, on its grid, cropped or padded with air.

    Raises VolumeError for one that is shorter than a chunk.
    """
    grid = ModelGrid(geometry)
    hu = grid.to_model(grid.bring(scan).hu)
    if len(hu) < geometry.slices_per_chunk:
        raise VolumeError(
            f"It has {len(hu)} slices {geometry.slice_spacing_mm:g} mm apart; at least a chunk of "
            f"{geometry.slices_per_chunk} was expected."
        )
    return hu


def source_sha256(path: Path) -> str:
    """Of a file, or over the names and contents of a folder's files. Raises VolumeError."""
    with readable(path):
        if not path.is_dir():
            return file_sha256(path)
        total = hashlib.sha256()
        for file in sorted(files_below(path)):
            total.update(f"{file.relative_to(path).as_posix()} {file_sha256(file)}\n".encode())
        return total.hexdigest()


def _hu_of(path: Path, stored: StoredValues) -> Volume:
    """A volume of CT-RATE's first version, whose file holds neither HU nor its place in the patient."""
    with readable(path):
        values = read_values(path)
    if not stored.is_identity and _is_hu(values, path):
        raise VolumeError(
            f"{path} holds HU already: slope {stored.slope:g} and intercept {stored.intercept:g} of the metadata would "
            "be applied twice. Is it of CT-RATE's second version?"
        )
    hu = np.rint(values * np.float32(stored.slope) + np.float32(stored.intercept))
    hu = hu.clip(_INT16.min, _INT16.max).astype(np.int16)
    check_hu(hu, path)
    spacing_mm = (stored.slice_spacing_mm, stored.pixel_spacing_mm, stored.pixel_spacing_mm)
    volume = Volume(hu, plane_affine(("S", "P", "L"), spacing_mm, *hu.shape[1:]))
    check_grid(volume, path)
    return volume


def _is_hu(values: np.ndarray, path: Path) -> bool:
    try:
        check_hu(values, path)
    except VolumeError:
        return False
    return True
