"""Does a model draw what the report asks for, and nothing that it denies? The whole measurement, from top to bottom.

Its volumes are judged by detectors that were fitted on phantoms as the model's A-VAE shows them, which is how it draws.
Phantoms of the same truths stand beside it in the table: as the A-VAE shows them, and as they were made, judged by
detectors that were fitted on such phantoms. So the limits of transformer, A-VAE and detectors can be told apart.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np

from ctflow.checkpoint.drawn import MeasuredObedience, write_drawn
from ctflow.evaluation.obedience.detectors import FittedDetectors
from ctflow.evaluation.obedience.judgement import Judgement, judge
from ctflow.evaluation.obedience.measured_phantoms import MeasuredPhantom, measured_phantoms
from ctflow.evaluation.obedience.measures.thumbnail import distance
from ctflow.evaluation.obedience.nearest_training import nearest_rows, training_volumes
from ctflow.evaluation.obedience.phantom_views import AvaeView, PhantomView, PlainView
from ctflow.evaluation.obedience.pictures import join_pictures
from ctflow.evaluation.obedience.results import (
    PICTURES,
    TrialResult,
    measure_phantoms,
    measure_trials,
    model_results_folder,
    phantom_results_folder,
    picture_path,
)
from ctflow.evaluation.obedience.table import (
    AUROC_ALL_KINDS,
    DIVERSITY,
    PHRASINGS,
    Column,
    ObedienceTable,
    VolumeCount,
    markdown,
    write_table,
)
from ctflow.evaluation.obedience.table_rows import (
    chest_rows,
    detector_rows,
    drawn_of,
    over_pairs,
    place_rows,
    pooled_auroc,
    presence_rows,
    recall,
    size_rows,
)
from ctflow.evaluation.obedience.trials import GUIDANCE, HELD_OUT, KNOWN, OTHER_SEEDS, SEEDS, Plan, Trial, draw_trials
from ctflow.generator import VolumeGenerator, generate
from ctflow.io.files import write_atomic
from ctflow.phantom import KINDS
from ctflow.runtime.processes import processes
from ctflow.volume import Volume

FIT_SEED = 10**6  # of the detectors' phantoms, far from the training phantoms of every model

Results = dict[str, list[TrialResult]]  # by group of trials


def measure_obedience(
    generator: VolumeGenerator,
    model: Path,
    out: Path,
    plan: Plan,
    workers: int,
    training: Path | None = None,
    *,
    with_phantoms: bool = True,
) -> Iterator[str]:
    """Writes `obedience.json`, `obedience.md` and `obedience.png` to `out`; yields what it is doing.

    How often each finding is drawn is also written into `model`, the generator's checkpoint folder, where the page
    finds it (`ctflow.checkpoint.drawn`). `training`: a folder of `phantom_set`, to measure distances to it;
    raises RequestError before anything is made if it is not one. `with_phantoms`: whether phantoms stand beside the
    model in the table; without them it takes half the time. Everything costly is kept in `out`, and the next run with
    the same `out` goes on from there.
    """
    training_set = training_volumes(training) if training else None
    out.mkdir(parents=True, exist_ok=True)
    card = generator.card
    trials = draw_trials(plan, card.guidance.default, card.guidance.trained)

    fitted = yield from fit_detectors(out, plan, workers, AvaeView(model))
    beside: dict[str, Column] = {}
    if with_phantoms:
        through_avae, plain = AvaeView(model), PlainView()
        fitted_on_plain = yield from fit_detectors(out, plan, workers, plain)
        beside[through_avae.title] = yield from _phantom_column(out, trials, workers, through_avae, fitted)
        beside[plain.title] = yield from _phantom_column(out, trials, workers, plain, fitted_on_plain)

    folder = model_results_folder(out, generator.model_sha256, generator.precision)
    results = yield from _model_results(generator, folder, trials, workers)
    column = _column(results, fitted, trials)
    if training_set:
        column |= nearest_rows(results[HELD_OUT], training_set)

    table = ObedienceTable(
        plan=asdict(plan),
        volumes={group: _count(some) for group, some in results.items()},
        columns={card.name: column, **beside},
    )
    write_table(table, out / "obedience.json")
    write_atomic(out / "obedience.md", markdown(table).encode())
    write_drawn(model, _measured(generator, plan, column | detector_rows(fitted)))
    pictures = [picture_path(folder, trial) for trial in trials[HELD_OUT][:PICTURES]]
    join_pictures([path for path in pictures if path.exists()], out / "obedience.png")


def _measured(generator: VolumeGenerator, plan: Plan, column: Column) -> MeasuredObedience:
    """What is kept beside the model. `column`: the model's, with what its detectors see in phantoms."""
    return MeasuredObedience(
        format=1,
        model=generator.model_sha256,
        precision=generator.precision,
        date=date.today().isoformat(),
        settings=asdict(plan),
        findings={kind: drawn_of(column, kind) for kind in KINDS},
    )


