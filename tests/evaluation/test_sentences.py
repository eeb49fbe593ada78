"""Sentences that people wrote and labelled: how they are read from a file, and how a reading of them is judged."""

from pathlib import Path

import pytest

from ctflow.__main__ import main
from ctflow.errors import RequestError
from ctflow.evaluation.labelled_sentences import CODES, LabelledSentence, Tag, read_sentences
from ctflow.evaluation.sentences import ReadSentence, judge, markdown
from ctflow.phantom import KINDS
from ctflow.reading import Mention
from tests.tiny import tiny_checkpoint

LEFT, RIGHT, BOTH = frozenset({"left"}), frozenset({"right"}), frozenset({"left", "right"})


def asserted(finding: str, side: str | None = None, lobe: str | None = None) -> Mention:
    return Mention(finding, True, side, lobe, None)


def denied(finding: str, side: str | None = None) -> Mention:
    return Mention(finding, False, side, None, None)


def test_every_finding_of_the_demo_has_a_code() -> None:
    assert set(CODES.values()) == set(KINDS)


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "sentences.txt"
    file.write_text("# a remark\n\nConsolidation, no | effusion. | +CON:L:lower -PLE\nFever. |\n", encoding="utf-8")
    consolidation = Tag("Consolidation", True, LEFT, "lower")
    assert read_sentences(file) == [
        LabelledSentence("Consolidation, no | effusion.", (consolidation, Tag("Pleural effusion", False))),
        LabelledSentence("Fever.", ()),
    ]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("No bar.", "SENTENCE | TAGS"),
        (" | +PLE", "SENTENCE | TAGS"),
        ("Effusion. | PLE", "'PLE'"),
        ("Effusion. | +PLEURA", "'+PLEURA'"),
        ("Effusion. | +PLE:X", "'+PLE:X'"),
        ("Effusion. | +PLE:L:R", "'+PLE:L:R'"),
        ("# only a remark", "no sentence"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path: Path, line: str, named: str) -> None:
    file = tmp_path / "sentences.txt"
    file.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(RequestError, match=named.replace("|", r"\|").replace("+", r"\+")):
        read_sentences(file)


@pytest.mark.parametrize(
    ("tags", "read", "outcome"),
    [
        ([], [], "right"),
        ([], [denied("Emphysema")], "finding"),
        ([Tag("Emphysema", True)], [], "silent"),
        ([Tag("Emphysema", True)], [asserted("Emphysema")], "right"),
        ([Tag("Emphysema", True)], [denied("Emphysema")], "polarity"),
        ([Tag("Emphysema", True)], [asserted("Emphysema"), denied("Cardiomegaly")], "finding"),
        ([Tag("Emphysema", True), Tag("Cardiomegaly", False)], [asserted("Emphysema")], "silent"),
        ([Tag("Pleural effusion", True, RIGHT)], [asserted("Pleural effusion", "right")], "right"),
        ([Tag("Pleural effusion", True, RIGHT)], [asserted("Pleural effusion", "left")], "side"),
        ([Tag("Pleural effusion", True, RIGHT)], [asserted("Pleural effusion", "both")], "side"),
        ([Tag("Pleural effusion", True, BOTH)], [asserted("Pleural effusion", "right")], "side"),
        ([Tag("Pleural effusion", True)], [asserted("Pleural effusion", "right")], "right"),
        ([Tag("Pleural effusion", False)], [denied("Pleural effusion")], "right"),
        ([Tag("Pleural effusion", False)], [denied("Pleural effusion", "left")], "side"),
        ([Tag("Pleural effusion", False, LEFT)], [denied("Pleural effusion")], "side"),
        (
            [Tag("Pleural effusion", False, RIGHT), Tag("Pleural effusion", True, LEFT)],
            [denied("Pleural effusion", "right"), asserted("Pleural effusion", "left")],
            "right",
        ),
        (
            [Tag("Lung nodule", True, RIGHT), Tag("Lung nodule", True, LEFT)],
            [asserted("Lung nodule", "right", "upper"), asserted("Lung nodule", "left", "lower")],
            "right",
        ),
        ([Tag("Lung nodule", True, LEFT, "lower")], [asserted("Lung nodule", "left", "upper")], "lobe"),
        ([Tag("Lung nodule", True, LEFT, "lower")], [asserted("Lung nodule", "left")], "right"),
        ([Tag("Lymphadenopathy", True, RIGHT)], [asserted("Lymphadenopathy")], "right"),
    ],
)
def test_a_reading_is_judged_by_its_gravest_mistake(tags: list[Tag], read: list[Mention], outcome: str) -> None:
    assert judge(tags, read) == outcome


def test_the_table_counts_and_the_worst_are_named() -> None:
    effusion = LabelledSentence("Left effusion.", (Tag("Pleural effusion", True, LEFT),))
    read = [
        ReadSentence(effusion, (asserted("Pleural effusion", "left"),), "right"),
        ReadSentence(effusion, (asserted("Pleural effusion", "right"),), "side"),
        ReadSentence(effusion, (), "silent"),
        ReadSentence(LabelledSentence("Fever.", ()), (), "right"),
    ]
    lines = list(markdown(read))
    assert lines[0] == "| read wholly right | 50.0 % (15.0–85.0) | 4 |"
    assert lines[1].startswith("| misread | 25.0 % (")
    assert "| misread: another side | 25.0 % (4.6–69.9) | 4 |" in lines
    assert "- Left effusion. (another side) Read: Pleural effusion, right." in lines
    assert "- Left effusion. Read: nothing." in lines


def test_the_command_reads_a_file_and_says_what_is_wrong_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(tiny_checkpoint(tmp_path / "tiny", heads=True))
    file = tmp_path / "sentences.txt"
    file.write_text("The patient is tall. |\n", encoding="utf-8")
    assert main(["evaluate", "reading", "--sentences", str(file), "--model", model]) == 0
    assert "| read wholly right | 100.0 % (20.7–100.0) | 1 |" in capsys.readouterr().out
    assert main(["evaluate", "reading", "--sentences", str(tmp_path / "none.txt"), "--model", model]) == 2
    assert "none.txt cannot be read" in capsys.readouterr().err
