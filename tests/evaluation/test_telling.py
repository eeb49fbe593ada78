"""What is measured of embeddings: one truth in several manners, and reports of two lengths."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from ctflow.__main__ import main
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.errors import CheckpointError
from ctflow.evaluation.telling import LONG, SHORT, grade_heads, grades_right, manners
from ctflow.phantom import SIZES, SLOTS
from ctflow.phantom.language import MANNERS
from tests.tiny import tiny_checkpoint

PARTS = ("{findings}\n", "{impression}")


class ByLength:
    """An encoder that tells nothing but the number of characters; it remembers how long texts are, in words."""

    def __init__(self) -> None:
        self.words: list[int] = []

    def embed(self, texts: Sequence[str]) -> Tensor:
        self.words += [len(text.split()) for text in texts]
        return torch.nn.functional.normalize(torch.tensor([[len(text), 200.0] for text in texts]), dim=1)


class OneForAll(ByLength):
    """An encoder that says the same of all reports."""

    def embed(self, texts: Sequence[str]) -> Tensor:
        super().embed(texts)
        return torch.tensor([[1.0, 0.0]]).expand(len(texts), 2)


def heads(grade: int) -> nn.Linear:
    """Reads one grade at every slot."""
    linear = nn.Linear(2, len(SLOTS) * (1 + len(SIZES))).requires_grad_(False)
    linear.weight.zero_()
    linear.bias.copy_(torch.nn.functional.one_hot(torch.tensor([grade] * len(SLOTS)), 4).flatten())
    return linear


def test_an_encoder_that_tells_nothing_finds_truths_by_chance() -> None:
    rows = {row.what: row.estimate for row in manners(OneForAll(), PARTS, 6, "known")}  # type: ignore[arg-type]  # a fake
    same, other, nearest = rows.values()
    assert same.value == other.value == pytest.approx(1.0)
    assert (same.n, other.n, nearest.n) == (6 * 8 * 7, 8 * 6 * 5, 48) and len(MANNERS) == 8
    assert nearest.value < 0.5


def test_grades_of_what_is_there_are_counted_in_reports_of_each_length() -> None:
    shares, lengths = [], []
    for words in (SHORT, LONG):
        encoder = ByLength()
        found = [grades_right(encoder, heads(grade), PARTS, 12, words, "known") for grade in range(4)]  # type: ignore[arg-type]  # a fake
        shares.append([one.value for one in found])
        lengths.append(sum(encoder.words) / len(encoder.words))
    for absent, *sizes in shares:
        assert absent == 0 and sum(sizes) == pytest.approx(1.0)
    assert lengths[1] > 4 * lengths[0]


def test_a_model_whose_embeddings_nobody_reads_is_refused(tmp_path: Path) -> None:
    for heads in (False, True):
        with pytest.raises(CheckpointError, match="cannot say what its embeddings tell"):
            grade_heads(load_checkpoint(tiny_checkpoint(tmp_path / f"tiny{heads}", heads=heads)))
    linear = nn.Linear(2, 4 * len(SLOTS))
    known = SimpleNamespace(text=None, reader=SimpleNamespace(grades=linear))
    assert grade_heads(known) is linear  # type: ignore[arg-type]  # a fake


@pytest.mark.slow
def test_the_command_prints_a_row_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "telling", "--model", "demo", "--n", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 6 and all(line.startswith("|") for line in lines)
