"""A converted model on the page: what a person sees of it is what the model makes."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ctflow.pipeline import CTFlow
from ctflow.released.convert import convert
from ctflow.report import Report
from ctflow.request import SOLVER_PRESETS
from tests.browser.conftest import Visit
from tests.browser.viewer import PLANES, expect_status, generate, readout, write_report
from tests.fabricated import fabricated


def hu_under(page: Page, plane: str, across: float, down: float) -> tuple[int, tuple[int, int, int]]:
    """HU, and slice, row and column from 0, where the pointer is put: by shares of the canvas."""
    box = page.locator(f".ctv-{plane} canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    expect(page.locator(".ctv-readout")).to_contain_text("HU")
    numbers = re.fullmatch(r"(-?\d+) HU +column (\d+) +row (\d+) +slice (\d+) .*mm", readout(page))
    assert numbers, readout(page)
    hu, column, row, slice_ = map(int, numbers.groups())
    return hu, (slice_ - 1, row - 1, column - 1)


@pytest.mark.parametrize("name", ["ctflow-v1", "ctflow-v2"])
def test_a_person_sees_a_converted_model_s_volume(name: str, visit: Callable[..., Visit], tmp_path: Path) -> None:
    released = fabricated(tmp_path / name, name)
    convert(released.spec, released.sources, tmp_path / "model")
    model = CTFlow.load(tmp_path / "model", "cpu")
    seen = visit(model)
    page = seen.page
    expect(page.locator(".ct-notice")).to_contain_text("Inferred, not proved: left and right")
    write_report(page, "No pleural effusion.")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="fast: midpoint 10").click()
    page.get_by_role("spinbutton", name=re.compile("^number input for Length")).fill("2")
    page.keyboard.press("Tab")
    generate(page)
    expect_status(page, "Done")
    made = model.generate(
        model.card.request(Report("No pleural effusion."), seed=0, chunks=2, **SOLVER_PRESETS["fast"])
    ).hu
    for plane in PLANES:
        for across, down in ((0.5, 0.5), (0.45, 0.55), (0.55, 0.48)):
            hu, index = hu_under(page, plane, across, down)
            assert hu == made[index], (plane, index)
    shown = page.locator(".ctv-axial canvas").evaluate(
        """canvas => {
            const greys = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(greys.filter((_, i) => i % 4 === 0)).size;
        }"""
    )
    assert shown > 20, "a picture has many greys"
    seen.check_clean()
