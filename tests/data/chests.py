"""CT-RATE, fabricated: small scans of which the tests know every voxel, in either version."""

from pathlib import Path

import numpy as np
from nibabel import Nifti1Image

from ctflow.data.ctrate import (
    MetadataRow,
    ReportRow,
    metadata_path,
    no_chest_path,
    reports_path,
    volume_path,
    write_metadata,
    write_no_chests,
    write_reports,
)
from ctflow.io.nifti import write_nifti
from ctflow.volume import Volume, plane_affine

SPACING_MM = (3.0, 1.5, 1.5)


def chest_hu(seed: int, slices: int = 14) -> np.ndarray:
    """Air, and in it a block of soft tissue that lies to the left, to the back and at the feet: (slices, 40, 40)."""
    hu = np.full((slices, 40, 40), -1000, np.int16)
    hu[: slices // 2, 20:34, 22:34] = 40
    return hu + np.random.default_rng(seed).integers(-20, 20, hu.shape, np.int16)


def chest(seed: int, slices: int = 14) -> Volume:
    """As CT-RATE's second version stores it."""
    hu = chest_hu(seed, slices)
    return Volume(hu, plane_affine(("S", "P", "L"), SPACING_MM, *hu.shape[1:]))


def name_of(number: int) -> str:
    """Two volumes of each patient."""
    return f"valid_{number // 2}_a_{number % 2 + 1}.nii.gz"


def fabricated_ct_rate(root: Path, count: int) -> Path:
    """The second version: `count` scans with their tables."""
    for number in range(count):
        path = volume_path(root, "valid", name_of(number))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_nifti(chest(number), path, "fabricated")
    write_tables(root, count)
    return root


def fabricated_first_version(root: Path, slope: int, intercept: int, number: int = 0, *, hu: bool = False) -> Path:
    """The first version, of one scan: what becomes HU by slope and intercept, or HU, which it should not hold.

    Its header does not say where it lies.
    """
    path = volume_path(root, "valid", name_of(number), first_version=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    values = chest_hu(number)
    stored = values if hu else (values - intercept) // slope
    Nifti1Image(stored.transpose(2, 1, 0).astype(np.int16), None).to_filename(path)
    write_tables(root, number + 1)
    table = metadata_path(root, "valid")
    table.write_text(table.read_text().replace(",1,0,", f",{slope},{intercept},"))
    return path


def write_tables(root: Path, count: int) -> None:
    """Reports and metadata of so many volumes, and an empty list of those that are no chests."""
    names = [name_of(number) for number in range(count)]
    reports = [
        ReportRow(
            name=name, clinical_information="", technique="", findings=f"Clear lungs {i}.", impression="No effusion."
        )
        for i, name in enumerate(names)
    ]
    metadata = [
        MetadataRow(
            name=name,
            sex="F",
            age=50,
            pixel_spacing_mm=SPACING_MM[1],
            slice_spacing_mm=SPACING_MM[0],
            rows=40,
            columns=40,
            slices=14,
        )
        for name in names
    ]
    write_reports(reports_path(root, "valid"), reports)
    write_metadata(metadata_path(root, "valid"), metadata)
    write_no_chests(no_chest_path(root, "valid"), [])
