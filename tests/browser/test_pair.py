"""Two volumes, A and B: what a person sees of both, and what becomes of them."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from ctflow.generator import EventStream, Started
from ctflow.request import GenerationRequest, ScanStart
from tests.app.fake import FakeGenerator, Gate, chest, sleeping
from tests.app.server import Apart
from tests.browser.conftest import Visit
from tests.browser.sizes import PHONE, SIZES, WIDE
from tests.browser.viewer import (
    expect_mid_lung,
    expect_slice,
    expect_status,
    generate,
    grey_at,
    place_of,
    point_at,
    stop,
    write_report,
)

Open = Callable[..., Visit]
SLICES = 96
MIDDLE_SLICE = 50
BRIGHT = 200  # between the vessel and the lung around it, in the window that is chosen first
# Where the vessel is in the middle slice, as shares of the axial plane; the seed moves it.
VESSEL_Y = (196 - 130 * (MIDDLE_SLICE - 1) / (SLICES - 1) + 0.5) / 256


def vessel(seed: int) -> tuple[float, float]:
    return (60 + 12 * (seed % 5) + 0.5) / 256, VESSEL_Y


def make_run(page: Page, report: str, seed: int) -> None:
    write_report(page, report)
    page.get_by_label("Seed", exact=True).fill(str(seed))
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    expect_status(page, f"Seed {seed}")


def go_to_middle(page: Page) -> None:
    """Once nothing is followed any more."""
    expect_mid_lung(page, chest(SLICES, 3, "I"))
    page.locator(".ctv-axial").get_by_role("slider").fill(str(MIDDLE_SLICE - 1))
    expect_slice(page, f"Axial  {MIDDLE_SLICE} / {SLICES}")


def choose(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def said(page: Page) -> Locator:
    """What is said of the two."""
    return page.locator(".ctv-pair-words")


def is_bright(page: Page, plane: str, seed: int) -> bool:
    """Whether a plane shows the vessel of a seed, and no lung there."""
    return grey_at(page, plane, vessel(seed), SLICES)[0] > BRIGHT


def expect_volume(page: Page, plane: str, seed: int) -> None:
    """The vessel is where that seed puts it, and not where the other one does. The next frame shows it."""
    seen = None
    for _ in range(100):
        seen = [is_bright(page, plane, one) for one in (seed, 3 - seed)]
        if seen == [True, False]:
            return
        page.evaluate("() => new Promise(requestAnimationFrame)")
    raise AssertionError(f"{plane} does not show seed {seed}: {seen}")


@pytest.fixture
def page(visit: Open) -> Page:
    """A page with the runs of seeds 0, which is B, and 3, which is A, in their middle slices."""
    page = visit(sleeping(0)).page
    make_run(page, "Clear lungs.", 0)
    make_run(page, "Small effusion.", 3)
    go_to_middle(page)
    return page


def test_the_run_of_before_is_at_hand_as_b_and_the_new_one_is_seen_alone(page: Page) -> None:
    expect(page.locator(".ctv-b-axial")).to_be_hidden()
    expect_volume(page, "axial", 3)
    expect(page.get_by_role("button", name="Hold as B: Clear lungs.")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Hold as B: Small effusion.")).to_have_attribute("aria-pressed", "false")


def test_side_by_side_each_plane_shows_its_own_volume_at_the_same_place(page: Page) -> None:
    choose(page, "Side by side")
    expect_slice(page, f"B Axial  {MIDDLE_SLICE} / {SLICES}", "b-axial")
    for plane, seed in (("axial", 3), ("b-axial", 0)):
        expect_volume(page, plane, seed)
        hu, *index = point_at(page, plane, (0.3, 0.45), SLICES)
        assert hu == chest(SLICES, seed, "I")[tuple(index)]
    expect(page.locator(".ctv-readout")).to_contain_text(re.compile(r"^B -?\d+ HU  A -?\d+ HU   column"))


def test_wheel_zoom_window_and_crosshair_of_one_are_those_of_the_other(page: Page) -> None:
    choose(page, "Side by side")
    page.mouse.move(*place_of(page, "b-axial", (0.5, 0.5), SLICES))
    page.mouse.wheel(0, 100)
    for plane in ("axial", "b-axial"):
        expect_slice(page, f"Axial  {MIDDLE_SLICE + 1} / {SLICES}", plane)
    page.mouse.click(*place_of(page, "b-axial", (64.5 / 256, 0.25), SLICES))
    for plane in ("sagittal", "b-sagittal"):
        expect_slice(page, "Sagittal  65 / 256", plane)
    before = [page.locator(f".ctv-{plane} canvas").screenshot() for plane in ("axial", "b-axial")]
    page.mouse.move(*place_of(page, "axial", (0.5, 0.5), SLICES))
    page.keyboard.press("+")
    page.keyboard.press("4")
    expect(page.get_by_label("Window width")).to_have_value("2500")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    after = [page.locator(f".ctv-{plane} canvas").screenshot() for plane in ("axial", "b-axial")]
    assert before[0] != after[0] and before[1] != after[1]


def test_the_line_is_dragged_and_moved_by_keys_with_a_left_of_it_and_b_right_of_it(page: Page) -> None:
    choose(page, "Swipe")
    line = page.get_by_role("slider", name="Axial swipe line")
    box = line.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    left_of_both = place_of(page, "axial", (0.05, 0.5), SLICES)
    page.mouse.move(*left_of_both, steps=5)
    page.mouse.up()
    expect_volume(page, "axial", 0)
    hu, *index = point_at(page, "axial", (0.3, 0.45), SLICES)
    assert hu == chest(SLICES, 0, "I")[tuple(index)], "the readout is of what is seen there"
    line.focus()
    page.keyboard.press("End")
    expect(line).to_have_attribute("aria-valuenow", "100")
    expect_volume(page, "axial", 3)
    page.keyboard.press("ArrowLeft")
    expect(line).to_have_attribute("aria-valuenow", "98")
    expect_slice(page, f"Axial  {MIDDLE_SLICE} / {SLICES}")


@pytest.mark.parametrize("mode", ["A alone", "Side by side", "Swipe"])
def test_b_is_seen_for_as_long_as_its_key_or_button_is_held(page: Page, mode: str) -> None:
    choose(page, mode)
    page.mouse.move(*place_of(page, "axial", (0.9, 0.9), SLICES))
    page.keyboard.down("b")
    expect_volume(page, "axial", 0)
    page.keyboard.up("b")
    if mode != "Swipe":
        expect_volume(page, "axial", 3)
    blink = page.get_by_role("button", name="Blink")
    blink.hover()
    page.mouse.down()
    expect(blink).to_have_attribute("aria-pressed", "true")
    expect_volume(page, "axial", 0)
    page.mouse.up()
    expect(blink).to_have_attribute("aria-pressed", "false")


def test_marks_are_made_in_both_and_go_with_their_volume(page: Page) -> None:
    choose(page, "Side by side")
    page.keyboard.press("h")
    page.mouse.click(*place_of(page, "b-axial", vessel(0), SLICES))
    expect(page.get_by_role("button", name="Marks")).to_be_enabled()
    page.mouse.move(*place_of(page, "axial", (0.9, 0.9), SLICES))
    expect(page.get_by_role("button", name="Marks")).to_be_disabled()
    choose(page, "Swap")
    choose(page, "A alone")
    expect_volume(page, "axial", 0)
    page.mouse.move(*place_of(page, "axial", (0.9, 0.9), SLICES))
    choose(page, "Marks")
    expect(page.get_by_role("dialog")).to_contain_text(f"Axial {MIDDLE_SLICE}")
    expect(page.locator(".ctv-marks tbody tr")).to_have_count(1)


def test_a_reload_finds_both_and_how_they_were_shown(page: Page) -> None:
    choose(page, "Side by side")
    page.locator(".ctv-b-axial").get_by_role("slider").fill("30")
    page.reload()
    for plane, seed in (("axial", 3), ("b-axial", 0)):
        expect_slice(page, f"Axial  31 / {SLICES}", plane)
        hu, *index = point_at(page, plane, (0.3, 0.45), SLICES)
        assert hu == chest(SLICES, seed, "I")[tuple(index)]


def test_b_that_is_deleted_leaves_a_alone_and_says_so(page: Page) -> None:
    choose(page, "Side by side")
    page.get_by_role("button", name="Details of Clear lungs.").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(said(page)).to_have_text("B was deleted, so the comparison is closed.")
    expect(page.locator(".ctv-b-axial")).to_be_hidden()
    expect(page.get_by_role("button", name="Swap")).to_be_hidden()
    expect_volume(page, "axial", 3)


def test_the_comparison_is_closed_and_opened_again_from_the_strip_by_keyboard_alone(page: Page) -> None:
    page.get_by_role("button", name="Close comparison").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Swipe")).to_be_hidden()
    page.get_by_role("button", name="Hold as B: Clear lungs.").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="A alone").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Side by side")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    line = page.get_by_role("slider", name="Axial swipe line")
    expect(line).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        if line.evaluate("line => line === document.activeElement"):
            break
    page.keyboard.press("Home")
    expect_volume(page, "axial", 0)


def test_a_picture_says_what_a_and_b_are(page: Page) -> None:
    choose(page, "Side by side")
    choose(page, "Picture")
    with page.expect_download() as waiting:
        page.get_by_role("dialog").get_by_role("button", name="Save PNG").click()
    name = r"synthetic-ctflow-[0-9a-f]{8}-seed3-and-synthetic-ctflow-[0-9a-f]{8}-seed0\.png"
    assert re.fullmatch(name, waiting.value.suggested_filename)


def corner_of_picture(page: Page) -> str:
    """Where the words of A's axial plane stand in the picture that would be saved."""
    corner: str = page.locator(".ctv-preview canvas").evaluate(
        """canvas => {
            const corner = document.createElement('canvas');
            Object.assign(corner, { width: 300, height: 60 });
            corner.getContext('2d').drawImage(canvas, 0, 0);
            return corner.toDataURL();
        }"""
    )
    return corner


