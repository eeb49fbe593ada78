"""The table of obedience on disk and in Markdown."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ctflow.errors import RequestError
from ctflow.evaluation.obedience.table import (
    DIVERSITY,
    DOSE,
    SEAM,
    SHOWN_ASKED,
    ObedienceTable,
    VolumeCount,
    markdown,
    read_table,
    write_table,
)
from ctflow.evaluation.statistics import NOTHING, Estimate

ASSETS = Path(__file__).parents[3] / "assets"
TABLE = ObedienceTable(
    plan={"n": 2, "seed": 0, "phantoms": 16},
    volumes={"held-out": VolumeCount(made=2, too_short=1)},
    columns={
        "a model": {
            (SHOWN_ASKED, "Emphysema"): Estimate(0.5, 0.25, 0.75, 4),
            ("AUROC, asked against denied", "Emphysema"): Estimate(1.0, 0.2, 1.0, 1, against=3),
            (DOSE, "Cardiomegaly"): NOTHING,
            (DIVERSITY, "HU between seeds of one report"): Estimate(67.24, math.nan, math.nan, 1),
        },
        "phantoms": {(SEAM, "1 = no seam"): Estimate(0.996, 0.9, 1.1, 2)},
    },
)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "obedience.json")
    read = read_table(tmp_path / "obedience.json")
    assert (read.plan, read.volumes, list(read.columns)) == (TABLE.plan, TABLE.volumes, list(TABLE.columns))
    assert read.rows() == TABLE.rows()
    assert repr(read.columns) == repr(TABLE.columns), "NaN, which is not equal to itself, is kept too"
    assert read.model is read.columns["a model"]


def test_percent_hu_and_missing_numbers_are_printed_as_such() -> None:
    assert markdown(TABLE).splitlines()[2:] == [
        "| shown when asked | Emphysema | 50 % (25–75) |  | 4 |",
        "| AUROC, asked against denied | Emphysema | 1.00 (0.20–1.00) |  | 1 against 3 |",
        "| dose, rank correlation | Cardiomegaly | not asked in numbers |  | 0 |",
        "| diversity | HU between seeds of one report | 67.2 |  | 1 |",
        "| seam index | 1 = no seam |  | 1.00 (0.90–1.10) | 2 |",
        "",
        "Volumes too short to be measured, which count as showing nothing: 1 of 2.",
    ]


def test_the_bundled_models_two_tables_are_the_same() -> None:
    assert markdown(read_table(ASSETS / "obedience.json")) == (ASSETS / "obedience.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "content", [None, "", "[]", '{"format": 2}', '{"format": 1}', '{"format": 1, "columns": [], "rows": [{}]}']
)
def test_a_file_that_is_no_table_is_refused_with_its_name(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "obedience.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RequestError, match=r"obedience\.json is not a table of obedience"):
        read_table(path)
