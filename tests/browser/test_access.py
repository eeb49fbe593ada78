"""Whether the page can be used by everybody: contrast, forced colours, and what axe-core finds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.app.fake import FakeGenerator, Gate
from tests.browser.conftest import Visit
from tests.browser.sizes import LONG_REPORT, SIZES
from tests.browser.viewer import expect_slice, expect_status, generate, write_report

Open = Callable[..., Visit]
AXE = Path(__file__).parents[2] / ".venv/axe/node_modules/axe-core/axe.min.js"
FIND = "() => axe.run(document).then(({ violations }) => violations)"
STEPS = 4


def violations(page: Page) -> list[str]:
    """What axe-core holds against the page as it is now, a line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(FIND)
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not in .venv/axe; `make test` installs it where npm is")
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_in_any_window_and_state(visit: Open, gate: Gate, size: str) -> None:
    page = visit(FakeGenerator(gate, known=("Pleural effusion", "Pneumothorax")), **SIZES[size]).page
    expect(page.locator(".ct-known")).to_be_visible()
    assert violations(page) == [], "empty"
    write_report(page, LONG_REPORT)
    expect(page.locator(".ct-cut")).to_be_visible()
    assert violations(page) == [], "with a long report"
    page.locator(".ct-words").first.focus()
    assert violations(page) == [], "with a sentence under the keyboard"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".ct-dropped")).to_have_count(1)
    assert violations(page) == [], "with a dropped sentence"
    generate(page)
    gate.open(STEPS)
    expect_slice(page, "16 / 96")
    assert violations(page) == [], "while it is made"
    gate.open(5 * STEPS)
    expect_status(page, "Done")
    page.get_by_role("button", name="More").click()
    assert violations(page) == [], "done"
    page.locator(".ctv-axial canvas").focus()
    page.keyboard.press("h")
    page.keyboard.press("Enter")
    page.keyboard.press("s")
    for dialog in ("Keys ?", "Display", "Marks", "Picture"):
        page.locator(".ctv-bar").get_by_role("button", name=dialog, exact=True).click()
        assert violations(page) == [], f"with {dialog}"
        page.keyboard.press("Escape")
    write_report(page, "No effusion.")
    generate(page)
    gate.open(6 * STEPS)
    expect(page.get_by_role("button", name="Swipe")).to_be_enabled()
    expect_status(page, "Done")
    for mode in ("Side by side", "Swipe", "Difference"):
        page.get_by_role("button", name=mode, exact=True).click()
        assert violations(page) == [], f"with A and B, {mode}"
    page.get_by_role("button", name="What differs").click()
    expect(page.get_by_role("dialog", name="What differs")).to_contain_text("of the body")
    assert violations(page) == [], "with what differs"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Numbers", exact=True).click()
    expect(page.locator(".ctv-chart .main-svg").first).to_be_visible(timeout=60_000)
    assert violations(page) == [], "with Numbers"


def test_in_forced_colours_every_button_has_a_border(visit: Open) -> None:
    """The system takes the grounds away, and without a border a button was a word like any other."""
    page = visit(FakeGenerator(lambda chunk, step: None), forced_colors="active").page
    page.get_by_role("button", name="More").click()
    bare = (
        page.locator("button")
        .filter(visible=True)
        .evaluate_all(
            """buttons => buttons.filter((button) => {
            const style = getComputedStyle(button);
            return style.borderTopStyle === 'none' || parseFloat(style.borderTopWidth) < 1;
        }).map((button) => button.textContent)"""
        )
    )
    assert bare == []
    pressed = page.locator(".ctv-bar [aria-label^=Tool] [aria-pressed=true]")
    other = page.locator(".ctv-bar [aria-label^=Tool] [aria-pressed=false]").first
    border = "button => getComputedStyle(button).border"
    assert pressed.evaluate(border) != other.evaluate(border), "what is chosen can be told from what is not"


def test_generate_and_placeholders_are_drawn_in_the_themes_colours(visit: Open) -> None:
    """Those whose contrast tests/app/test_ui.py measures."""
    page = visit(FakeGenerator(lambda chunk, step: None)).page
    style = """(element, pseudo) => {
        const { color, backgroundColor, opacity } = getComputedStyle(element, pseudo);
        return [color, backgroundColor, opacity];
    }"""
    button = page.get_by_role("button", name="Generate", exact=True)
    assert button.evaluate(style, None) == ["rgb(255, 255, 255)", "rgb(3, 105, 161)", "1"]
    for label in ("Findings", "Age (optional)"):
        field = page.get_by_label(label)
        assert field.evaluate(style, "::placeholder")[::2] == ["rgb(163, 176, 191)", "1"]
