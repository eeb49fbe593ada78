"""Reports read by a model, each in all ways in turn."""

from dataclasses import replace
from pathlib import Path

import pytest

from ctflow.benchmark.reading import NAMES, Length, measure_reading, reading_table
from ctflow.errors import RequestError
from tests.tiny import CARD, FACTS, tiny_checkpoint

SHORT = Length(tokens=(8, 16), words=(5, 12))


def test_each_report_is_read_in_every_way(tmp_path: Path) -> None:
    text = replace(CARD.text, parts=("{findings}\n", "{impression}"))
    found = measure_reading(tiny_checkpoint(tmp_path / "tiny", facts=FACTS, text=text), 3, SHORT)
    assert len(found.tokens) == 3 and all(8 <= tokens <= 16 for tokens in found.tokens)
    for times in (found.floor_s, found.embedding_s, found.shown_s, found.changed_s):
        assert len(times) == 3 and min(times) > 0
    table = reading_table(found)
    assert len(table) == 2 + len(NAMES) and table[2].endswith("| 1.00 |"), "the floor is once the floor"


def test_a_model_that_would_cut_the_reports_is_not_measured(folder: Path) -> None:
    with pytest.raises(RequestError, match="takes in 16"):
        measure_reading(folder, 1)
