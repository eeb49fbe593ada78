"""Small scans as other programs write them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SPACING_XYZ = (0.8, 0.9, 2.5)
ORIGIN = (-10.0, 20.0, -300.0)


def values() -> np.ndarray:
    """(slices, rows, columns), different everywhere."""
    return (np.arange(6 * 7 * 9).reshape(6, 7, 9) * 3 - 1000).astype(np.int16)


def image(array: np.ndarray | None = None) -> sitk.Image:
    made = sitk.GetImageFromArray(values() if array is None else array)
    made.SetSpacing(SPACING_XYZ)
    made.SetOrigin(ORIGIN)
    return made


def write_dicom(folder: Path, edit: Callable[[int, dict[str, str]], None] = lambda i, tags: None) -> Path:
    """One file per slice, from the feet up; `edit` changes the header of slice i."""
    folder.mkdir()
    for i, plane in enumerate(values()):
        tags = {
            "0008|0060": "CT",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0020|000e": "1.2.3.4",
            "0020|000d": "1.2.3",
            "0020|0013": str(i),
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0032": f"{ORIGIN[0]}\\{ORIGIN[1]}\\{ORIGIN[2] + 2.5 * i}",
            "0028|1052": "0",
            "0028|1053": "1",
        }
        edit(i, tags)
        if "skip" in tags:
            continue
        colour = tags.pop("colour", None) is not None
        slice_ = sitk.GetImageFromArray(np.stack([plane.astype(np.uint8)] * 3, -1) if colour else plane, colour)
        slice_.SetSpacing(SPACING_XYZ[:2])
        for tag, value in tags.items():
            slice_.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{9 - i}.dcm"))  # the names are in no order
        writer.Execute(slice_)
    return folder
