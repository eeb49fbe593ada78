import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctflow.errors import RequestError
from ctflow.report import (
    MAX_CHARACTERS,
    Report,
    encoder_text,
    field_starts,
    placed_sentences,
    sentence_spans,
    sentences,
    without,
)

PARTS = ("[Sex: {sex}]", "[Age: {age:03d}Y]", "Findings: {findings}", "Impression: {impression}")
HEADINGS = st.sampled_from(
    ["Findings:", "IMPRESSION :", "impressions:", "İmpression:", "fındings:", "ımpression:", "\n"]
)
ANY_TEXT = st.lists(st.text(st.characters(), max_size=20) | HEADINGS, max_size=8).map(" ".join)


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_is_a_report_or_a_request_error_and_what_is_kept_can_be_written_to_a_file(
    text: str, impression: str
) -> None:
    try:
        report = Report.parse(text, impression)
    except RequestError:
        return
    encoder_text(report, PARTS).encode()
    assert Report(report.findings, report.impression) == report


@pytest.mark.parametrize("heading", ["İmpression:", "ımpression:"])
def test_a_turkish_i_in_a_heading_is_an_i(heading: str) -> None:
    """The pattern ignores case and so matches these, but `.lower()` of them is no plain i: it was a KeyError."""
    assert Report.parse(f"Clear lungs. {heading} Normal.") == Report("Clear lungs.", "Normal.")


def test_text_without_headings_is_findings() -> None:
    assert Report.parse(" Clear lungs.\n") == Report("Clear lungs.")


def test_headings_part_the_text_wherever_they_stand() -> None:
    text = "CT chest. IMPRESSIONS: Normal.\nFindings : Clear lungs. impression: No mass."
    assert Report.parse(text, "Given apart.") == Report("CT chest. Clear lungs.", "Given apart. Normal. No mass.")


def test_a_report_without_words_is_refused() -> None:
    for text in ("", " \n", "Findings: Impression:", "\x00\u202e", *"\u200b\u200e\u2060\ufeff\u3164\x9b\x85", "—"):
        with pytest.raises(RequestError, match="empty"):
            Report.parse(text)


def test_signs_that_hide_or_turn_text_are_dropped() -> None:
    assert Report("no\x00 effusion\u202e\ud800").findings == "no effusion"


def test_a_report_of_any_length_is_refused_in_words() -> None:
    assert Report("x" * MAX_CHARACTERS)
    with pytest.raises(RequestError, match="at most 20,000"):
        Report("x" * (MAX_CHARACTERS + 1))


@pytest.mark.parametrize("values", [{"sex": "X"}, {"age": -1}, {"age": 121}, {"age": True}, {"age": 54.0}])
def test_a_sex_or_age_that_nobody_has_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(RequestError, match=next(iter(values)).capitalize()):
        Report("Clear lungs.", **values)  # type: ignore[arg-type]


def test_the_encoder_sees_the_parts_that_there_are() -> None:
    assert encoder_text(Report("Clear {lungs}.", sex="F", age=7), PARTS) == (
        "[Sex: F] [Age: 007Y] Findings: Clear {lungs}."
    )
    assert encoder_text(Report("", "Normal.", age=0), PARTS) == "[Age: 000Y] Impression: Normal."


def test_a_brace_that_belongs_to_the_text_is_written_twice() -> None:
    """The paper's figure has its text in braces: it must be one edit of a card. Such a part was left out."""
    report = Report("Clear.", "Normal.")
    parts = ("{{Findings: {findings}", "Impressions: {impression}", "[Age: {age:03d}Y]", "Length: 256}}")
    assert encoder_text(report, parts) == "{Findings: Clear. Impressions: Normal. Length: 256}"


@given(ANY_TEXT, ANY_TEXT)
def test_sentences_and_fields_stand_where_they_are_said_to(findings: str, impression: str) -> None:
    try:
        report = Report(findings, impression)
    except RequestError:
        return
    parts = ("{{{age:>5}: {sex}", "Impression, first: {impression!s:<9};", "[{findings}]", "{findings} again")
    text, starts = encoder_text(report, parts), field_starts(report, parts)
    for one in placed_sentences(report):
        assert getattr(report, one.field)[one.start : one.end] == one.text
        assert text[starts[one.field] + one.start :].startswith(one.text)
    assert starts.keys() == {name for name in ("findings", "impression") if getattr(report, name)}


def test_without_a_sentence_a_report_lacks_it_wherever_it_stood_and_nothing_else() -> None:
    report = Report("Effusion. Large heart.\nEffusion.  No nodule; clear lungs.", "Effusion.\nSee above.", "F", 50)
    assert without(report, "Effusion.") == Report("Large heart. No nodule; clear lungs.", "See above.", "F", 50)
    assert without(report, "No nodule;").findings == "Effusion. Large heart. Effusion. clear lungs."
    with pytest.raises(RequestError, match="The report is empty"):
        without(Report("Effusion."), "Effusion.")


def test_a_missing_space_behind_a_stop_joins_no_sentences() -> None:
    joined = Report("The heart is normal.Large right effusion. A nodule of 6.5 mm.")
    texts = ["The heart is normal.", "Large right effusion.", "A nodule of 6.5 mm."]
    assert sentences(joined) == texts
    left = without(joined, "The heart is normal.")
    assert sentences(left) == texts[1:]


