"""The rows of the table, from made-up judgements: no volume is needed to count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ctflow.evaluation.obedience.judgement import Judgement, nothing_shown
from ctflow.evaluation.obedience.measures.chest_checks import CHECKS
from ctflow.evaluation.obedience.measures.thumbnail import distance
from ctflow.evaluation.obedience.table import Column, ObedienceTable, markdown
from ctflow.evaluation.obedience.table_rows import (
    chest_rows,
    over_pairs,
    place_rows,
    pooled_auroc,
    presence_rows,
    recall,
    size_rows,
)
from ctflow.evaluation.obedience.trials import Trial
from ctflow.evaluation.statistics import share
from ctflow.phantom import KINDS, SLOTS, Finding, Kind, Truth
from ctflow.report import Report

SANE = dict.fromkeys(CHECKS, True)
THRESHOLDS: dict[Kind, float] = dict.fromkeys(KINDS, 0.0)


def judged(
    *findings: Finding,
    shown: Sequence[tuple] = (),
    amounts: dict[Kind, float] | None = None,
    denied: tuple[Kind, ...] = (),
    report: str = "A report.",
) -> Judgement:
    """Of a volume that shows the `shown` slots and no others; a kind's amount is the same everywhere."""
    trial = Trial(
        group="held-out",
        index=0,
        seed=0,
        truth=Truth(findings=findings),
        denied=denied,
        report=Report(report),
        guidance=1.0,
    )
    odds = {slot: 2.0 if slot in shown else -2.0 for slot in SLOTS}
    everywhere = {slot: (amounts or {}).get(slot[0], 0.0) for slot in SLOTS}
    return Judgement(trial=trial, log_odds=odds, amounts=everywhere, seam=1.0, chest=SANE)


def printed(column: Column) -> str:
    return markdown(ObedienceTable(plan={}, volumes={}, columns={"a model": column, "phantoms": {}}))


def effusion(size: str, ml: float | None = None) -> Finding:
    return Finding(kind="Pleural effusion", side="right", size=size, ml=ml)


POOLED = ("size order kept", "effusion, pneumothorax, consolidation, nodule, heart")


def test_the_pooled_size_order_rests_on_the_cases_of_its_own_kinds() -> None:
    effusions = [judged(effusion(size), amounts={"Pleural effusion": much})
                 for size, much in (("small", 0.1), ("moderate", 0.5), ("large", 0.9))]  # fmt: skip
    others = [judged(Finding(kind="Hiatal hernia", size=size)) for size in ("small", "large") * 20]
    pooled = size_rows([*effusions, *others])[POOLED]
    assert (pooled.value, pooled.n) == (1.0, 3)
    assert (pooled.low, pooled.high) == (share(3, 3).low, share(3, 3).high)


def test_pairs_of_one_report_count_as_one() -> None:
    rng = np.random.default_rng(0)
    groups = [[np.full((1, 1, 1), level + noise) for noise in rng.normal(size=4)] for level in (0, 100, 200)]
    one = over_pairs(groups, distance)
    assert one.n == 3
    assert one.value == pytest.approx(np.mean([abs(a - b) for g in groups for a in g for b in g]) * 4 / 3, abs=1e-5)


RIGHT_EFFUSION, LEFT_EFFUSION = (("Pleural effusion", (side, None)) for side in ("right", "left"))
UPPER, LOWER = (("Consolidation", ("right", lobe)) for lobe in ("upper", "lower"))


def test_what_is_asked_denied_and_shown_is_counted_by_kind() -> None:
    pool = [
        judged(effusion("large"), shown=[RIGHT_EFFUSION, UPPER], denied=("Consolidation",)),
        judged(effusion("large"), shown=[], denied=("Consolidation",)),
        judged(denied=("Pleural effusion",)),
    ]
    rows = presence_rows(pool, THRESHOLDS)
    assert rows["shown when asked", "Pleural effusion"] == share(1, 2)
    assert rows["shown when asked", "all"] == share(1, 2)
    assert rows["shown when denied", "Pleural effusion"] == share(0, 1)
    assert rows["shown when denied", "Consolidation"] == share(1, 2)
    assert rows["shown when denied", "all"] == share(1, 3)
    area = rows["AUROC, asked against denied", "Pleural effusion"]
    assert (area.value, area.n, area.against) == (0.75, 2, 1)
    assert recall(pool, THRESHOLDS) == share(1, 2)


