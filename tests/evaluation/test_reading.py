"""The check of the reader: only sentences that it was not taught count, and each of them once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from ctflow.__main__ import main
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.evaluation.reading import check_mentions, measure_reading
from ctflow.models.reader import Reader, ReaderConfig
from ctflow.phantom.sentences import teaching_sentences
from ctflow.reading import NOT_MENTIONED
from tests.tiny import tiny_checkpoint

PARTS = ("{findings}",)
EFFUSIONS = (("Pleural effusion", "right", None), ("Pleural effusion", "left", None))


class RecordingEncoder:
    """An encoder that remembers the texts it is given, and tells nothing of them."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode_states(self, *texts: str) -> tuple[Tensor, Tensor]:
        self.texts += texts
        return torch.zeros(len(texts), 1), torch.zeros(len(texts), 1)


class NothingRead:
    """A reader that recognises nothing."""

    config = SimpleNamespace(slots=EFFUSIONS)

    def answers(self, _: Tensor, states: Tensor) -> Tensor:
        return torch.full((len(states), len(EFFUSIONS)), NOT_MENTIONED)


def test_sentences_that_were_taught_are_left_out_and_equal_ones_count_once() -> None:
    """Most of the sentences that were called new had been taught word for word; 116 were counted as 1,500."""
    encoder, old = RecordingEncoder(), {one.text for one in teaching_sentences(0, 2000)}
    found = check_mentions(NothingRead(), encoder, PARTS, "known", 400, 1, without=old)
    assert 20 < len(encoder.texts) < 400
    assert len(encoder.texts) == len(set(encoder.texts))
    assert len(encoder.texts) == sum(one.n for one in found.right.values()) == found.misread.n
    assert not {text.lower() for text in old} & {text.lower() for text in encoder.texts}
    assert (found.right["asserted"].value, found.right["other"].value, found.misread.value) == (0, 1, 0)


def test_the_table_has_every_wording_and_every_sort(tmp_path: Path) -> None:
    reader = Reader(ReaderConfig(dim=8, layers=1, hidden=4, slots=EFFUSIONS, sizes=("small", "large")))
    checkpoint = replace(load_checkpoint(tiny_checkpoint(tmp_path / "tiny")), reader=reader)
    rows = list(measure_reading(checkpoint, 30, training_seed=0, training_sentences=10))
    assert [row.phrasings for row in rows] == ["known"] * 4 + ["held-out"] * 4
    for four in (rows[:4], rows[4:]):
        assert sum(row.estimate.n for row in four[:3]) == four[3].estimate.n > 0


def test_no_head_of_a_table_stands_above_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "reading", "--n", "1", "--model", str(tiny_checkpoint(tmp_path / "tiny"))]) != 0
    printed = capsys.readouterr()
    assert printed.out == "" and "no reader" in printed.err
    assert main(["evaluate", "reading", "--n", "0"]) == 2
    assert "--n is 1 or more; got 0." in capsys.readouterr().err
