"""The rows of the table, from what detectors are made to say: no volume is needed to count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ctflow.evaluation.pool import Item
from ctflow.evaluation.rows import Judged, Row, over_pairs, size_rows
from ctflow.evaluation.sanity import distance
from ctflow.evaluation.statistics import Estimate, share
from ctflow.phantom import SLOTS, Finding, Kind, Truth
from ctflow.report import Report

SANE = {"two lungs": True}


def judged(
    *findings: Finding,
    shown: Sequence[tuple] = (),
    amounts: dict[Kind, float] | None = None,
    denied: tuple[Kind, ...] = (),
    report: str = "A report.",
) -> Judged:
    """Of a volume that shows the `shown` slots and no others, with an amount of each kind everywhere."""
    item = Item("held-out", 0, 0, Truth(findings=findings), denied, Report(report), 1.0)
    odds = {slot: 2.0 if slot in shown else -2.0 for slot in SLOTS}
    return Judged(item, odds, {slot: (amounts or {}).get(slot[0], 0.0) for slot in SLOTS}, 1.0, SANE)


def by_name(rows: Sequence[Row]) -> dict[tuple[str, str], Estimate]:
    return {(row.group, row.name): row.estimate for row in rows}


def effusion(size: str, ml: float | None = None) -> Finding:
    return Finding(kind="Pleural effusion", side="right", size=size, ml=ml)  # type: ignore[arg-type]


POOLED = ("size order kept", "effusion, pneumothorax, consolidation, nodule, heart")


def test_the_pooled_size_order_rests_on_the_cases_of_its_own_kinds() -> None:
    effusions = [judged(effusion(size), amounts={"Pleural effusion": much})
                 for size, much in (("small", 0.1), ("moderate", 0.5), ("large", 0.9))]  # fmt: skip
    others = [judged(Finding(kind="Hiatal hernia", size=size)) for size in ("small", "large") * 20]
    pooled = by_name(size_rows([*effusions, *others]))[POOLED]
    assert (pooled.value, pooled.n) == (1.0, 3)
    assert (pooled.low, pooled.high) == (share(3, 3).low, share(3, 3).high)


def test_pairs_of_one_report_count_as_one() -> None:
    rng = np.random.default_rng(0)
    groups = [[np.full((1, 1, 1), level + noise) for noise in rng.normal(size=4)] for level in (0, 100, 200)]
    one = over_pairs(groups, distance)
    assert one.n == 3
    assert one.value == pytest.approx(np.mean([abs(a - b) for g in groups for a in g for b in g]) * 4 / 3, abs=1e-5)
