"""The obedience of a model that was just trained, measured on a small pool of reports, so that its card can tell it."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from ctflow.demo.card import read_obedience, rewrite_card
from ctflow.evaluation.obedience.phantom_views import AvaeView
from ctflow.evaluation.obedience.study import fit_detectors, measure_obedience
from ctflow.evaluation.obedience.trials import Plan
from ctflow.pipeline import CTFlow
from ctflow.runtime.processes import processes

PHANTOMS_PER_REPORT, LEAST_PHANTOMS = 4, 4  # that detectors learn from
NICENESS = 10

log = logging.getLogger(__name__)


def small_plan(reports: int) -> Plan:
    """Of a pool of so many reports."""
    return Plan(n=reports, seed=0, phantoms=max(LEAST_PHANTOMS, PHANTOMS_PER_REPORT * reports))


@contextmanager
def detectors_in_the_making(model: Path, out: Path, plan: Plan, workers: int) -> Iterator[None]:
    """Measures the detectors' phantoms beside what else is done, in processes that stand back.

    `model`: a checkpoint folder with the A-VAE of the model that will be measured; its transformer does not matter.
    """
    with processes(1) as pool:
        made = pool.submit(_make_detectors, model, out, plan, workers)
        yield
        made.result()


def _make_detectors(model: Path, out: Path, plan: Plan, workers: int) -> None:
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICENESS)
    out.mkdir(parents=True, exist_ok=True)
    for doing in fit_detectors(out, plan, workers, AvaeView(model)):
        log.debug(doing)


def measure_model(model: Path, out: Path, plan: Plan, workers: int, device: str) -> None:
    """Writes the tables of obedience to `out`, logs the one for people, and brings the model's card up to date."""
    steps = measure_obedience(CTFlow.load(model, device), model, out, plan, workers, with_phantoms=False)
    with tqdm(steps, desc="obedience") as bar:
        for doing in bar:
            bar.set_description(doing)
    rewrite_card(model, read_obedience(out / "obedience.json"))
    log.info("obedience to %d reports:\n%s", plan.n, (out / "obedience.md").read_text(encoding="utf-8"))
