"""The tab Ask: what a person sees of each question, by a generator whose every voxel is known."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import SimpleITK as sitk
from playwright.sync_api import Locator, Page, expect

from app.runs import Limits
from ctflow.report import Report
from ctflow.request import GenerationRequest
from tests.app.fake import FakeGenerator, Gate, Heeding, sleeping
from tests.app.server import Apart, Serve
from tests.browser.conftest import Visit
from tests.browser.test_access import AXE, violations
from tests.browser.viewer import expect_slice, expect_status, generate, grey_at, point_at, stop, write_report

Open = Callable[..., Visit]
EFFUSION, CLEAR = "Large right effusion.", "Clear <b>otherwise</b>."
SLICES = 96
STEPS = 4 * 6
IN_LUNG, BESIDE = (0.3, 0.5), (0.7, 0.5)  # of the axial plane: where the fluid is, and the other lung


def heeding(step: Callable[[int, int], None] = lambda chunk, number: None) -> Heeding:
    return Heeding(step, known=("effusion",))


def ask_tab(page: Page) -> None:
    page.get_by_role("tab", name="Ask").click()


def sentences(page: Page) -> Locator:
    return page.locator(".ct-asked-ablate")


def compare_sentences(page: Page, others: int = 1) -> None:
    sentences(page).get_by_role("spinbutton").fill(str(others))
    sentences(page).get_by_role("spinbutton").press("Tab")
    page.get_by_role("button", name="Compare sentences").click()


def expect_asked(page: Page, words: str, kind: str = "ablate") -> None:
    expect(page.locator(f".ct-asked-{kind} .ct-asked-status")).to_contain_text(words)


def test_each_sentence_gets_a_row_and_a_press_shows_what_changes_with_it(visit: Open, tmp_path: Path) -> None:
    seen = visit(heeding())
    page = seen.page
    write_report(page, f"{CLEAR} {EFFUSION}")
    ask_tab(page)
    expect(page.locator(".ct-asked-ablate .ct-cost")).to_contain_text("2 sentences, seed 0: 6 volumes")
    compare_sentences(page)
    expect_asked(page, "Done: 4 volumes")
    rows = page.locator(".ct-rows li")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text(f"{EFFUSION}Clear effect: ")
    expect(rows.nth(0)).to_contain_text("in the place it names (right), 0 HU elsewhere")
    expect(rows.nth(1)).to_contain_text("Chance alone changes")
    expect(rows.nth(2)).to_contain_text(f"{CLEAR}No more than chance: 0 ml")

    rows.nth(0).get_by_role("button").first.click()
    expect(page.get_by_role("button", name="Difference")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".ctv-readout")).to_contain_text("B − A")
    expect_status(page, "Without sentence 2 of 2: 96 slices")
    seen.check_clean()
    red, _, blue = grey_at(page, "axial", IN_LUNG, SLICES)
    assert red > blue + 60, "warm where the sentence brings more HU"
    assert len(set(grey_at(page, "axial", BESIDE, SLICES))) == 1, "grey where nothing changes"
    expect(page.locator(".ct-row").first).to_have_attribute("aria-current", "true")

    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save map of sentence 2").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    assert re.fullmatch(r"synthetic-ctflow-fake-[0-9a-f]{8}-seed0-sentence2-map\.nii\.gz", path.name)
    assert sitk.GetArrayFromImage(sitk.ReadImage(path)).max() > 800
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as CSV").click()
    table = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert table.startswith("sentence,way,place") and EFFUSION in table


def test_rows_come_one_by_one_and_a_reload_finds_them_and_stop_keeps_them(visit: Open, gate: Gate) -> None:
    page = visit(heeding(gate)).page
    write_report(page, f"{EFFUSION} {CLEAR} No nodule.")
    ask_tab(page)
    compare_sentences(page)
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_disabled()
    gate.open(2 * STEPS)
    gate.open(1)
    expect_asked(page, "Making volume 3 of 5 (sentence 1 of 3).")
    expect(page.locator(".ct-rows li")).to_have_text([re.compile("^Chance alone changes")])
    gate.open(STEPS)
    expect(page.locator(".ct-row")).to_have_count(1)
    expect(page.get_by_role("tab", name="Ask · 60 %")).to_be_visible()

    page.reload()
    expect(page.get_by_role("tab", name="Ask")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".ct-row")).to_have_text([re.compile(f"^{EFFUSION}")])
    gate.open(STEPS)
    expect(page.locator(".ct-row")).to_have_count(2)
    stop(page)
    expect_asked(page, "Stopping after this step.")
    gate.open(1)
    expect_asked(page, "Stopped. 2 of 3 sentences done, which stay.")
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
    page.reload()
    expect(page.locator(".ct-row")).to_have_count(2)
    page.locator(".ct-row").first.click()
    expect_status(page, "Without sentence 1 of 3")


def test_a_question_that_cannot_be_asked_says_why(visit: Open) -> None:
    page = visit(sleeping(0)).page
    write_report(page, CLEAR)
    ask_tab(page)
    expect(sentences(page).locator(".ct-cost")).to_contain_text("write at least two sentences")
    compare_sentences(page)
    expect_asked(page, "write at least two sentences")
    expect(page.locator(".ct-rows")).to_be_hidden()


def test_other_seeds_stand_as_pictures_beside_their_mean_and_deviation(visit: Open) -> None:
    page = visit(heeding()).page
    write_report(page, EFFUSION)
    ask_tab(page)
    page.get_by_role("button", name="Compare seeds").click()
    expect_asked(page, "Done: 4 volumes", "seeds")
    cards = page.locator(".ct-grid-card")
    names = ["Seed 0", "Seed 1", "Seed 2", "Seed 3", "Mean of 4 seeds", "Standard deviation of 4 seeds"]
    expect(cards).to_have_text(names)
    for card in range(len(names)):
        expect(cards.nth(card).locator("img")).to_have_attribute("src", re.compile("^data:image/jpeg"))
    cards.nth(2).click()
    expect_status(page, "Seed 2: 96 slices")
    hu, *index = point_at(page, "axial", BESIDE, SLICES)
    assert hu == heeding().hu(page_request(2))[tuple(index)]
    window = page.get_by_label("Window width")
    expect(window).to_have_value("1500")
    cards.nth(5).click()
    expect_status(page, "Standard deviation of 4 seeds")
    expect(window).to_have_value("400")
    page.reload()
    expect(window).to_have_value("400")
    page.locator(".ct-grid-card").nth(4).click()
    expect_status(page, "Mean of 4 seeds")
    expect(window).to_have_value("1500")


def page_request(seed: int) -> GenerationRequest:
    return heeding().card.request(Report(EFFUSION), seed)


def test_from_here_on_keeps_the_slices_before_and_heeds_the_edited_report(visit: Open) -> None:
    page = visit(heeding()).page
    write_report(page, CLEAR)
    generate(page)
    expect_status(page, "Done")
    write_report(page, EFFUSION)
    ask_tab(page)
    expect_slice(page, "31 / 96")
    expect(page.get_by_text("Slices 1 to 16 stay as they are;")).to_be_visible()
    page.get_by_role("button", name="From here on").click()
    expect(page.locator(".ctv-card img")).to_have_count(2)  # the second one's picture comes with its last slices
    expect_status(page, "Done")
    expect(page.locator(".ctv-card").nth(1)).to_contain_text("slices 1 to 16 kept")
    before = heeding().hu(page_request(0)).copy()
    hu, *index = point_at(page, "coronal", (0.3, 0.9), SLICES)
    assert index[0] >= 16 and hu == before[tuple(index)]
    hu, *index = point_at(page, "coronal", (0.3, 0.1), SLICES)
    assert index[0] < 16 and hu == FakeGenerator(lambda *_: None).hu(page_request(0))[tuple(index)]


def test_what_goes_on_from_another_seed_is_listed_with_that_seed(visit: Open) -> None:
    """The list told the seed of the field, while the volume had that of the one before it."""
    page = visit(heeding()).page
    write_report(page, CLEAR)
    ask_tab(page)
    page.get_by_role("button", name="Compare seeds").click()
    expect_asked(page, "Done: 4 volumes", "seeds")
    page.get_by_role("button", name="Seed 1", exact=True).click()
    expect_status(page, "Seed 1: 96 slices")
    page.get_by_role("button", name="From here on").click()
    expect_status(page, "Done: 96 slices")
    expect_status(page, "Seed 1.")
    page.get_by_role("button", name="Details of").click()
    expect(page.get_by_role("dialog", name="Run").locator("dt:text-is('Seed') + dd")).to_have_text("1")


def test_a_stopped_run_is_continued_and_a_short_one_made_longer(visit: Open, gate: Gate) -> None:
    page = visit(FakeGenerator(gate)).page
    write_report(page, CLEAR)
    generate(page)
    gate.open(5)
    expect_status(page, "Making slices 17 to 32")
    stop(page)
    expect_status(page, "Stopping after this step.")
    gate.open(1)
    expect_status(page, "Stopped. 16 of 96 slices kept.")
    ask_tab(page)
    expect(page.get_by_text("Slices 1 to 16 stay.", exact=True)).to_be_visible()
    gate.open(STEPS)
    page.get_by_role("button", name="Continue").click()
    expect_status(page, "Done: 96 slices")
    expect(page.get_by_role("button", name="Longer")).to_be_disabled()
    expect(page.get_by_text("It has 6 chunks; this model makes at most 6.")).to_be_visible()


def test_what_was_asked_read_and_found_stands_side_by_side(visit: Open) -> None:
    page = visit(heeding()).page
    write_report(page, "Large right pleural effusion. No pneumothorax.")
    generate(page)
    expect_status(page, "Done")
    ask_tab(page)
    page.get_by_role("button", name="Compare findings").click()
    dialog = page.get_by_role("dialog", name="Asked, read, found")
    expect(dialog.locator("thead th")).to_have_text(["Finding", "Report says", "Model read"])
    expect(dialog.locator("tbody tr", has_text="Pleural effusion")).to_contain_text("asserted")
    expect(dialog.locator("tbody tr", has_text="Pneumothorax")).to_contain_text("denied")
    expect(dialog).to_contain_text("This model has no image tower, so that nobody has looked into the volume.")


def test_two_tabs_ask_two_questions_and_each_sees_its_own(visit: Open) -> None:
    first = visit(heeding())
    second = first.page.context.new_page()
    second.goto(first.url)
    second.wait_for_selector(".ctv-canvas")
    for page, said in ((first.page, EFFUSION), (second, "The heart is normal.")):
        write_report(page, f"{said} {CLEAR}")
        ask_tab(page)
        compare_sentences(page)
    for page, said in ((first.page, EFFUSION), (second, "The heart is normal.")):
        expect_asked(page, "Done")
        expect(page.locator(".ct-row", has_text=said)).to_have_count(1)
        expect(page.locator(".ct-row")).to_have_count(2)


def test_a_volume_that_was_swept_is_told_and_its_figures_stay(visit: Open, serve: Serve) -> None:
    limits = Limits(keep_s=0, watched_s=0)
    page = visit(heeding(), url=serve(heeding(), limits)).page
    write_report(page, f"{EFFUSION} {CLEAR}")
    ask_tab(page)
    compare_sentences(page)
    expect(page.locator(".ct-asked-ablate .ct-asked-status")).to_contain_text(
        re.compile("Done|no longer on the server")
    )
    page.reload()
    expect_asked(page, "no longer on the server")
    expect(page.locator(".ct-row")).to_have_count(2)
    expect(page.locator(".ct-row:disabled")).to_have_count(2)


@pytest.mark.slow
def test_after_a_restart_of_the_server_the_figures_stay(visit: Open, tmp_path: Path) -> None:
    server = Apart(tmp_path / "server", "--step-s", "0.05")
    try:
        page = visit(heeding(), url=server.url).page
        write_report(page, "One. Two. Three.")
        ask_tab(page)
        compare_sentences(page)
        expect(page.locator(".ct-row").first).to_be_visible()
        server.kill()
        expect_asked(page, "The server does not answer.")
        server.start()
        expect_asked(page, "The server was restarted.")
        assert page.locator(".ct-row:disabled").count() >= 1
        expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
    finally:
        server.kill()


def test_the_tabs_are_moved_along_by_the_arrow_keys(visit: Open) -> None:
    page = visit(sleeping(0)).page
    report, ask = page.get_by_role("tab", name="Report"), page.get_by_role("tab", name="Ask")
    report.focus()
    page.keyboard.press("ArrowRight")
    expect(ask).to_be_focused()
    expect(page.get_by_label("Findings")).to_be_hidden()
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_visible()
    page.keyboard.press("Home")
    expect(report).to_have_attribute("aria-selected", "true")
    expect(page.get_by_label("Findings")).to_be_visible()


def test_on_a_phone_a_press_on_a_row_brings_the_planes_into_sight(visit: Open) -> None:
    page = visit(heeding(), width=390, height=844).page
    write_report(page, f"{EFFUSION} {CLEAR}")
    ask_tab(page)
    compare_sentences(page)
    expect_asked(page, "Done")
    page.locator(".ct-row").first.click()
    expect(page.locator(".ctv-axial canvas")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not in .venv/axe; `make test` installs it where npm is")
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_axe_finds_nothing_in_the_tab_with_and_without_answers(visit: Open, size: tuple[int, int]) -> None:
    page = visit(heeding(), width=size[0], height=size[1]).page
    write_report(page, f"{EFFUSION} {CLEAR}")
    ask_tab(page)
    assert violations(page) == [], "nothing asked"
    compare_sentences(page)
    expect_asked(page, "Done")
    page.get_by_role("button", name="Compare seeds").click()
    expect_asked(page, "Done", "seeds")
    assert violations(page) == [], "all answered"