def test_a_report_is_in_a_picture_only_where_it_is_asked_for_though_the_planes_are_called_by_it(visit: Open) -> None:
    page = visit(sleeping(0)).page
    make_run(page, "Clear lungs.", 0)
    write_report(page, "Small effusion.")
    generate(page)
    expect(page.locator(".ctv-card")).to_have_count(2)
    expect_status(page, "Done")
    choose(page, "What differs")
    dialog = page.get_by_role("dialog", name="What differs")
    expect(dialog.locator(".ctv-key ins")).to_have_text("A · Small effusion.")
    expect(dialog.locator(".ctv-key del")).to_have_text("B · Clear lungs.")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Details of Clear lungs.").click()
    page.get_by_label("Name of the run").fill("Before")
    page.get_by_label("Name of the run").blur()
    page.keyboard.press("Escape")
    choose(page, "What differs")
    expect(dialog.locator(".ctv-key del")).to_have_text("B · Before")
    page.keyboard.press("Escape")
    choose(page, "Side by side")
    choose(page, "Picture")
    without = corner_of_picture(page)
    page.get_by_label("With the report's text").check()
    assert corner_of_picture(page) != without
    page.get_by_label("With the report's text").uncheck()
    assert corner_of_picture(page) == without


@pytest.mark.parametrize("size", SIZES)
def test_nothing_moves_when_runs_and_b_come(visit: Open, size: str) -> None:
    """The second run made the planes lower by the height of the strip."""
    page = visit(sleeping(0), **SIZES[size]).page
    place = """canvas => {
        const [{ top, height }, viewer] = [canvas, canvas.closest('.ctv')].map((one) => one.getBoundingClientRect());
        return [top - viewer.top, height];
    }"""
    canvas = page.locator(".ctv-axial canvas")
    write_report(page, "Clear.")
    before = canvas.evaluate(place)
    for seed in (0, 3):
        make_run(page, "Clear.", seed)
        assert canvas.evaluate(place) == before
    expect(page.get_by_role("button", name="Side by side")).to_be_visible()


