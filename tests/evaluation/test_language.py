"""Sentences of the language, labelled as sentences of a file: written there and read back, they say the same."""

from pathlib import Path

import pytest

from ctflow.__main__ import main
from ctflow.evaluation.labelled_sentences import line_of, read_sentences
from ctflow.evaluation.language import held_out_sentences
from ctflow.phantom import KINDS
from ctflow.phantom.language import MANNERS
from tests.tiny import tiny_checkpoint


def test_a_file_says_what_the_sentences_said_before_they_were_written_there(tmp_path: Path) -> None:
    drawn = list(held_out_sentences(60, 3))
    file = tmp_path / "sentences.txt"
    file.write_text("\n".join(map(line_of, drawn)), encoding="utf-8")
    assert [(one.text, one.tags) for one in read_sentences(file)] == [(one.text, one.tags) for one in drawn]


def test_every_manner_has_as_many_sentences_and_none_twice() -> None:
    drawn = list(held_out_sentences(30, 3))
    by_manner = {one.manner: [two.text for two in drawn if two.manner == one.manner] for one in drawn}
    assert len(by_manner) == len(MANNERS)
    assert all(24 <= len(texts) == len(set(texts)) <= 30 for texts in by_manner.values())


def test_the_command_counts_by_manner_and_by_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(tiny_checkpoint(tmp_path / "tiny", heads=True))
    assert main(["evaluate", "reading", "--manners", "12", "--model", model]) == 0
    printed = capsys.readouterr().out
    assert "| manner | n | read wholly right | misread | not wholly recognised |" in printed
    assert "| telegraphic | " in printed and sum(f"\n| {kind} | " in printed for kind in KINDS) > 10
