"""Draws volumes side by side, each in three planes: python -m assets.compare OUT.png "Title=VOLUME.nii.gz" ...

Axial, coronal and sagittal slices at the same places of each chest, in radiological convention and true proportions.
Prints the median HU of each tissue, too.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ctflow.hu import AIR_HU
from ctflow.io.nifti import read_nifti
from ctflow.windows import WINDOWS, windowed

MM_PER_PIXEL = 1.5
SIDE = 210  # pixels of one picture
PLACES = (0.6, 0.5, 0.3)  # of the planes, as shares of the body: from the top, the front, the patient's right
LABEL = 22  # pixels of the title's height
SKIN_HU = -400
BODY_SHARE = 0.01  # of a plane must be denser than that where the body is
TISSUES = {"lung": (-940, -700), "fat": (-140, -60), "soft tissue": (20, 90), "bone": (150, 1400)}


def upright(path: Path) -> tuple[np.ndarray, tuple[float, float, float]]:
    """HU with slices from head to feet, rows to the back and columns to the patient's left; and the spacing in mm."""
    return read_nifti(path).along(("I", "P", "L"))


def body(hu: np.ndarray) -> tuple[slice, ...]:
    """The box around the body."""
    solid = hu > SKIN_HU
    kept = [solid.mean(axis=tuple({0, 1, 2} - {axis})) > BODY_SHARE for axis in range(3)]
    return tuple(slice(int(k.argmax()), int(len(k) - k[::-1].argmax())) for k in kept)


def tile(plane: np.ndarray, row_mm: float, column_mm: float, window: int) -> Image.Image:
    """One plane at MM_PER_PIXEL, in the middle of a square of air."""
    picture = Image.fromarray(windowed(plane, WINDOWS[window]))
    size = [round(n * mm / MM_PER_PIXEL) for n, mm in zip(plane.shape[::-1], (column_mm, row_mm), strict=True)]
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    square = Image.new("L", (SIDE, SIDE), int(windowed(np.array(AIR_HU), WINDOWS[window])))
    square.paste(picture, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return square


def row(title: str, path: Path) -> Image.Image:
    """Three planes, in the lung window and in the mediastinal one; the sagittal plane runs through the right lung."""
    hu, (slice_mm, row_mm, column_mm) = upright(path)
    hu = hu[body(hu)]
    medians = (f"{name} {np.median(hu[(hu > low) & (hu < high)]):.0f}" for name, (low, high) in TISSUES.items())
    print(f"{title}: median HU of {', '.join(medians)}")
    z, y, x = (int(place * n) for place, n in zip(PLACES, hu.shape, strict=True))
    planes = ((hu[z], row_mm, column_mm), (hu[:, y], slice_mm, column_mm), (hu[:, :, x], slice_mm, row_mm))
    tiles = [tile(*plane, window) for window in (0, 1) for plane in planes]
    strip = Image.new("L", (SIDE * len(tiles), SIDE + LABEL))
    for index, picture in enumerate(tiles):
        strip.paste(picture, (index * SIDE, LABEL))
    ImageDraw.Draw(strip).text((6, 4), title, fill=230, font=ImageFont.load_default(13))
    return strip


def main() -> None:
    """Draws the volumes that the command line names."""
    out, *volumes = sys.argv[1:]
    named = [entry.rpartition("=") for entry in volumes]
    rows = [row(title, Path(path)) for title, _, path in named]
    sheet = Image.new("L", (rows[0].width, sum(r.height for r in rows)))
    for index, strip in enumerate(rows):
        sheet.paste(strip, (0, index * strip.height))
    sheet.save(out, optimize=True)


if __name__ == "__main__":
    main()
