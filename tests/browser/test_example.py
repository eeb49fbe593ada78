"""What stands in the planes before there is a volume of one's own: an example, labelled as one."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Position, Route, expect

from app.chunks import unpack
from app.example import Example, read_example
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.checkpoint.folder import folder_sha256
from tests.app.fake import FakeGenerator, Gate, sleeping
from tests.browser.conftest import Visit
from tests.browser.viewer import (
    expect_mid_lung,
    expect_slice,
    expect_status,
    expect_window,
    generate,
    mid_lung,
    write_report,
)

Open = Callable[..., Visit]
STEPS = 4
OFF_CENTRE: Position = {"x": 40, "y": 80}  # zooming leaves the centre where it is


@pytest.fixture
def example() -> Example:
    found = read_example(folder_sha256(find_checkpoint("demo")))
    assert found is not None
    return found


def demo_like(example: Example, gate: Gate | None = None) -> FakeGenerator:
    """A generator that says that it is the demo model."""
    generator = FakeGenerator(gate or (lambda chunk, step: None))
    generator.model_sha256 = example.model_sha256
    return generator


def test_on_arrival_a_finished_example_of_this_model_stands_in_the_planes(visit: Open, example: Example) -> None:
    seen = visit(demo_like(example))
    page = seen.page
    hu = unpack(example.data, example.grid["shape"])
    expect_slice(page, f"Axial  {mid_lung(hu)} / {len(hu)}, Example")
    for plane in ("coronal", "sagittal"):
        expect_slice(page, ", Example", plane)
    expect(page.locator(".ctv-detail")).to_contain_text("The example shows the findings “Large right pleural effusion.")
    expect(page.locator(".ctv-readout")).to_contain_text(" HU")
    for name in ("Download NIfTI", "Settings (JSON)"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    page.keyboard.press("2")
    page.locator(".ctv-axial canvas").hover()
    page.mouse.wheel(0, 100)
    expect_slice(page, f"Axial  {mid_lung(hu) + 1} / {len(hu)}, Example")
    seen.check_clean()


def test_the_rest_of_the_example_comes_when_somebody_turns_to_the_planes(visit: Open, example: Example) -> None:
    """It is forty times as much as what is seen. Until it is here, no slice has HU that are not its own."""
    fetched: list[str] = []
    held: list[Route] = []

    def watch(page: Page) -> None:
        page.on("request", lambda request: fetched.append(request.url))
        page.route(f"**/{example.path}", lambda route: held.append(route))

    page = visit(demo_like(example), before=watch).page
    hu = unpack(example.data, example.grid["shape"])
    slice_, row, column = example.first_index
    expect_slice(page, f"Axial  {slice_ + 1} / {len(hu)}, Example")
    readout = page.locator(".ctv-readout")
    expect(readout).to_contain_text(f"{hu[slice_, row, column]} HU")
    page.wait_for_load_state("networkidle")
    assert [url for url in fetched if "/example/" in url] == [
        url for url in fetched if url.endswith(example.first_path)
    ]
    page.locator(".ctv-axial canvas").hover(position=OFF_CENTRE)
    page.mouse.wheel(0, 100)
    expect_slice(page, f"Axial  {slice_ + 2} / {len(hu)}, Example")
    expect(readout).to_contain_text("not made yet")
    (route,) = held
    route.continue_()
    expect(readout).to_contain_text(" HU")
    expect(readout).to_contain_text(f"slice {slice_ + 2} ")


def test_an_example_of_another_model_does_not_pass_for_this_ones(visit: Open) -> None:
    page = visit(sleeping(0)).page
    expect_status(page, "Write or choose a report")
    expect_slice(page, "Axial plane, empty")


def test_the_example_stands_there_while_a_run_waits_in_line_and_goes_when_it_begins(
    visit: Open, example: Example, gate: Gate
) -> None:
    generator = demo_like(example, gate)
    first = visit(generator)
    second = visit(generator, url=first.url).page
    for page in (first.page, second):
        write_report(page, "Clear.")
        generate(page)
    expect_status(first.page, "Making slices 1")
    expect_status(second, "Waiting for the model")
    expect_slice(second, ", Example")
    second.reload()
    expect_status(second, "Waiting for the model")
    expect_slice(second, ", Example")
    gate.open(6 * STEPS)
    expect_status(first.page, "Done")
    expect_mid_lung(first.page)
    gate.open(STEPS)
    expect_slice(second, "Axial  16 / 96")
    assert "Example" not in (second.locator(".ctv-axial canvas").get_attribute("aria-label") or "")


def hover_beside_the_middle(page: Page) -> None:
    """Over the same voxel at the same zoom, whatever size the strip of runs leaves to the plane."""
    box = page.locator(".ctv-axial canvas").bounding_box()
    assert box is not None
    aside = 0.2 * min(box["width"], box["height"])
    page.mouse.move(box["x"] + box["width"] / 2 + aside, box["y"] + box["height"] / 2 + aside)


def test_a_new_run_keeps_slice_zoom_window_and_slab(visit: Open, gate: Gate) -> None:
    page = visit(FakeGenerator(gate)).page
    write_report(page, "Clear.")
    generate(page)
    gate.open(6 * STEPS)
    expect_status(page, "Done")
    expect_mid_lung(page)
    page.locator(".ctv-axial canvas").hover(position=OFF_CENTRE)
    page.keyboard.press("4")
    page.keyboard.press("PageDown")
    expect_slice(page, "Axial  41 / 96")
    page.get_by_label("Coronal slab", exact=True).select_option("MIP")
    page.locator(".ctv-axial canvas").hover(position=OFF_CENTRE)
    readout = page.locator(".ctv-readout")
    hover_beside_the_middle(page)
    whole = readout.inner_text()
    page.keyboard.press("+")
    expect(readout).not_to_have_text(whole)
    zoomed = readout.inner_text()
    page.get_by_label("Seed", exact=True).fill("5")
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    gate.open(STEPS)
    expect_slice(page, "Axial  41 / 96  not made yet")
    gate.open(5 * STEPS)
    expect_status(page, "Seed 5")
    expect_slice(page, "Axial  41 / 96")
    expect_window(page, "Bone")
    expect_slice(page, "MIP 20 mm", "coronal")
    page.mouse.move(5, 5)
    hover_beside_the_middle(page)
    place = zoomed.split(" HU")[1]
    expect(readout).to_contain_text(place)
