"""What CT-CLIP is shown of a volume and of a report, whichever way the volume lies in its file."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from ctflow.models.ctclip_input import challenge_input, clip_input, clip_text
from ctflow.report import Report
from ctflow.volume import Volume, plane_affine
from tests.golden.test_ctclip import clip_config

OPPOSITE = {"S": "I", "L": "R", "P": "A"}
# Of the tiny tower's grid, so that nothing is resampled, cropped or padded.
CONFIG = replace(clip_config(), spacing_mm=(3.0, 1.5, 1.5))
SLICES, SIDE = CONFIG.input_size[0], CONFIG.input_size[1]


def stored(axes: tuple[str, str, str]) -> Volume:
    """One chest, asymmetric in every direction, in a file whose axes grow so."""
    rng = np.random.default_rng(0)
    hu = rng.integers(-900, 900, size=CONFIG.input_size).astype(np.int16)  # slices to the head, x to the left, y back
    steps = dict(zip("SLP", CONFIG.spacing_mm, strict=True))
    along = {name: axis for axis, pair in enumerate(("SI", "LR", "PA")) for name in pair}
    flipped = [along[axis] for axis in axes if axis in OPPOSITE.values()]
    turned = np.flip(hu, flipped).transpose([along[axis] for axis in axes])
    spacing = tuple(steps["SLP"[along[axis]]] for axis in axes)
    return Volume(np.ascontiguousarray(turned), plane_affine(axes, spacing, *turned.shape[1:]))  # type: ignore[arg-type]


@pytest.mark.parametrize("prepare", [clip_input, challenge_input])
def test_the_tower_is_shown_the_same_whichever_way_a_volume_lies(prepare) -> None:
    shown = prepare(stored(("S", "L", "P")), CONFIG)
    assert shown.shape == (1, 1, *CONFIG.input_size)
    ways = [
        tuple(OPPOSITE[axis] if turn else axis for axis, turn in zip(order, turns, strict=True))
        for order in itertools.permutations("SLP")
        for turns in itertools.product((False, True), repeat=3)
    ]
    assert len(set(ways)) == 48
    assert all(torch.equal(prepare(stored(way), CONFIG), shown) for way in ways)


@pytest.mark.parametrize("prepare", [clip_input, challenge_input])
def test_the_last_index_of_each_axis_is_head_left_and_back(prepare) -> None:
    """In a file of slices that run to the feet, rows to the front and columns to the right."""
    hu = np.full(CONFIG.input_size, -1000, np.int16)
    hu[0, 0, 0] = 1000  # the uppermost slice, the hindmost row, the leftmost column
    volume = Volume(hu, plane_affine(("I", "A", "R"), CONFIG.spacing_mm, SIDE, SIDE))
    assert prepare(volume, CONFIG)[0, 0].argmax() == SLICES * SIDE * SIDE - 1


def test_a_header_in_float32_gives_as_many_slices_as_its_decimal() -> None:
    """0.6 mm in float32 is a little more, 0.3 a little less than that: a size is rounded down."""
    config = replace(CONFIG, spacing_mm=(1.5, 1.5, 1.5))
    for step in (0.6, 0.3, 0.7):
        for slices in range(30, 60):
            hu = np.random.default_rng(slices).integers(-900, 900, size=(slices, SIDE, SIDE)).astype(np.int16)
            exact, rounded = (
                clip_input(Volume(hu, plane_affine(("S", "P", "L"), (z, 1.5, 1.5), SIDE, SIDE)), config)
                for z in (step, float(np.float32(step)))
            )
            assert torch.allclose(exact, rounded, atol=1e-4), (step, slices)


@pytest.mark.parametrize(
    ("findings", "impression", "text"),
    [
        ("No effusion.", "Normal.", "No effusion.Normal."),
        ("No effusion.", "Not given.", "No effusion."),
        ("Not given.", "Normal.", "Normal."),
        ('A "mass" (of 3 cm), the patient\'s.', "", "A mass of 3 cm, the patients."),
    ],
)
def test_a_report_is_read_as_upstreams_inference_reads_it(findings: str, impression: str, text: str) -> None:
    assert clip_text(Report(findings, impression)) == text