def fit_detectors(out: Path, plan: Plan, workers: int, view: PhantomView) -> Generator[str, None, FittedDetectors]:
    """Fits detectors on phantoms in a view; yields what it is doing. What was measured of the phantoms is kept."""
    known: list[MeasuredPhantom] = []
    for phantom in measured_phantoms(out, plan.phantoms, FIT_SEED, workers, view):
        known.append(phantom)
        yield f"detectors, {view.title} {len(known)} of {plan.phantoms}"
    return FittedDetectors.fit(known)


def _phantom_column(
    out: Path, trials: dict[str, list[Trial]], workers: int, view: PhantomView, fitted: FittedDetectors
) -> Generator[str, None, Column]:
    """Judges phantoms that have the trials' truths, in the view that the detectors were fitted in."""
    results: Results = {HELD_OUT: [], SEEDS: []}
    asked = [trial for group in results for trial in trials[group]]
    for count, result in enumerate(measure_phantoms(phantom_results_folder(out, view), asked, workers, view), 1):
        results[result.trial.group].append(result)
        yield f"{view.title} {count} of {len(asked)}"
    return _column(results, fitted, trials) | detector_rows(fitted)


def _model_results(
    generator: VolumeGenerator, folder: Path, trials: dict[str, list[Trial]], workers: int
) -> Generator[str, None, Results]:
    def make(trial: Trial) -> Volume:
        return generate(generator, generator.card.request(trial.report, trial.seed, guidance=trial.guidance))

    results: Results = {}
    with processes(workers) as pool:
        for group, some in trials.items():
            results[group] = []
            for result in measure_trials(folder, some, make, pool):
                results[group].append(result)
                yield f"{group} {len(results[group])} of {len(some)}"
    return results


def _count(results: Sequence[TrialResult]) -> VolumeCount:
    return VolumeCount(made=len(results), too_short=sum(result.measures is None for result in results))


def _column(results: Results, fitted: FittedDetectors, trials: dict[str, list[Trial]]) -> Column:
    """All that is said of one set of volumes: a model's, or phantoms in one view."""
    judged = {group: judge(some, fitted.detectors) for group, some in results.items()}
    pool, thresholds = judged[HELD_OUT], fitted.thresholds
    column = presence_rows(pool, thresholds) | place_rows(pool) | size_rows(pool) | chest_rows(pool)
    if KNOWN in judged:
        same = [one for one in pool if one.trial.index in _indices(trials[KNOWN])]
        column[PHRASINGS, "known"] = recall(judged[KNOWN], thresholds)
        column[PHRASINGS, "held out"] = recall(same, thresholds)
    for name, some in _by_guidance(judged, trials).items():
        column[AUROC_ALL_KINDS, name] = pooled_auroc(some, thresholds)
    thumbnails = _of_several_seeds([*results[HELD_OUT], *results[SEEDS]])
    column[DIVERSITY, "HU between seeds of one report"] = over_pairs(thumbnails, distance)
    return column


def _indices(trials: Sequence[Trial]) -> set[int]:
    return {trial.index for trial in trials}


def _by_guidance(judged: dict[str, list[Judgement]], trials: dict[str, list[Trial]]) -> dict[str, list[Judgement]]:
    """The default guidance and the others, compared on the reports that all were tried on."""
    tried = next((some for group, some in trials.items() if group.startswith(GUIDANCE)), trials[HELD_OUT])
    default = [one for one in judged[HELD_OUT] if one.trial.index in _indices(tried)]
    others = {group: some for group, some in judged.items() if group.startswith(GUIDANCE)}
    return {f"{GUIDANCE} {default[0].trial.guidance:g}, the default": default, **others}


def _of_several_seeds(results: Sequence[TrialResult]) -> list[list[np.ndarray]]:
    """The thumbnails of each report that has a volume of every seed."""
    by_report: dict[int, list[np.ndarray]] = {}
    for result in results:
        if result.measures:
            by_report.setdefault(result.trial.index, []).append(result.thumbnail)
    return [thumbnails for thumbnails in by_report.values() if len(thumbnails) > OTHER_SEEDS]
