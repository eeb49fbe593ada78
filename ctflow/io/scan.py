"""Real CT scans as they come: NIfTI, NRRD, MetaImage, or a folder with one DICOM series.

A scan that cannot be trusted is refused with a reason, because a tilted, gappy or foreign one would give a volume that
is plausible and wrong.
"""

from pathlib import Path

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io import image, nifti
from ctflow.io.checks import readable
from ctflow.io.dicom import read_dicom
from ctflow.volume import Volume

# What every CT of a chest has plenty of. Padding lies below, down to -3024.
KNOWN_HU = {"air or lung": (-1100, -500), "soft tissue": (-200, 300)}
LEAST_SHARE = 0.01
SPACING_MM = (0.05, 20.0)  # between voxels of a CT
# Of an axis from the patient's nearest one. At this angle a plane of 350 mm spans 60 mm of the body's length.
MAX_OBLIQUE_DEGREES = 10.0


def read_scan(path: Path) -> Volume:
    """A chest CT in HU, from a file or a DICOM folder.

    Raises VolumeError for anything that is not a whole, upright chest CT: axial, sagittal or coronal, give or take
    MAX_OBLIQUE_DEGREES.
    """
    volume = read_volume(path)
    check_hu(volume.hu, path)
    return volume


def check_hu(hu: np.ndarray, path: Path) -> None:
    """Raises VolumeError unless these values of `path` are spread as the HU of a chest CT are."""
    for what, (low, high) in KNOWN_HU.items():
        share = ((hu > low) & (hu < high)).mean()
        if share < LEAST_SHARE:
            raise VolumeError(
                f"{path} holds no {what}: {share:.1%} of it lies between {low} and {high}. A chest CT in HU was "
                "expected, not MR, PET, or CT whose rescale slope and intercept were left out or applied twice."
            )


def read_volume(path: Path) -> Volume:
    """As `read_scan`, but also for volumes that a model has made: their values may be any."""
    with readable(path):
        volume = _read_any(path)
    check_grid(volume, path)
    return volume


def check_grid(volume: Volume, path: Path) -> None:
    """Raises VolumeError unless the voxels of `path` lie as those of an upright CT do."""
    if min(volume.hu.shape) < 2:
        raise VolumeError(f"{path} is a single slice of shape {volume.hu.shape}; a volume was expected.")
    if not all(SPACING_MM[0] <= step <= SPACING_MM[1] for step in volume.spacing_mm):
        steps = " × ".join(f"{step:g}" for step in volume.spacing_mm)
        raise VolumeError(f"{path} has voxels of {steps} mm, which no CT has. Is its header in another unit?")
    _check_upright(volume, path)


def _read_any(path: Path) -> Volume:
    if path.is_dir():
        return read_dicom(path)
    if nifti.is_nifti_name(path):
        return nifti.read_nifti(path)
    if path.suffix.lower() in image.ENDINGS:
        return image.read_image(path)
    endings = ", ".join((*nifti.ENDINGS, *image.ENDINGS))
    raise VolumeError(f"{path} is no scan that can be read: give a file ending in {endings}, or a DICOM folder.")


def _check_upright(volume: Volume, path: Path) -> None:
    """On the model's grid an oblique scan would begin and end with slices of mostly air."""
    cosines = np.abs(volume.affine[:3, :3] / volume.spacing_mm).max(0)
    off_degrees = np.degrees(np.arccos(np.clip(cosines.min(), 0, 1)))
    if off_degrees > MAX_OBLIQUE_DEGREES:
        raise VolumeError(
            f"{path} is oblique: one of its axes is {off_degrees:.1f} degrees off the patient's, and at most "
            f"{MAX_OBLIQUE_DEGREES:g} were expected. Resample it upright first."
        )
