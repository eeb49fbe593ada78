"""Which volumes are there already: known by what their sidecars and files hold, and not by their names alone."""

from pathlib import Path

from ctflow.batch.job import BatchJob
from ctflow.batch.starts import begin
from ctflow.batch.tasks import Task
from ctflow.card import ModelCard
from ctflow.errors import CTFlowError
from ctflow.io.nifti import is_ours, read_nifti
from ctflow.io.sidecar import Model, Sidecar, read_sidecar, request_of


def is_finished(task: Task, job: BatchJob, card: ModelCard, model: Model) -> bool:
    """Whether the volume of a task is there and whole, made by this model from this report, seed, settings and scan.

    `model`: the name and hash that a sidecar has of it.
    """
    path = job.volume_path(task)
    try:
        sidecar = read_sidecar(job.sidecar_path(task))
        return _is_of(sidecar, task, job, card, model) and is_ours(path) and _is_whole(path)
    except CTFlowError:  # whatever is wrong with what is there, the volume is made anew
        return False


def _is_of(sidecar: Sidecar, task: Task, job: BatchJob, card: ModelCard, model: Model) -> bool:
    if not sidecar.complete or sidecar.earlier or sidecar.model != model:
        return False
    if job.precision not in ("auto", sidecar.precision):
        return False
    if sidecar.report != task.request.report or sidecar.seed != task.request.seed:
        return False  # before a scan is read
    begun = begin(task, job, card)
    return request_of(sidecar) == begun.request and sidecar.start == begun.record


def _is_whole(path: Path) -> bool:
    return len(read_nifti(path).hu) > 0
