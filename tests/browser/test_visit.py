"""The runs of a visit: each stays at hand, with what is new in it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.app.fake import FakeGenerator, Gate, chest, sleeping
from tests.browser.conftest import Visit
from tests.browser.viewer import expect_status, generate, point_at, write_report

Open = Callable[..., Visit]
SLICES = 96
STEPS = 4 * 6  # of a volume
SHARE = (0.3, 0.5)


@pytest.fixture
def page(visit: Open) -> Page:
    """A page on which two runs were made, of seeds 0 and 3."""
    page = visit(sleeping(0)).page
    write_report(page, "Clear <b>lungs</b>. No effusion.")
    generate(page)
    expect_status(page, "Seed 0")
    write_report(page, "Clear <b>lungs</b>. Small effusion.")
    page.get_by_label("Seed", exact=True).fill("3")
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    expect_status(page, "Seed 3")
    return page


def expect_seed(page: Page, seed: int) -> None:
    hu, *index = point_at(page, "axial", SHARE, SLICES)
    assert hu == chest(SLICES, seed, "I")[tuple(index)]


def test_both_runs_are_at_hand_with_a_picture_and_what_is_new(page: Page) -> None:
    cards = page.locator(".ctv-card")
    expect(cards).to_have_count(2)
    expect(cards.nth(1)).to_have_attribute("aria-current", "true")
    expect(cards.nth(1)).to_contain_text("with “Small effusion.”, without “No effusion.”, seed 0 → 3")
    expect(page.locator(".ctv-card img")).to_have_count(2)
    assert page.locator(".ctv-card img").first.evaluate("image => image.naturalWidth") == 64
    expect_seed(page, 3)
    cards.nth(0).click()
    expect_status(page, "Seed 0")
    expect_seed(page, 0)
    page.reload()
    expect(page.locator(".ctv-card")).to_have_count(2)
    page.locator(".ctv-card").nth(1).click()
    expect_status(page, "Seed 3")
    expect_seed(page, 3)


def test_a_run_is_renamed_downloaded_and_deleted(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Details of")).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Clear <b>lungs</b>. No effusion.")
    with page.expect_download() as waiting:
        dialog.get_by_role("button", name="Download NIfTI").click()
    assert re.fullmatch(r"synthetic-ctflow-fake-[0-9a-f]{8}-seed0\.nii\.gz", waiting.value.suggested_filename)
    dialog.get_by_label("Name of the run").fill("Before")
    dialog.get_by_label("Name of the run").press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator(".ctv-card").first).to_contain_text("Before")
    page.get_by_role("button", name="Details of Clear").click()
    dialog.get_by_role("button", name="Delete").click()
    expect_status(page, "Seed 0")
    expect(page.locator(".ctv-card")).to_have_count(1)
    expect_seed(page, 0)


def test_a_run_says_that_it_is_being_made_while_another_one_is_shown(visit: Open, gate: Gate) -> None:
    """Nothing else told of it: the line below the planes speaks of the run that is shown."""
    page = visit(FakeGenerator(gate)).page
    cards = page.locator(".ctv-card")
    write_report(page, "Clear lungs.")
    generate(page)
    expect(cards.first).to_contain_text("being made · seed 0")
    gate.open(STEPS)
    expect_status(page, "Done")
    expect(cards.first).not_to_contain_text("being made")
    page.get_by_label("Seed", exact=True).fill("3")
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    expect(cards).to_have_count(2)
    cards.first.click()
    expect_status(page, "Seed 0")
    expect(cards.last).to_contain_text("being made · seed 0 → 3")
    gate.open(STEPS)
    expect(cards.last).not_to_contain_text("being made")
    expect(page.locator(".ctv-card img")).to_have_count(2)