@pytest.mark.parametrize("size", WIDE)
def test_in_every_wide_window_and_layout_both_can_be_read(visit: Open, size: str) -> None:
    page = visit(sleeping(0), **SIZES[size]).page
    make_run(page, "Clear.", 0)
    make_run(page, "Clear.", 3)
    choose(page, "Side by side")
    height = SIZES[size]["height"]
    for layout in ("Axial large", "Three in a row", "One plane"):
        page.get_by_label("Layout").select_option(layout)
        page.evaluate("() => new Promise(requestAnimationFrame)")  # the planes are laid out with the next frame
        page.wait_for_function(f"document.documentElement.scrollHeight <= {height}")
        for canvas in page.locator(".ctv-canvas").filter(visible=True).all():
            box = canvas.bounding_box()
            assert box is not None
            assert box["width"] >= 110 and box["height"] >= 100 and box["y"] + box["height"] <= height, layout
        a, b = (page.locator(f".ctv-{plane} canvas").bounding_box() for plane in ("axial", "b-axial"))
        assert a is not None and b is not None
        assert (a["width"], a["height"]) == pytest.approx((b["width"], b["height"]), abs=1)
        assert min(a["width"], a["height"]) >= 180, layout


def test_on_a_phone_b_stands_below_a(visit: Open) -> None:
    page = visit(sleeping(0), **PHONE).page
    make_run(page, "Clear.", 0)
    make_run(page, "Clear.", 3)
    choose(page, "Side by side")
    tops = [page.locator(f".ctv-{plane}").evaluate("box => box.offsetTop") for plane in ("axial", "b-axial", "coronal")]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_thirty_runs_are_in_one_line_that_scrolls(visit: Open) -> None:
    entry = {"name": "Clear.", "model": "", "fields": {"seed": 0}, "differs": [], "askedAtMs": 0, "picture": ""}
    entries = [{**entry, "run": f"{i:022}"} for i in range(30)]
    script = f"sessionStorage.setItem('ctflow-visit', {json.dumps(json.dumps(entries))})"
    page = visit(sleeping(0), before=lambda page: page.add_init_script(script)).page
    cards = page.locator(".ctv-card")
    expect(cards).to_have_count(30)
    tops = {card.evaluate("card => card.getBoundingClientRect().top") for card in cards.all()}
    assert len(tops) == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Hold as B: Clear.").last.focus()
    expect(cards.last).to_be_in_viewport()


