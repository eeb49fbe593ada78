"""The table of an ablation, for people and for programs."""

import csv

import numpy as np

from ctflow.analysis.ablation import ChanceFloor, SentenceEffect
from ctflow.analysis.places import Place
from ctflow.analysis.table import COLUMNS, effects_csv, effects_markdown
from ctflow.volume import Volume

NOTHING = np.zeros((1, 1, 1), np.int16)
VOLUME = Volume(NOTHING, np.eye(4))
FLOORS = [ChanceFloor("shared", NOTHING.astype(np.float32), (8, 9), 41.25, 812.4)]
EFFECTS = [
    SentenceEffect('A | B,\n"C".', "shared", (Place("right", None),), VOLUME, NOTHING, 310.6, 12.34, 30.1, 4.2),
    SentenceEffect("Heart.", "shared", (), VOLUME, NOTHING, 3.0, 1.0, None, None),
]


def test_a_line_for_each_sentence_and_one_for_chance() -> None:
    lines = effects_markdown(FLOORS, EFFECTS).splitlines()
    assert len(lines) == 5
    assert lines[2] == '| A \\| B, "C". | shared chunks | 311 ml | 12.3 | 30.1 (right) | 4.2 |'
    assert lines[3] == "| Heart. | shared chunks | 3 ml | 1.0 |  |  |"
    assert lines[4] == "| *another seed instead* | shared chunks | 812 ml | 41.2 |  |  |"


def test_the_csv_reads_back() -> None:
    head, first, second, chance = csv.reader(effects_csv(FLOORS, EFFECTS).splitlines(keepends=True))
    assert tuple(head) == COLUMNS
    assert first == ['A | B,\n"C".', "shared", "right", "310.60", "12.34", "30.10", "4.20"]
    assert second == ["Heart.", "shared", "", "3.00", "1.00", "", ""]
    assert chance == ["", "shared", "", "812.40", "41.25", "", ""]
