"""The report sentence by sentence: what the model read in each, and buttons that change the text and change it back."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from ctflow.drawn import Drawn, Seen
from ctflow.reading import Reading
from ctflow.report import Report
from tests.app.fake import FakeGenerator, sleeping
from tests.browser.conftest import Visit
from tests.browser.viewer import expect_status, generate, write_report

Open = Callable[..., Visit]
KNOWN = ("Pleural effusion", "Pneumothorax", "Lung nodule")
DRAWN = {"Lung nodule": Drawn(Seen(0.08, 0.01, 0.3, 24), None, Seen(0.95, 0.8, 0.99, 40))}
FINDINGS = "Large right pleural effusion. No pneumothorax. A lung nodule.\nThe dog barks."
RIGHT, NO_PNEUMOTHORAX, NODULE, DOG = range(4)
DENIAL = "No pleural effusion on the right."


def reads() -> FakeGenerator:
    return FakeGenerator(lambda chunk, step: None, known=KNOWN, drawn=DRAWN)


def sentence(page: Page, number: int) -> Locator:
    return page.locator(".ct-sentence").nth(number)


def press(page: Page, number: int, name: str) -> None:
    press_in(sentence(page, number), name)


def press_in(row: Locator, name: str) -> None:
    row.hover()
    row.get_by_role("button", name=re.compile(f"^{name} ")).click()


def expect_findings(page: Page, text: str) -> None:
    expect(page.get_by_label("Findings")).to_have_value(text)


@pytest.fixture
def page(visit: Open) -> Page:
    page = visit(reads()).page
    write_report(page, FINDINGS)
    expect(page.locator(".ct-words")).to_have_count(4)
    return page


def test_each_sentence_says_what_the_model_read_in_it(page: Page) -> None:
    expect(page.locator(".ct-words")).to_have_text(
        ["Large right pleural effusion.", "No pneumothorax.", "A lung nodule.", "The dog barks."]
    )
    expect(sentence(page, RIGHT).locator(".ct-asserted")).to_have_text("Pleural effusion, right, large")
    expect(sentence(page, NO_PNEUMOTHORAX).locator(".ct-denied")).to_have_text("no pneumothorax")
    expect(sentence(page, DOG).locator(".ct-chips")).to_have_text("not recognised")
    seldom = sentence(page, NODULE).locator(".ct-seldom")
    expect(seldom).to_contain_text("read, drawn in 8 % of cases")
    expect(seldom).to_have_attribute("title", re.compile("^Detectors see it in 8 % of 24 volumes of this model"))


def test_sentences_that_contradict_each_other_name_each_other(page: Page) -> None:
    page.get_by_label("Impression").fill("No pleural effusion.")
    expect(sentence(page, RIGHT).locator(".ct-against")).to_have_text("contradicts sentence 5")
    expect(sentence(page, 4).locator(".ct-against")).to_have_text("contradicts sentence 1")
    expect(page.locator(".ct-against")).to_have_count(2)


def test_a_denied_sentence_is_denied_in_the_text_that_the_model_gets(visit: Open) -> None:
    generator = reads()
    page = visit(generator).page
    write_report(page, FINDINGS)
    press(page, RIGHT, "Deny")
    denied = FINDINGS.replace("Large right pleural effusion.", DENIAL)
    expect_findings(page, denied)
    expect(sentence(page, RIGHT).locator(".ct-denied")).to_have_text("no pleural effusion, right")
    press(page, NO_PNEUMOTHORAX, "Assert")
    both = denied.replace("No pneumothorax.", "Pneumothorax.")
    expect_findings(page, both)
    generate(page)
    expect_status(page, "Done")
    assert generator.requests[-1].report.findings == both
    press(page, RIGHT, "Restore")
    expect_findings(page, FINDINGS.replace("No pneumothorax.", "Pneumothorax."))
    press(page, NO_PNEUMOTHORAX, "Restore")
    expect_findings(page, FINDINGS)
    expect(page.get_by_role("button", name=re.compile("^Restore"))).to_have_count(0)


def test_a_dropped_sentence_stays_in_the_list_and_comes_back_as_it_was(page: Page) -> None:
    press(page, NO_PNEUMOTHORAX, "Drop")
    expect_findings(page, FINDINGS.replace("No pneumothorax. ", ""))
    dropped = sentence(page, NO_PNEUMOTHORAX)
    expect(dropped).to_have_class(re.compile("ct-dropped"))
    expect(dropped.locator("del")).to_have_text("No pneumothorax.")
    expect(page.locator(".ct-number")).to_have_text(["1", "", "2", "3"])
    press(page, NO_PNEUMOTHORAX, "Restore")
    expect_findings(page, FINDINGS)
    expect(page.locator(".ct-dropped")).to_have_count(0)


def test_the_only_sentence_can_be_dropped_and_comes_back(page: Page) -> None:
    write_report(page, "No pneumothorax.")
    expect(page.locator(".ct-words")).to_have_count(1)
    press(page, 0, "Drop")
    expect_findings(page, "")
    press(page, 0, "Restore")
    expect_findings(page, "No pneumothorax.")


def test_what_was_typed_meanwhile_is_kept_also_over_a_reload(page: Page) -> None:
    press(page, RIGHT, "Deny")
    expect(sentence(page, RIGHT).locator(".ct-denied")).to_be_visible()
    press(page, NO_PNEUMOTHORAX, "Drop")
    expect(page.locator(".ct-dropped")).to_have_count(1)
    field = page.get_by_label("Findings")
    field.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(" It is old.")
    page.keyboard.press("Control+Home")
    page.keyboard.type("CT. ")
    expect(page.locator(".ct-words").first).to_have_text("CT.")
    page.reload()
    expect(page.locator(".ct-dropped")).to_have_count(1)
    press(page, 2, "Restore")
    expect(page.locator(".ct-dropped")).to_have_count(0)
    press(page, 1, "Restore")
    expect_findings(page, f"CT. {FINDINGS} It is old.")
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert "dog" not in kept and "effusion" not in kept, "a report stays in its tab"


def test_words_typed_into_a_denial_are_never_taken_away(page: Page) -> None:
    press(page, RIGHT, "Deny")
    expect_findings(page, FINDINGS.replace("Large right pleural effusion.", DENIAL))
    mine = "No pleural effusions at all on the right."
    write_report(page, page.get_by_label("Findings").input_value().replace(DENIAL, mine))
    expect(page.locator(".ct-dropped")).to_have_count(1)
    press(page, 1, "Restore")
    expect_findings(page, f"{mine} {FINDINGS}")


def test_a_sentence_of_a_pasted_impression_is_dropped_from_where_it_was_pasted(page: Page) -> None:
    write_report(page, "Impression: Lung nodule. Findings: 1. No pneumothorax.\n2. 🫁 Lung nodule.")
    expect(page.locator(".ct-words")).to_have_text(["No pneumothorax.", "🫁 Lung nodule.", "Lung nodule."])
    press(page, 2, "Drop")
    expect_findings(page, "Impression: Findings: 1. No pneumothorax.\n2. 🫁 Lung nodule.")
    # Once the text is read again, the sentence that was dropped stands first, where it was typed.
    press_in(page.locator(".ct-sentence", has_text="🫁"), "Drop")
    expect_findings(page, "Impression: Findings: 1. No pneumothorax.")


def test_an_example_leaves_nothing_to_restore(page: Page) -> None:
    press(page, RIGHT, "Drop")
    expect(page.locator(".ct-dropped")).to_have_count(1)
    page.get_by_role("button", name="Large left effusion").click()
    expect(page.locator(".ct-words").first).to_contain_text("left")
    expect(page.locator(".ct-dropped")).to_have_count(0)


def test_a_sentence_without_an_opposite_that_the_model_reads_says_so(visit: Open) -> None:
    class ReadsNoDenial(FakeGenerator):
        def read(self, report: Report | None) -> Reading:
            return super().read(None if report and report.findings.startswith("No ") else report)

    page = visit(ReadsNoDenial(lambda chunk, step: None, known=KNOWN)).page
    write_report(page, "A lung nodule.")
    press(page, 0, "Deny")
    expect(page.locator(".ct-run .ct-problem")).to_have_text(
        "The model reads no plain denial of lung nodule at this place. Change the sentence by hand."
    )
    expect_findings(page, "A lung nodule.")


def test_a_press_on_a_sentence_selects_it_in_the_text(page: Page) -> None:
    sentence(page, NODULE).locator(".ct-words").click()
    field = page.get_by_label("Findings")
    expect(field).to_be_focused()
    selected = field.evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd)")
    assert selected == "A lung nodule."


def test_words_that_the_volumes_report_does_not_have_are_marked(page: Page) -> None:
    expect(page.locator(".ct-sentence mark")).to_have_count(0)
    generate(page)
    expect_status(page, "Done")
    expect(page.locator(".ct-sentence mark")).to_have_count(0)
    write_report(page, FINDINGS.replace("right", "left").replace("barks", "barks loudly"))
    expect(page.locator(".ct-sentence mark")).to_have_text(["left", "loudly"])
    expect(sentence(page, RIGHT).locator("del")).to_have_text("right")
    generate(page)
    expect(page.locator(".ct-sentence mark")).to_have_count(0)


def test_sixty_sentences_scroll_in_their_own_box_and_the_keyboard_reaches_each(visit: Open) -> None:
    page = visit(reads(), width=1440, height=900).page
    generate_button = page.get_by_role("button", name="Generate", exact=True)
    before = generate_button.bounding_box()
    some = [f"No lung nodule in slice {i}." for i in range(60)]
    write_report(page, " ".join(some))
    expect(page.locator(".ct-sentence")).to_have_count(60)
    assert generate_button.bounding_box() == before
    box = page.locator(".ct-sentences").bounding_box()
    assert box and box["height"] < 250
    page.locator(".ct-sentence .ct-words").first.focus()
    page.keyboard.press("End")
    expect(page.locator(".ct-words").last).to_be_focused()
    expect(page.locator(".ct-words").last).to_be_in_viewport()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Drop sentence 60")).to_be_focused()
    page.keyboard.press("Enter")
    expect_findings(page, " ".join(some[:-1]))
    expect(page.get_by_role("button", name="Restore the dropped sentence")).to_be_focused()
    page.keyboard.press("Enter")
    expect_findings(page, " ".join(some))
    page.keyboard.press("ArrowUp")
    expect(page.locator(".ct-words").nth(58)).to_be_focused()
    tabbed = page.locator('.ct-sentences button[tabindex="0"]')
    expect(tabbed).to_have_text([some[58], "Drop"])


def test_a_model_that_cannot_say_shows_sentences_to_drop_and_no_reading(visit: Open) -> None:
    page = visit(sleeping(0)).page
    write_report(page, FINDINGS)
    expect(page.locator(".ct-words")).to_have_count(4)
    expect(page.locator(".ct-chips")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^(Deny|Assert) "))).to_have_count(0)
    press(page, DOG, "Drop")
    expect_findings(page, FINDINGS.replace("\nThe dog barks.", ""))
    press(page, DOG, "Restore")
    expect_findings(page, FINDINGS)


def test_what_lies_beyond_the_limit_says_so(page: Page) -> None:
    write_report(page, f"Lung nodule. {'word ' * 70}. No pneumothorax.")
    expect(sentence(page, 2).locator(".ct-chips")).to_have_text("beyond the limit: the model does not see it")
    expect(sentence(page, 0).locator(".ct-asserted")).to_have_text("Lung nodule")