class Uneven(FakeGenerator):
    """Volumes of an odd seed have slices every 1.5 mm and begin 30 mm further to the feet; from 90 on, 5 m away."""

    def stream(self, request: GenerationRequest, start: ScanStart | None = None) -> EventStream:
        for event in super().stream(request, start):
            yield (
                replace(event, affine=self._affine(event.affine, request.seed)) if isinstance(event, Started) else event
            )

    def _affine(self, affine: np.ndarray, seed: int) -> np.ndarray:
        moved = affine.copy()
        if seed % 2:
            moved[:, 0] /= 2
            moved[2, 3] -= 30
        if seed >= 90:
            moved[2, 3] -= 5000
        return moved


def test_other_spacings_are_linked_by_mm_and_stay_at_their_ends(visit: Open) -> None:
    page = visit(Uneven(lambda chunk, step: None)).page
    make_run(page, "Clear.", 1)
    make_run(page, "Clear.", 2)
    choose(page, "Side by side")
    expect(said(page)).to_contain_text("Voxel sizes differ")
    slider = page.locator(".ctv-axial").get_by_role("slider")
    other = page.locator(".ctv-b-axial").get_by_role("slider")
    for slice_of_a, slice_of_b in ((31, 41), (11, 1), (1, 1), (58, 95), (90, 96)):
        slider.fill(str(slice_of_a - 1))
        expect_slice(page, f"Axial  {slice_of_a} / {SLICES}")
        expect_slice(page, f"B Axial  {slice_of_b} / {SLICES}", "b-axial")
    other.fill("20")
    expect_slice(page, f"Axial  21 / {SLICES}")


def test_volumes_that_do_not_overlap_are_said_to_and_scroll_for_themselves(visit: Open) -> None:
    page = visit(Uneven(lambda chunk, step: None)).page
    make_run(page, "Clear.", 90)
    make_run(page, "Clear.", 2)
    choose(page, "Side by side")
    expect(said(page)).to_contain_text("A and B do not overlap in the patient")
    label = page.locator(".ctv-b-axial canvas").get_attribute("aria-label") or ""
    page.locator(".ctv-axial").get_by_role("slider").fill("3")
    expect_slice(page, f"Axial  4 / {SLICES}")
    assert page.locator(".ctv-b-axial canvas").get_attribute("aria-label") == label
    page.locator(".ctv-b-axial").get_by_role("slider").fill("9")
    expect_slice(page, f"B Axial  10 / {SLICES}", "b-axial")
    expect_slice(page, f"Axial  4 / {SLICES}")


