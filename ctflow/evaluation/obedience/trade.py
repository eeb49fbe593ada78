"""What fewer evaluations of the transformer cost: time against obedience and seams, for several ways to sample.

All settings make volumes of the same reports and seeds in turn, report by report, so that their times compare, and are
judged by the same detectors as in `study`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

import numpy as np

from ctflow.card import ModelCard
from ctflow.evaluation.obedience.detectors import FittedDetectors
from ctflow.evaluation.obedience.judgement import judge
from ctflow.evaluation.obedience.mean_auroc import drawn_reports, estimate, mean_aurocs
from ctflow.evaluation.obedience.measured_phantoms import MeasuredPhantom, measured_phantoms
from ctflow.evaluation.obedience.phantom_views import AvaeView
from ctflow.evaluation.obedience.results import TrialResult, measure_trials, model_results_folder
from ctflow.evaluation.obedience.study import FIT_SEED
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
from ctflow.volume import Volume

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

    `model`: the generator's checkpoint folder. Volumes' measures and times are kept in `out`, beside those of
    `measure_obedience`, which shares its phantoms with this; the next run with the same `out` goes on from there.
    """
    out.mkdir(parents=True, exist_ok=True)
    settings = settings_for(generator.card, settings)
    known: list[MeasuredPhantom] = []
    for phantom in measured_phantoms(out, plan.phantoms, FIT_SEED, workers, AvaeView(model)):
        known.append(phantom)
        yield f"detectors, phantoms {len(known)} of {plan.phantoms}"
    kept = model_results_folder(out, generator.model_sha256, generator.precision)
    timed = {setting: _TimedTrials(generator, setting, kept / setting.name.replace(" ", "-")) for setting in settings}
    for index in range(plan.n):
        for setting, trials in timed.items():
            trials.measure(draw_trial(index, plan.seed, HELD_OUT, "held-out", setting.guidance))
            yield f"report {index + 1} of {plan.n}, {setting.name}"
    rows = _rows(timed, FittedDetectors.fit(known))
    write_atomic(out / "trade.json", json.dumps([asdict(row) for row in rows], indent=1).encode())
    write_atomic(out / "trade.md", markdown(rows).encode())
    draw(rows, out / "trade.png")


class _TimedTrials:
    """Volumes of one setting, measured, with the seconds that each took."""

    def __init__(self, generator: VolumeGenerator, setting: Setting, folder: Path) -> None:
        self.generator, self.setting, self.folder = generator, setting, folder
        self.results: list[TrialResult] = []
        self.seconds: list[float] = []

    def measure(self, trial: Trial) -> None:
        """Makes and measures a volume, unless the folder has its result."""
        self.results += measure_trials(self.folder, [trial], self._make)
        self.seconds.append(float(self._time_file(trial).read_text(encoding="utf-8")))

    def _make(self, trial: Trial) -> Volume:
        request = self.generator.card.request(trial.report, trial.seed, **asdict(self.setting))
        began = time.perf_counter()
        try:
            return generate(self.generator, request)
        finally:  # a volume that ends before its first slice has taken time, too
            write_atomic(self._time_file(trial), str(time.perf_counter() - began).encode())

    def _time_file(self, trial: Trial) -> Path:
        return self.folder / f"{trial.name}.seconds"


def _rows(timed: dict[Setting, _TimedTrials], fitted: FittedDetectors) -> list[TradeRow]:
    first = next(iter(timed.values()))
    weights = drawn_reports(len(first.results))
    before: np.ndarray | None = None
    rows: list[TradeRow] = []
    for setting, trials in timed.items():
        judged = judge(trials.results, fitted.detectors)
        aurocs = mean_aurocs(judged, weights)
        before = aurocs if before is None else before
        column = presence_rows(judged, fitted.thresholds) | place_rows(judged) | size_rows(judged) | chest_rows(judged)
        rows.append(
            TradeRow(
                setting=setting,
                evaluations=setting.evaluations,
                time=median(own / its for own, its in zip(trials.seconds, first.seconds, strict=True)),
                auroc=estimate(aurocs, len(judged)),
                change=estimate(aurocs - before, len(judged)),
                denied=column[SHOWN_DENIED, "all"],
                side=column[SIDE, "all"],
                size_order=column[SIZE_ORDER, POOLED_NAME],
                seam=column[SEAM, "1 = no seam"],
            )
        )
    return rows
