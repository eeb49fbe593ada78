"""How alike the embeddings of one truth are, whatever the manner and the length of its reports."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.errors import CheckpointError
from ctflow.evaluation.manners import Length, ReportMeasure, compare
from ctflow.models.reader import Reader, ReaderConfig
from ctflow.phantom import SIZES, SLOTS
from tests.tiny import tiny_checkpoint


def test_nearest_neighbours_are_counted_and_cosines_are_sorted_by_truth_and_manner() -> None:
    embeddings = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]], np.float32)  # two truths in two manners
    found = compare(embeddings, manners=2)
    assert sorted(found.same) == pytest.approx([0.8, 0.8])
    assert sorted(found.other) == pytest.approx([0.0, 0.96])
    assert (found.nearest.value, found.nearest.n) == (0.5, 4)  # 0.8 is farther than 0.96


def test_the_reports_of_a_length_have_so_many_tokens_and_their_grades_are_counted(tmp_path: Path) -> None:
    slots = tuple((kind, *site) for kind, site in SLOTS)
    reader = Reader(ReaderConfig(dim=8, layers=1, hidden=4, slots=slots, sizes=SIZES))
    checkpoint = replace(load_checkpoint(tiny_checkpoint(tmp_path / "tiny")), reader=reader)
    told = ReportMeasure(checkpoint, "known").grades_told(3, Length("short", (10, 400), (22, 45)))
    assert told.n >= 3 and 0 <= told.value <= 1


def test_a_reader_of_other_questions_is_refused(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(tiny_checkpoint(tmp_path / "tiny", heads=True))
    with pytest.raises(CheckpointError, match="does not answer"):
        ReportMeasure(checkpoint, "known")


def test_the_command_says_that_it_needs_two_truths(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "reading", "--reports", "1"]) == 2
    assert "--reports is 2 or more; got 1." in capsys.readouterr().err
