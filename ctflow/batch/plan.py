"""From what is asked to what is to be made. Everything that can be known to go wrong is known here, without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctflow.batch.cases import Case, LeftOut, read_cases, seed_of
from ctflow.batch.job import BatchJob
from ctflow.batch.tasks import Task
from ctflow.card import CARD, ModelCard, read_card
from ctflow.request import Mode

DEFAULT_MODES: tuple[Mode, ...] = ("full-body",)


@dataclass(frozen=True, kw_only=True)
class BatchOrder:
    """What is asked: a volume for each report of a file, in each mode.

    `settings`: fields of a request that are not the model's defaults. `seed`: with a case's name it gives its seed.
    `modes`: None for full-body, without a folder of its own. `real`: the folder of the real volumes, by their names.
    """

    job: BatchJob
    reports: Path
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    modes: tuple[Mode, ...] | None = None
    real: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is to be made, and what of the reports is left out."""

    job: BatchJob
    card: ModelCard
    tasks: Sequence[Task]
    left_out: Sequence[LeftOut]


def plan_batch(order: BatchOrder) -> Batch:
    """Raises CTFlowError for what cannot be made at all."""
    card = read_card(order.job.model / CARD)
    cases, left_out = read_cases(order.reports)
    tasks = [_task(case, order, card) for case in cases]
    return Batch(job=order.job, card=card, tasks=tasks, left_out=left_out)


def _task(case: Case, order: BatchOrder, card: ModelCard) -> Task:
    request = card.request(case.report, seed_of(order.seed, case.name), **order.settings)
    return Task(name=case.name, folder="", request=request, mode="full-body")
