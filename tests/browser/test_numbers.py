"""The numbers of what is shown: charts, table and CSV, with Plotly fetched only for them."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.chart_script import PLOTLY_PATH
from tests.app.fake import SPACING_MM, FakeGenerator, Gate, chest, sleeping
from tests.browser.conftest import Visit
from tests.browser.sizes import SIZES
from tests.browser.viewer import expect_slice, expect_status, generate, write_report

Open = Callable[..., Visit]
VOXEL_ML = float(np.prod(SPACING_MM)) / 1000
STEPS = 4


def open_numbers(page: Page) -> None:
    page.get_by_role("button", name="Numbers", exact=True).click()
    expect(page.locator(".ctv-chart .main-svg").first).to_be_visible(timeout=60_000)


def table(page: Page) -> dict[str, str]:
    """The first column of values, by the names of the rows."""
    rows = page.locator(".ctv-numbers-table:not(.ctv-ablation) tbody tr")
    return {row.locator("th").inner_text(): row.locator("td").first.inner_text() for row in rows.all()}


def curve(page: Page, number: int) -> list[float]:
    """What Plotly was given to draw: the values of a chart's first line."""
    values: list[float] = page.locator(".ctv-chart").nth(number).evaluate("chart => chart.data[0].y")
    return values


def test_plotly_comes_from_here_when_numbers_are_opened_and_not_before(visit: Open) -> None:
    fetched: list[str] = []
    seen = visit(sleeping(0), before=lambda page: page.on("request", lambda request: fetched.append(request.url)))
    page = seen.page
    expect(page.get_by_role("button", name="Numbers", exact=True)).to_be_disabled()
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done")
    assert not any(url.endswith(PLOTLY_PATH) for url in fetched)
    open_numbers(page)
    page.keyboard.press("Escape")
    open_numbers(page)
    assert [url for url in fetched if url.endswith(PLOTLY_PATH)] == [f"{seen.url}{PLOTLY_PATH}"]
    seen.check_clean()


def between_first_and_last(tissue: np.ndarray, axis: int) -> np.ndarray:
    """What lies between the first and the last voxel of tissue along an axis."""
    order = np.expand_dims(np.arange(tissue.shape[axis]), [other for other in range(3) if other != axis])
    first = np.where(tissue, order, 10_000).min(axis, keepdims=True)
    last = np.where(tissue, order, -1).max(axis, keepdims=True)
    return (first <= order) & (order <= last)


def test_the_numbers_are_those_of_the_volume(page: Page) -> None:
    open_numbers(page)
    hu = chest(96, 0, "I")
    inside = hu[(hu < -500) & between_first_and_last(hu > -300, 1) & between_first_and_last(hu > -300, 2)]
    bone = (hu > 150).sum() * VOXEL_ML
    found = table(page)
    assert found["Lung, below −500 HU"] == f"{len(inside) * VOXEL_ML:,.0f} ml"
    assert found["Bone, above 150 HU"] == f"{bone:,.0f} ml"
    assert found["Lung, 15th percentile"] == f"{np.percentile(inside, 15, method='inverted_cdf'):.0f} HU".replace(
        "-", "−"
    )
    np.testing.assert_allclose(curve(page, 1), hu.mean(axis=(1, 2)), atol=0.01)
    np.testing.assert_allclose(curve(page, 2), np.abs(np.diff(hu.astype(int), axis=0)).mean(axis=(1, 2)), atol=0.01)
    assert page.locator(".ctv-chart").nth(1).evaluate("chart => chart.layout.shapes.map((line) => line.x0)") == [
        (edge - 0.5) * SPACING_MM[0] for edge in range(16, 96, 16)
    ]


def test_all_numbers_are_saved_as_csv(page: Page) -> None:
    open_numbers(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save CSV").click()
    assert saved.value.suggested_filename.startswith("synthetic-ctflow-")
    assert saved.value.suggested_filename.endswith("-seed0-numbers.csv")
    rows = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8"))))
    means = [float(row["value"]) for row in rows if row["measure"] == "mean of slice"]
    np.testing.assert_allclose(means, chest(96, 0, "I").mean(axis=(1, 2)), atol=0.001)
    tissues = {row["measure"] for row in rows if row["unit"] == "ml" and not row["at"]}
    assert tissues == {"volume of lung", "volume of fat", "volume of soft tissue", "volume of bone"}


def test_the_numbers_of_a_volume_in_the_making_say_of_what_they_are_and_grow_with_it(visit: Open, gate: Gate) -> None:
    page = visit(FakeGenerator(gate)).page
    write_report(page, "Clear.")
    generate(page)
    gate.open(STEPS)
    expect_slice(page, "16 / 96")
    open_numbers(page)
    said = page.locator(".ctv-numbers [role=status]")
    expect(said).to_contain_text("16 of 96 slices")
    assert len(curve(page, 1)) == 16
    gate.open(5 * STEPS)
    expect(said).to_be_empty()
    assert len(curve(page, 1)) == 96
    assert "slices" not in page.locator(".ctv-numbers-table:not(.ctv-ablation) thead").inner_text()


def test_numbers_of_a_and_b_stand_side_by_side_each_with_its_own_line(page: Page) -> None:
    page.get_by_role("spinbutton", name="Seed").fill("3")
    page.get_by_role("spinbutton", name="Seed").blur()
    generate(page)
    expect_status(page, "Seed 3")
    open_numbers(page)
    head = page.locator(".ctv-numbers-table:not(.ctv-ablation) thead th")
    expect(head).to_have_text(["In the body", "A · seed 3", "B · seed 0"])
    drawn = page.locator(".ctv-chart").first.evaluate("chart => chart.data.map(({ name, line }) => [name, line.dash])")
    assert drawn == [["A · seed 3", "solid"], ["B · seed 0", "dash"]]
    np.testing.assert_allclose(curve(page, 1), chest(96, 3, "I").mean(axis=(1, 2)), atol=0.01)


def test_numbers_that_do_not_arrive_are_explained_and_come_when_asked_again(page: Page) -> None:
    page.route(f"**/{PLOTLY_PATH}", lambda route: route.abort())
    page.get_by_role("button", name="Numbers", exact=True).click()
    expect(page.locator(".ctv-numbers [role=status]")).to_contain_text("did not arrive")
    page.keyboard.press("Escape")
    page.unroute(f"**/{PLOTLY_PATH}")
    open_numbers(page)
    expect(page.locator(".ctv-numbers [role=status]")).to_be_empty()


@pytest.mark.parametrize("size", SIZES)
def test_charts_and_table_fit_every_window(visit: Open, size: str) -> None:
    page = visit(sleeping(0), **SIZES[size]).page
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done")
    open_numbers(page)
    dialog = page.locator(".ctv-numbers")
    assert dialog.evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
    charts = page.locator(".ctv-chart")
    for chart in charts.all():
        inside, around = chart.locator(".main-svg").first.bounding_box(), chart.bounding_box()
        assert inside is not None and around is not None
        assert inside["width"] <= around["width"] + 1 and around["width"] > 200
    expect(dialog.get_by_role("button", name="Close")).to_be_in_viewport()


def test_plotly_draws_without_the_right_to_eval(page: Page) -> None:
    """The page itself grants it, for Gradio. Plotly must not come to need it."""
    page.evaluate(
        """() => {
            const refuse = () => { throw new Error('a script made from text'); };
            window.Function = new Proxy(Function, { apply: refuse, construct: refuse });
            window.eval = refuse;
        }"""
    )
    open_numbers(page)
    assert page.locator(".ctv-chart .scatterlayer path.js-line").count() == 3