def test_a_line_without_a_stop_stays_a_line_when_another_sentence_is_left_out() -> None:
    """Without "A!", the sentence "A" had become "A 0"."""
    assert without(Report("A! A \n 0"), "A!") == Report("A\n0")


@given(ANY_TEXT)
def test_each_sentence_can_be_left_out_and_the_others_stay(text: str) -> None:
    try:
        report = Report.parse(text)
    except RequestError:
        return
    said = sentences(report)
    for sentence in said if len(said) > 1 else ():
        assert sentences(without(report, sentence)) == [one for one in said if one != sentence]


@pytest.mark.parametrize("text", ["Effusion? Yes, on the left.", "Effusion? no", "Effusion? None."])
def test_a_question_and_its_answer_are_one_sentence(text: str) -> None:
    assert sentences(Report(text)) == [text]


def test_what_follows_a_question_without_answering_it_is_another_sentence() -> None:
    assert sentences(Report("Pneumonia? No effusion.")) == ["Pneumonia?", "No effusion."]


WRAPPED = """There is a moderate right pleural effusion, unchanged, and there is no left
effusion. Resolution of the pneumothorax on the right side, and no other
air in the pleural space. Septal thickening and bronchial wall thickening
are absent."""


def test_a_line_that_a_program_broke_goes_on_in_the_next_one() -> None:
    """'No left' and 'effusion.' had been two sentences, of which the second said that there is one."""
    read = [" ".join(text.split()) for text in sentences(Report(WRAPPED))]
    assert read == [
        "There is a moderate right pleural effusion, unchanged, and there is no left effusion.",
        "Resolution of the pneumothorax on the right side, and no other air in the pleural space.",
        "Septal thickening and bronchial wall thickening are absent.",
    ]


def test_lines_that_a_person_ended_are_sentences() -> None:
    lines = ["small left effusion", "no pneumothorax", "Large heart", "nodule in the right upper lobe"]
    assert sentences(Report("\n".join(lines))) == lines


@pytest.mark.parametrize("text", ["No pleural\neffusion.", "nodule in the\nRUL", "fluid on the left and\nright"])
def test_a_line_that_cannot_be_the_end_goes_on(text: str) -> None:
    assert sentences(Report(f"{text}\nLarge heart")) == [text, "Large heart"]


@pytest.mark.parametrize("text", ["Bones:\nNormal.", "Lymphadenopathy:\nNone", "Heart? Normal."])
def test_a_heading_goes_on_in_the_next_line(text: str) -> None:
    assert sentences(Report(f"{text}\nNo effusion.")) == [text, "No effusion."]


@pytest.mark.parametrize(
    "text", ["No effusion resp. pneumothorax.", "A nodule of max. 8 mm.", "Nodule in the L. upper lobe, approx. 4 mm."]
)
def test_no_sentence_ends_behind_an_abbreviation(text: str) -> None:
    assert sentences(Report(f"{text} No mass.")) == [text, "No mass."]


def test_a_side_at_the_end_of_a_sentence_ends_it() -> None:
    assert sentences(Report("Effusion on the R. No mass.")) == ["Effusion on the R.", "No mass."]


@pytest.mark.parametrize("before", ["Calcified LAD.", "Compared with 2019.", "Large mass (61)."])
def test_a_space_may_be_missing_behind_capitals_digits_and_brackets(before: str) -> None:
    assert sentences(Report(f"{before}Pericardial effusion.")) == [before, "Pericardial effusion."]


@pytest.mark.parametrize(
    "lines",
    [
        ["Effusion: no", "Emphysema"],
        ["EFFUSION NO", "NODULE YES"],
        ["PLEURAL EFFUSION:", "CARDIOMEGALY: NO"],
        ["no pneumothorax or consolidation is seen in either lung", "emphysema"],
        ["Nodule?", "No", "Effusion left"],
    ],
    ids="\n".join,
)
def test_an_answer_or_an_empty_heading_does_not_take_the_next_line(lines: list[str]) -> None:
    """'Effusion: no' and 'Emphysema' had become one sentence, which denied the emphysema."""
    assert sentences(Report("\n".join(lines))) == lines


@pytest.mark.parametrize("text", ["effusion on the R. no nodule.", "No effusion in img. emphysema."])
def test_an_abbreviation_that_may_end_a_sentence_ends_it(text: str) -> None:
    assert len(sentences(Report(text))) == 2


@pytest.mark.parametrize(
    ("findings", "impression"),
    [
        ("Contrast: no", "Emphysema."),
        ("No effusion.\nPneumothorax: no", "Cardiomegaly."),
        ("There is no pneumothorax. Nodule on the L.", "no effusion"),
        ("No evidence on either side of any significant\npleural effusion.", "An unenhanced scan, " + "low dose, " * 9),
        ("Effusion?", "Yes, on the left."),
        ("Heart:", "normal."),
    ],
)
def test_no_sentence_goes_on_from_the_findings_into_the_impression(findings: str, impression: str) -> None:
    """An encoder that reads sentence by sentence is given both fields as one text."""
    report = Report(findings, impression)
    text = encoder_text(report, ("{findings}\n", "{impression}"))
    assert [text[start:end] for start, end in sentence_spans(text)] == sentences(report)


@pytest.mark.parametrize("text", ["L. " * 6000, "a" + " " * 19_000 + "b", "approx. " * 2400, "x\n\n" * 6000])
@pytest.mark.timeout(20)
def test_odd_texts_are_split_at_once(text: str) -> None:
    assert sentences(Report(text))
