"""Draws every finding that phantoms have, one slice each: python -m assets.findings OUT.png"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ctflow.phantom import KINDS, Kind, Truth, draw_finding, make_phantom
from ctflow.windows import WINDOWS, windowed

SEED = 7
COLUMNS = 5
WIDTH, HEIGHT = 256, 190  # pixels of a phantom's slice that are shown,
TOP = 40  # from this row on
LABEL = 20  # pixels of the title's height
IN_SOFT_TISSUE: tuple[Kind, ...] = (
    "Medical material",
    "Arterial wall calcification",
    "Cardiomegaly",
    "Pericardial effusion",
    "Coronary artery wall calcification",
    "Hiatal hernia",
    "Lymphadenopathy",
    "Pleural effusion",
)


def tile(kind: Kind) -> Image.Image:
    """The slice that shows most of a large finding; of a diffuse finding, a slice in the middle of the lungs."""
    finding = draw_finding(kind, np.random.default_rng(SEED), "large")[0]
    phantom = make_phantom(SEED, truth=Truth(findings=(finding,)))
    (found,) = phantom.truth.findings
    slices = (phantom.mask > 0).sum((1, 2))
    at = int(slices.argmax()) if found.centre_mm else int(0.4 * len(slices))
    grey = windowed(phantom.volume.hu[at, TOP : TOP + HEIGHT], WINDOWS[1 if kind in IN_SOFT_TISSUE else 0])
    picture = Image.new("L", (WIDTH, HEIGHT + LABEL))
    picture.paste(Image.fromarray(grey), (0, LABEL))
    place = " ".join(word for word in (found.side, found.lobe) if word)
    text = f"{kind}{', ' + place if place else ''}"
    ImageDraw.Draw(picture).text((4, 3), text, fill=255, font=ImageFont.load_default(12))
    return picture


def main(out: Path) -> None:
    """All kinds, row by row."""
    rows = -(-len(KINDS) // COLUMNS)
    sheet = Image.new("L", (COLUMNS * WIDTH, rows * (HEIGHT + LABEL)))
    for index, kind in enumerate(KINDS):
        sheet.paste(tile(kind), (index % COLUMNS * WIDTH, index // COLUMNS * (HEIGHT + LABEL)))
    sheet.save(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
