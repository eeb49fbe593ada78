"""From what is asked to what is to be made. Everything that can be known to go wrong is known here, without a model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctflow.batch.arms import OWN, Arm, read_arms, reports_of, request_in
from ctflow.batch.cases import Case, LeftOut, read_cases, seed_of
from ctflow.batch.facts import BatchFacts
from ctflow.batch.job import BatchJob
from ctflow.batch.patients import with_patients
from ctflow.batch.real_volumes import find_real
from ctflow.batch.tasks import Task
from ctflow.card import CARD, ModelCard, read_card
from ctflow.checkpoint.folder import folder_sha256
from ctflow.errors import RequestError
from ctflow.io.sidecar import Model
from ctflow.report import Report
from ctflow.request import Mode

FULL_BODY: Mode = "full-body"


@dataclass(frozen=True, kw_only=True)
class BatchOrder:
    """What is asked: a volume for each report of a file, in each mode and arm.

    `settings`: fields of a request that are not the model's defaults. `seed`: with a case's name it gives its seed.
    `modes`, `arms`: None for full-body from the reports themselves, without a folder for it. `arms`: a file, see
    `arms.FORMAT`. `real`: the folder of the cases' real volumes. `metadata`: CT-RATE's table of sex and age.
    """

    job: BatchJob
    reports: Path
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    modes: tuple[Mode, ...] | None = None
    real: Path | None = None
    arms: Path | None = None
    metadata: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is to be made, and what is left out of it."""

    job: BatchJob
    card: ModelCard
    facts: BatchFacts
    tasks: Sequence[Task]
    left_out: Sequence[LeftOut]


def plan_batch(order: BatchOrder) -> Batch:
    """Raises CTFlowError for what cannot be made at all."""
    found, broken = read_cases(order.reports)
    card = read_card(order.job.model / CARD)
    cases: list[Case | LeftOut] = with_patients(found, order.metadata) if order.metadata else [*found]
    planned = list(_Planner(order, card).planned([case for case in cases if isinstance(case, Case)]))
    tasks = [one for one in planned if isinstance(one, Task)]
    unmade = [one for one in (*cases, *planned) if isinstance(one, LeftOut)]
    left_out = [*broken, *unmade]
    if not tasks:
        raise RequestError(f"No volume can be made of {order.reports}. The first: {unmade[0].reason}")
    return Batch(job=order.job, card=card, facts=_facts(order, card), tasks=tasks, left_out=left_out)


class _Planner:
    """Raises RequestError for modes, arms and folders that do not go together."""

    def __init__(self, order: BatchOrder, card: ModelCard) -> None:
        self._order, self._card = order, card
        self._modes: tuple[Mode, ...] = order.modes or (FULL_BODY,)
        if len(set(self._modes)) < len(self._modes):
            raise RequestError(f"Each mode is to be named once; got {', '.join(self._modes)}.")
        if (set(self._modes) == {FULL_BODY}) != (order.real is None):
            raise RequestError(
                "The modes gt-head and next-block need the folder of the real volumes, --real DIR; other modes "
                "take none."
            )
        self._check_start_slices()
        self._real = find_real(order.real, order.job.out) if order.real else {}
        self._arms = read_arms(order.arms) if order.arms else {"": OWN}

    def _check_start_slices(self) -> None:
        given, per_chunk = self._order.job.start_slices, self._card.geometry.slices_per_chunk
        if given is None:
            return
        if "gt-head" not in self._modes:
            raise RequestError("The number of slices to begin with is of gt-head alone: leave it out.")
        if given < 1 or given % per_chunk:
            raise RequestError(f"Volumes begin with whole chunks: give a multiple of {per_chunk} slices, not {given}.")

    def planned(self, cases: Sequence[Case]) -> Iterator[Task | LeftOut]:
        for mode in self._modes:
            for name, arm in self._arms.items():
                folder = "/".join(part for part in (mode if self._order.modes else "", name) if part)
                reports = reports_of(arm, cases, self._order.seed)
                for case in cases:
                    yield self._volume(case.name, reports[case.name], arm, mode, folder)

    def _volume(self, name: str, report: Report | str, arm: Arm, mode: Mode, folder: str) -> Task | LeftOut:
        if isinstance(report, str):
            return LeftOut(name=name, reason=report, folder=folder)
        if mode != FULL_BODY and name not in self._real:
            return LeftOut(name=name, reason="There is no real volume of this name.", folder=folder)
        request = self._card.request(report, seed_of(self._order.seed, name), **self._order.settings)
        return Task(
            name=name,
            folder=folder,
            request=request_in(arm, request, self._card),
            mode=mode,
            scan=None if mode == FULL_BODY else self._real[name],
        )


def _facts(order: BatchOrder, card: ModelCard) -> BatchFacts:
    job, request = order.job, card.request(Report("Any."), order.seed, **order.settings)
    return BatchFacts(
        format=1,
        seed=order.seed,
        settings={name: value for name, value in vars(request).items() if name not in ("report", "seed")},
        model=Model(name=card.name_with(job.decoder), sha256=folder_sha256(job.model)),
        precision=job.precision,
        layout=job.layout,
        start_slices=job.start_slices,
    )
