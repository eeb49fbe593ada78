"""What fewer evaluations of the transformer cost: time against obedience and seams, for several ways to sample.

All settings make volumes of the same reports and seeds, which are judged by the same detectors as in `study`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from ctflow.card import ModelCard
from ctflow.errors import ShortVolumeError
from ctflow.evaluation.drawn_cases import drawn_cases, estimate
from ctflow.evaluation.obedience.judgement import Judgement, judge
from ctflow.evaluation.obedience.mean_auroc import mean_aurocs
from ctflow.evaluation.obedience.phantom_views import AvaeView
from ctflow.evaluation.obedience.results import TrialResult, measure_trials, model_results_folder
from ctflow.evaluation.obedience.study import fit_detectors
from ctflow.evaluation.obedience.table import SEAM, SHOWN_DENIED, SIDE, SIZE_ORDER
from ctflow.evaluation.obedience.table_rows import (
    POOLED_NAME,
    chest_rows,
    place_rows,
    presence_rows,
    size_rows,
)
from ctflow.evaluation.obedience.trade_table import Setting, TradeRow, draw, markdown
from ctflow.evaluation.obedience.trials import HELD_OUT, Plan, Trial, draw_trial
from ctflow.generator import VolumeGenerator, generate
from ctflow.io.files import write_atomic
from ctflow.phantom import Kind
from ctflow.runtime.processes import processes
from ctflow.volume import Volume

TURNS = 5  # that time is taken in
# The first is what the others are compared with: how the demo model sampled before 2026-11-27.
SETTINGS = (
    Setting("stochastic", 16, 3.0, 2.0, 0.0),
    Setting("stochastic", 8, 1.5, 2.0, 0.0),
    Setting("stochastic", 8, 1.5, 3.0, 0.65),
    Setting("stochastic", 6, 1.0, 3.0, 0.6),
    Setting("stochastic", 6, 1.0, 1.0, 0.0),
)


def settings_for(card: ModelCard, settings: Sequence[Setting] = SETTINGS) -> tuple[Setting, ...]:
    """Those that the model can be asked for: without guidance where it was not trained for it."""
    if card.guidance.trained:
        return tuple(settings)
    unguided = (Setting(one.solver, one.steps, one.shift, 1.0, 0.0) for one in settings)
    return tuple(dict.fromkeys(unguided))


def measure_trade(
    generator: VolumeGenerator, model: Path, out: Path, plan: Plan, workers: int, settings: Sequence[Setting] = SETTINGS
) -> Iterator[str]:
    """Writes `trade.json`, `trade.md` and `trade.png` to `out`; yields what it is doing.

    `model`: the generator's checkpoint folder. What is measured in volumes is kept in `out`, beside what
    `measure_obedience` keeps there, whose detectors it shares; the next run with the same `out` goes on from there.
    """
    out.mkdir(parents=True, exist_ok=True)
    settings = settings_for(generator.card, settings)
    fitted = yield from fit_detectors(out, plan, workers, AvaeView(model))
    kept = model_results_folder(out, generator.model_sha256, generator.precision)
    judged: dict[Setting, list[Judgement]] = {}
    with processes(workers) as pool:
        for setting in settings:
            trials = [draw_trial(i, plan.seed, HELD_OUT, "held-out", setting.guidance) for i in range(plan.n)]
            results: list[TrialResult] = []
            for result in measure_trials(kept / setting.folder, trials, partial(_make, generator, setting), pool):
                results.append(result)
                yield f"{setting.name}, {len(results)} of {plan.n}"
            judged[setting] = judge(results, fitted.detectors)
    yield "times"
    rows = _rows(judged, fitted.thresholds, _times(generator, trials[0], settings))
    write_atomic(out / "trade.json", json.dumps([asdict(row) for row in rows], indent=1).encode())
    write_atomic(out / "trade.md", markdown(rows).encode())
    draw(rows, out / "trade.png")


def _make(generator: VolumeGenerator, setting: Setting, trial: Trial) -> Volume:
    return generate(generator, generator.card.request(trial.report, trial.seed, **asdict(setting)))


def _times(generator: VolumeGenerator, trial: Trial, settings: Sequence[Setting]) -> dict[Setting, float]:
    """Seconds that the first chunk of a trial's volume takes: the best of some turns, in which settings alternate.

    On a CPU they are those that this process computes, so that what else runs there hardly counts.
    """
    clock = time.process_time if generator.device == "cpu" else time.perf_counter
    best_s = dict.fromkeys(settings, math.inf)
    for _ in range(TURNS):
        for setting in settings:
            request = generator.card.request(trial.report, trial.seed, **asdict(setting), chunks=1)
            began = clock()
            with suppress(ShortVolumeError):
                generate(generator, request)
            best_s[setting] = min(best_s[setting], clock() - began)
    return best_s


def _rows(
    judged: dict[Setting, list[Judgement]], thresholds: dict[Kind, float], seconds: dict[Setting, float]
) -> list[TradeRow]:
    first, *_ = judged
    reports = len(judged[first])
    weights = drawn_cases(reports)
    aurocs = {setting: mean_aurocs(some, weights) for setting, some in judged.items()}
    rows: list[TradeRow] = []
    for setting, some in judged.items():
        column = presence_rows(some, thresholds) | place_rows(some) | size_rows(some) | chest_rows(some)
        rows.append(
            TradeRow(
                setting=setting,
                evaluations=setting.evaluations,
                time=seconds[setting] / seconds[first],
                auroc=estimate(aurocs[setting], reports),
                change=estimate(aurocs[setting] - aurocs[first], reports),
                denied=column[SHOWN_DENIED, "all"],
                side=column[SIDE, "all"],
                size_order=column[SIZE_ORDER, POOLED_NAME],
                seam=column[SEAM, "1 = no seam"],
            )
        )
    return rows
