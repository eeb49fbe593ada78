"""Where a sentence was typed: the browser takes that part of the field for it, so it must be that part."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.typed import Typed
from ctflow.errors import RequestError
from ctflow.report import Report, placed_sentences

SIGNS = ["Clear.", "No effusion", ". ", "\n", "Findings:", " IMPRESSION :", "1. ", "\x00", "\u202e", "🫁", "ß; ", "\t"]
words = st.lists(st.sampled_from(SIGNS), max_size=12).map("".join)


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def typed_again(findings: str, impression: str) -> list[tuple[str, str | None]]:
    """Each sentence of the report beside what stands at its place in the fields, cut as a browser cuts."""
    report = Report.parse(findings, impression)
    fields = {"findings": utf16(findings), "impression": utf16(impression)}
    typed = Typed(findings, impression)
    pairs: list[tuple[str, str | None]] = []
    for one in placed_sentences(report):
        place = typed.place(one)
        there = place and fields[place.field][2 * place.start : 2 * place.end].decode("utf-16-le", "surrogatepass")
        pairs.append((one.text, there))
    return pairs


@pytest.mark.parametrize(
    ("findings", "impression", "sentences"),
    [
        ("  No effusion. Clear!\n\nHeart normal", "Normal.", ["No effusion.", "Clear!", "Heart normal", "Normal."]),
        ("No effusion. No effusion.", "No effusion.", ["No effusion."] * 3),
        ("Findings: Clear. Impression: Normal.", "", ["Clear.", "Normal."]),
        ("Impression: Normal. Findings: Clear.", "Typed.", ["Clear.", "Typed.", "Normal."]),
        ("🫁🫁 Größe 3 µm. Clear.", "", ["🫁🫁 Größe 3 µm.", "Clear."]),
        ("1. Effusion.\n2) Nodule.\n• Emphysema", "", ["Effusion.", "2) Nodule.", "• Emphysema"]),
    ],
)  # fmt: skip
def test_a_sentence_stands_where_it_was_typed(findings: str, impression: str, sentences: list[str]) -> None:
    assert typed_again(findings, impression) == [(one, one) for one in sentences]


def test_what_the_report_leaves_out_is_part_of_the_place() -> None:
    assert typed_again("\x00 No eff\x07usion. Cle\ud83ear.", "") == [
        ("No effusion.", "No eff\x07usion."),
        ("Clear.", "Cle\ud83ear."),
    ]


def test_a_sentence_with_a_heading_in_its_middle_stands_nowhere() -> None:
    pairs = typed_again("Findings: a small nodule Impression: Normal. Findings: of 3 mm. Clear.", "")
    assert pairs == [("a small nodule of 3 mm.", None), ("Clear.", "Clear."), ("Normal.", "Normal.")]


@given(words, words)
def test_whatever_is_typed_each_sentence_has_its_place(findings: str, impression: str) -> None:
    try:
        pairs = typed_again(findings, impression)
    except RequestError:
        assume(False)
        return
    for text, there in pairs:
        assert there is None or "".join(sign for sign in there if sign not in "\x00\u202e") == text