def test_side_and_lobe_are_right_where_the_finding_was_asked_for() -> None:
    right_lower = Finding(kind="Consolidation", side="right", lobe="lower", mm=50.0)
    pool = [
        judged(effusion("large"), shown=[RIGHT_EFFUSION]),
        judged(effusion("large"), shown=[LEFT_EFFUSION]),
        judged(right_lower, shown=[UPPER]),
        judged(right_lower, shown=[LOWER]),
    ]
    rows = place_rows(pool)
    assert rows["side correct", "Pleural effusion"] == share(1, 2)
    assert rows["side correct", "Consolidation"] == share(2, 2)
    assert rows["lobe correct", "Consolidation"] == share(1, 2)
    assert rows["side correct", "all"] == share(3, 4)


def test_a_volume_that_ended_at_once_shows_nothing_and_is_counted() -> None:
    """Models that end at once were the better for it: such volumes were left out."""
    first_site = Finding(kind="Consolidation", side="right", lobe="upper", mm=50.0)
    shown = judged(first_site, effusion("large"), shown=[UPPER, RIGHT_EFFUSION], denied=("Cardiomegaly",))
    pool = [shown, nothing_shown(shown.trial)]
    assert recall(pool, THRESHOLDS) == share(2, 4)
    assert presence_rows(pool, THRESHOLDS)["shown when denied", "Cardiomegaly"] == share(0, 2)
    places = place_rows(pool)
    assert places["side correct", "Pleural effusion"] == places["lobe correct", "Consolidation"] == share(1, 2)
    assert chest_rows(pool)["sane anatomy", "all of these"] == share(1, 2)
    assert pooled_auroc(pool, THRESHOLDS).value == pytest.approx((2 * 2 + 2 * 0.5) / 8)
    alone = [nothing_shown(shown.trial)]
    rows = presence_rows(alone, THRESHOLDS) | place_rows(alone) | size_rows(alone) | chest_rows(alone)
    assert "nan" not in printed(rows)


def test_a_dose_counts_where_the_report_says_the_number() -> None:
    def asked(ml: float, report: str) -> Judgement:
        return judged(effusion("large", ml), report=report, amounts={"Pleural effusion": ml})

    said = [asked(ml, f"LARGE EFFUSION OF {ml:.0f} ML.") for ml in (810.0, 900.0, 1000.0, 1200.0)]
    silent = [asked(ml, "Large effusion, nodule of 90 mm.") for ml in (900.0, 1490.0)]
    name = ("dose, rank correlation", "Pleural effusion")
    assert size_rows([*said, *silent])[name].n == 4
    assert size_rows(said)[name].value == pytest.approx(1.0)
    rows = size_rows(silent)
    assert rows[name].n == 0
    assert "| dose, rank correlation | Pleural effusion | not asked in numbers |  | 0 |" in printed(rows)


@pytest.mark.parametrize(
    ("finding", "report", "said"),
    [
        (Finding(kind="Lung nodule", mm=12.0), "A 12 mm nodule.", True),
        (Finding(kind="Lung nodule", mm=12.0), "A nodule of 1.2 cm.", True),
        (Finding(kind="Lung nodule", mm=12.0), "Nodules of 112 mm and 2.12 mm.", False),
        (Finding(kind="Cardiomegaly", ratio=0.58), "Cardiothoracic ratio 0.58", True),
        (Finding(kind="Cardiomegaly", ratio=0.58), "Cardiomegaly.", False),
    ],
)
def test_a_number_is_found_as_reports_write_it(finding: Finding, report: str, said: bool) -> None:
    rows = size_rows([judged(finding, report=report)])
    assert rows["dose, rank correlation", finding.kind].n == said
