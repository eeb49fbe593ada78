"""Several ways to sample, compared on the same reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.card import Guidance
from ctflow.evaluation.drawn_cases import drawn_cases, estimate
from ctflow.evaluation.obedience.judgement import Judgement
from ctflow.evaluation.obedience.mean_auroc import mean_aurocs
from ctflow.evaluation.obedience.measures.chest_checks import CHECKS
from ctflow.evaluation.obedience.table_rows import presence_rows
from ctflow.evaluation.obedience.trade import TURNS, measure_trade, settings_for
from ctflow.evaluation.obedience.trade_table import Setting, TradeRow, markdown
from ctflow.evaluation.obedience.trials import HELD_OUT, Plan, draw_trial
from ctflow.evaluation.statistics import Estimate
from ctflow.generator import Event
from ctflow.phantom import KINDS, SLOTS
from ctflow.request import GenerationRequest, ScanStart
from tests.evaluation.obedience.test_study import EndsAtOnce, keep_examples
from tests.tiny import CARD, tiny_checkpoint

WHOLE = Setting("stochastic", 16, 3.0, 2.0, 0.0)
PART = Setting("stochastic", 8, 3.0, 2.0, 0.8)


def judged(reports: int, seed: int) -> list[Judgement]:
    """Trials in whose volumes every finding has odds by chance, but for cardiomegaly, which is always right."""
    rng = np.random.default_rng(seed)
    found = []
    for index in range(reports):
        trial = draw_trial(index, 0, HELD_OUT, "held-out", 2.0)
        odds = dict(zip(SLOTS, rng.normal(size=len(SLOTS)).tolist(), strict=True))
        odds["Cardiomegaly", (None, None)] = 1.0 if trial.truth.has("Cardiomegaly") else 0.0
        found.append(Judgement(trial, odds, dict.fromkeys(SLOTS, 0.0), 1.0, dict.fromkeys(CHECKS, True)))
    return found


@pytest.mark.parametrize(
    ("setting", "evaluations"),
    [
        (WHOLE, 32),
        (PART, 12),  # t is 1, 0.955, 0.9 and 0.833, then 0.75
        (Setting("stochastic", 8, 3.0, 2.0, 0.75), 12),
        (Setting("stochastic", 8, 3.0, 1.0, 0.0), 8),
        (Setting("midpoint", 8, 1.0, 2.0, 0.5), 12),  # t is 1 and 0.875, 0.75 and 0.625, then 0.5
    ],
)
def test_a_guided_step_takes_two_evaluations(setting: Setting, evaluations: int) -> None:
    assert setting.evaluations == evaluations


def test_settings_are_named_in_words() -> None:
    names = [one.name for one in (WHOLE, PART, Setting("euler", 4, 1.5, 1.0, 0.0))]
    assert names == [
        "stochastic 16, shift 3, guidance 2",
        "stochastic 8, shift 3, guidance 2 above 0.8",
        "euler 4, shift 1.5, no guidance",
    ]


def test_a_model_without_guidance_is_asked_for_none() -> None:
    card = replace(CARD, guidance=Guidance(trained=False, default=1.0))
    settings = settings_for(card, (WHOLE, PART, Setting("stochastic", 8, 3.0, 1.0, 0.0)))
    assert [one.name for one in settings] == [
        "stochastic 16, shift 3, no guidance",
        "stochastic 8, shift 3, no guidance",
    ]


def test_the_mean_is_that_of_the_table_of_obedience_and_lies_in_its_interval() -> None:
    some = judged(40, seed=0)
    table = presence_rows(some, dict.fromkeys(KINDS, 0.0))
    rows = [estimate.value for (group, _), estimate in table.items() if group == "AUROC, asked against not asked"]
    found = estimate(mean_aurocs(some, drawn_cases(40)), 40)
    assert found.value == pytest.approx(np.mean(rows))
    assert found.low < found.value < found.high
    assert found.low > 0.45 and found.high < 0.65, "chance, but for one finding of 19"


def test_a_report_that_is_drawn_twice_counts_twice() -> None:
    some = judged(20, seed=1)
    weights = np.ones((1, 20))
    weights[0, 3] = 2
    assert mean_aurocs(some, weights) == pytest.approx(mean_aurocs([*some, some[3]], np.ones((1, 21))))


def test_the_change_of_a_setting_against_itself_is_none() -> None:
    first, second = (mean_aurocs(judged(30, seed), drawn_cases(30)) for seed in (0, 0))
    assert estimate(second - first, 30) == Estimate(0.0, 0.0, 0.0, 30)


def test_the_table_has_a_line_for_each_setting() -> None:
    third = Estimate(1 / 3, 0.25, 0.4, 9)
    row = TradeRow(
        setting=PART, evaluations=12, time=0.4, auroc=third, change=Estimate(-0.01, -0.05, 0.03, 9), denied=third,
        side=third, size_order=third, seam=Estimate(1.2, 1.1, 1.3, 9),
    )  # fmt: skip
    line = markdown([row]).splitlines()[2]
    assert line == (
        "| stochastic 8, shift 3, guidance 2 above 0.8 | 12 | 0.40 | 0.33 (0.25–0.40) | -0.01 (-0.05 to +0.03) "
        "| 33 % (25–40) | 33 % (25–40) | 33 % (25–40) | 1.20 (1.10–1.30) | 9 |"
    )


class CountsVolumes(EndsAtOnce):
    """A model whose volumes end at once; it remembers the settings that it was asked for."""

    device = "cuda"  # whose clock is the wall's: the computing here takes too little to be counted

    def __init__(self) -> None:
        self.asked: list[tuple[int, float]] = []

    def stream(self, request: GenerationRequest, start: ScanStart | None = None) -> Iterator[Event]:
        self.asked.append((request.steps, request.guidance_above_t))
        return super().stream(request, start)


def test_settings_are_measured_on_the_same_reports_and_a_second_call_goes_on(tmp_path: Path) -> None:
    model, generator = tiny_checkpoint(tmp_path / "model"), CountsVolumes()
    keep_examples(tmp_path, model, 16)
    plan = Plan(2, 0, 16)
    steps = list(measure_trade(generator, model, tmp_path, plan, 1, (WHOLE, PART)))
    assert steps[-5:] == [*(f"{one.name}, {n} of 2" for one in (WHOLE, PART) for n in (1, 2)), "times"]
    turns = TURNS * [(16, 0.0), (8, 0.8)]
    assert generator.asked == [(16, 0.0), (16, 0.0), (8, 0.8), (8, 0.8), *turns], "times are taken in turn"
    first, second = json.loads((tmp_path / "trade.json").read_text())
    assert (first["evaluations"], first["time"], second["evaluations"]) == (32, 1.0, 12)
    assert second["setting"]["guidance_above_t"] == 0.8 and second["time"] > 0
    generator.asked.clear()
    list(measure_trade(generator, model, tmp_path, plan, 1, (WHOLE, PART)))
    assert generator.asked == turns, "no volume is measured twice"


@pytest.mark.slow
def test_the_command_writes_table_numbers_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    longer = {"geometry": replace(CARD.geometry, max_chunks=5), "defaults": replace(CARD.defaults, chunks=5)}
    model = tiny_checkpoint(tmp_path / "model", **longer)
    keep_examples(tmp_path, model, 16)
    words = ["--n", "1", "--phantoms", "16", "--workers", "1", "--out", str(tmp_path), "--device", "cpu"]
    assert main(["evaluate", "trade", "--model", str(model), *words]) == 0
    assert capsys.readouterr().out == (tmp_path / "trade.md").read_text(encoding="utf-8") + "\n"
    assert (tmp_path / "trade.png").exists()
