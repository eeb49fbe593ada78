"""Which volumes are there already: known by what their sidecars and files hold, and not by their names alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from ctflow.batch.job import BatchJob
from ctflow.batch.plan import Batch
from ctflow.batch.starts import begin
from ctflow.batch.tasks import Task
from ctflow.card import ModelCard
from ctflow.errors import CTFlowError, VolumeError
from ctflow.io.nifti import check_replaceable, read_nifti
from ctflow.io.sidecar import Model, Sidecar, read_sidecar, request_of
from ctflow.runtime.threads import cores_given


def finished(batch: Batch) -> Iterator[bool]:
    """Of each task, whether its volume is there and whole, made by this model from its report, seed, settings and scan.

    Raises VolumeError where something else is in its place.
    """
    with ThreadPoolExecutor(cores_given()) as pool:  # unpacking, which takes most of the time, needs no lock
        yield from pool.map(partial(_is_finished, batch.job, batch.card, batch.facts.model), batch.tasks)


def _is_finished(job: BatchJob, card: ModelCard, model: Model, task: Task) -> bool:
    path, beside = job.volume_path(task), job.sidecar_path(task)
    check_replaceable(path)
    if not beside.exists():
        return False
    try:
        sidecar = read_sidecar(beside)
    except CTFlowError as error:
        raise VolumeError(
            f"{beside} is in the way and is no sidecar of CTFlow's: move it, or name another folder."
        ) from error
    return _is_of(sidecar, task, job, card, model) and _is_whole(path)


def _is_of(sidecar: Sidecar, task: Task, job: BatchJob, card: ModelCard, model: Model) -> bool:
    if not sidecar.complete or sidecar.earlier or sidecar.model != model:
        return False
    if job.precision not in ("auto", sidecar.precision):
        return False
    if (sidecar.report, sidecar.seed) != (task.request.report, task.request.seed):
        return False  # before a scan is read
    try:
        begun = begin(task, job, card)
    except CTFlowError:  # the one who makes it says why
        return False
    return request_of(sidecar) == begun.request and sidecar.start == begun.record


def _is_whole(path: Path) -> bool:
    try:
        return len(read_nifti(path).hu) > 0
    except VolumeError:
        return False