def test_centres_of_volumes_in_different_places_are_aligned_and_a_reload_finds_them_so(visit: Open) -> None:
    page = visit(Uneven(lambda chunk, step: None)).page
    make_run(page, "Clear.", 90)
    make_run(page, "Clear.", 2)
    choose(page, "Side by side")
    align = page.get_by_role("button", name="Align centres")
    expect(align).to_have_attribute("aria-pressed", "false")
    align.focus()
    page.keyboard.press("Enter")
    expect(align).to_have_attribute("aria-pressed", "true")
    words = "B is moved by L 0.0 P 0.0 S 5000.0 mm so that the centres meet, for display only."
    expect(said(page)).to_have_text(words)
    page.locator(".ctv-axial").get_by_role("slider").fill(str(MIDDLE_SLICE - 1))
    for plane, seed in (("axial", 2), ("b-axial", 90)):
        expect_slice(page, f"Axial  {MIDDLE_SLICE} / {SLICES}", plane)
        hu, *index = point_at(page, plane, vessel(seed), SLICES)
        assert hu == chest(SLICES, seed, "I")[tuple(index)]
    expect(page.locator(".ctv-readout")).to_contain_text(re.compile(r"^B -?\d+ HU  A -?\d+ HU .* I 51\d\d\.\d mm$"))
    choose(page, "Difference")
    expect(page.locator(".ctv-axial canvas")).to_have_attribute("aria-label", re.compile("B is moved for display"))
    expect(said(page)).to_contain_text(re.compile(r"\d ml changed, .* of the body · B is moved by"))
    page.reload()
    expect(said(page)).to_contain_text(words)
    choose(page, "Side by side")
    page.locator(".ctv-b-axial").get_by_role("slider").fill("9")
    expect_slice(page, f"Axial  10 / {SLICES}")
    align.click()
    expect(said(page)).to_contain_text("A and B do not overlap in the patient")
    page.locator(".ctv-axial").get_by_role("slider").fill("3")
    expect_slice(page, f"B Axial  10 / {SLICES}", "b-axial")


def test_b_that_was_stopped_is_compared_as_far_as_it_goes(visit: Open, gate: Gate) -> None:
    page = visit(FakeGenerator(gate)).page
    write_report(page, "Half.")
    generate(page)
    gate.open(8)
    expect_slice(page, "Axial  32 / 96")
    stop(page)
    expect_status(page, "Stopping")
    gate.open(1)
    expect_status(page, "32 of 96 slices kept")
    write_report(page, "Whole.")
    generate(page)
    gate.open(100)
    expect_status(page, "Done")
    expect(said(page)).to_have_text("B is incomplete: 32 of 96 slices.")
    choose(page, "Side by side")
    page.locator(".ctv-axial").get_by_role("slider").fill("60")
    expect_slice(page, "B Axial  61 / 96  not made yet", "b-axial")


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    server = Apart(tmp_path / "apart")
    yield server
    server.kill()


def test_both_outlive_their_server(visit: Open, apart: Apart) -> None:
    page = visit(sleeping(0), url=apart.url).page
    make_run(page, "Clear.", 0)
    make_run(page, "Clear.", 3)
    go_to_middle(page)
    choose(page, "Side by side")
    apart.kill()
    apart.start()
    page.evaluate("window.dispatchEvent(new Event('online'))")  # else the page asks within 20 s
    expect_status(page, "The server was restarted. The slices that you see stay")
    expect(said(page)).to_contain_text("B is no longer on the server")
    for plane, seed in (("axial", 3), ("b-axial", 0)):
        expect_volume(page, plane, seed)
    expect(page.get_by_role("button", name="Swap")).to_be_disabled()


def test_two_tabs_compare_each_for_itself(visit: Open, page: Page) -> None:
    choose(page, "Side by side")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".ctv-card")).to_have_count(0)
    make_run(other, "Other.", 1)
    expect(other.get_by_role("button", name="Swap")).to_be_hidden()
    expect_volume(page, "b-axial", 0)
