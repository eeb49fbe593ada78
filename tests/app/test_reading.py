"""How what a model read in a report is put for the page."""

from typing import Any

from app.reading import shown_reading
from app.typed import Typed
from ctflow.drawn import Drawn, Seen
from ctflow.reading import Mention, Reading, SentenceReading
from ctflow.report import Report, placed_sentences

KNOWN = ("Consolidation", "Cardiomegaly")


def said(
    finding: str, asserted: bool = True, side: str | None = None, lobe: str | None = None, size: str | None = None
) -> Mention:
    return Mention(finding, asserted, side, lobe, size)


def shown(*found: tuple[Mention, ...], drawn: dict[str, Drawn] | None = None) -> list[dict[str, Any]]:
    """The sentences of a report in which this was found."""
    findings = " ".join(f"Sentence {i}." for i in range(len(found)))
    report = Report(findings)
    placed = placed_sentences(report)
    read = tuple(SentenceReading(one, mentions) for one, mentions in zip(placed, found, strict=True))
    sentences = shown_reading(Reading(9, 64, "", KNOWN, read), Typed(findings, ""), drawn or {})["sentences"]
    assert isinstance(sentences, list)
    return sentences


def words(sentence: dict[str, Any]) -> list[str]:
    return [chip["text"] for chip in sentence["chips"]]


def seen(share: float, low: float, high: float, n: int) -> Seen:
    return Seen(share, low, high, n)


def test_a_place_is_said_as_far_as_it_is_known() -> None:
    right = said("Consolidation", side="right", lobe="lower", size="small")
    (one,) = shown((said("Cardiomegaly", False), right, said("Consolidation", side="both", lobe="lower")))
    asserted = ["Consolidation, right lower lobe, small", "Consolidation, bilateral lower lobes"]
    assert words(one) == [*asserted, "no cardiomegaly"]
    assert [chip["asserted"] for chip in one["chips"]] == [True, True, False]


def test_a_normal_study_is_one_word_and_not_one_for_every_finding() -> None:
    denied = tuple(said(finding, asserted=False) for finding in KNOWN)
    assert [words(one) for one in shown(denied, denied[:1])] == [["no abnormal findings"], ["no consolidation"]]


def test_what_asserts_can_be_denied_and_what_only_denies_can_be_asserted() -> None:
    there, absent = said("Cardiomegaly"), said("Cardiomegaly", asserted=False)
    normal = tuple(said(finding, asserted=False) for finding in KNOWN)
    turns = [one["turn"] for one in shown((there, normal[0]), (absent,), (), normal)]
    assert turns == ["deny", "assert", None, None]


def test_a_sentence_names_those_that_contradict_it() -> None:
    first, second, third = shown(
        (said("Cardiomegaly", size="small"), said("Consolidation")),
        (said("Cardiomegaly", asserted=False),),
        (said("Cardiomegaly"),),
    )
    assert [chip["against"] for chip in first["chips"]] == [[2], []]
    assert [chip["against"] for chip in second["chips"]] == [[1, 3]]
    assert [chip["against"] for chip in third["chips"]] == [[2]]


def test_a_finding_that_is_seldom_drawn_says_so_with_the_figure() -> None:
    drawn = {"Cardiomegaly": Drawn(seen(0.08, 0.01, 0.3, 24), seen(0.04, 0.0, 0.2, 25), seen(0.95, 0.8, 0.99, 40))}
    (asserted, denied) = shown(
        (said("Cardiomegaly"), said("Consolidation")), (said("Cardiomegaly", False),), drawn=drawn
    )
    cardiomegaly, consolidation = asserted["chips"]
    assert cardiomegaly["seldom"] == {
        "short": "read, drawn in 8 % of cases",
        "long": "Detectors see it in 8 % of 24 volumes of this model whose report asserts it (95 % interval 1 % to "
        "30 %), in 4 % of 25 whose report denies it, and in 95 % of 40 phantoms that have it.",
    }
    assert consolidation["seldom"] is None, "never measured"
    assert [chip["seldom"] for chip in denied["chips"]] == [None], "a denied finding shall not be drawn"


def test_a_sentence_says_where_it_was_typed_and_whether_the_model_sees_it() -> None:
    report = Report("Fog.", "Mist. Rain.")
    fog, mist, rain = placed_sentences(report)
    read = (SentenceReading(fog, unread=("Fog.",)), SentenceReading(mist), SentenceReading(rain, is_cut=True))
    typed = Typed("Fog.", "Mist. Rain.")
    one, two, three = shown_reading(Reading(9, 3, "Rain.", (), read), typed, {})["sentences"]
    assert (one["field"], one["unread"], one["is_cut"]) == ("findings", ["Fog."], False)
    assert two["place"] == {"field": "impression", "start": 0, "end": 5}
    assert (three["text"], three["is_cut"]) == ("Rain.", True)
