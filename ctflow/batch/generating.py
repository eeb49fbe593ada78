"""Makes a batch in a folder, or goes on with it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from pydantic import TypeAdapter

from ctflow.batch.cases import LeftOut
from ctflow.batch.facts import begin_with
from ctflow.batch.finished import finished
from ctflow.batch.job import BatchJob
from ctflow.batch.plan import Batch
from ctflow.batch.tasks import Numbered
from ctflow.batch.worker import Outcome
from ctflow.data.attempts import forget_attempts
from ctflow.data.lock import only_run
from ctflow.errors import VolumeError
from ctflow.io.files import make_folder, remove_partial, write_atomic

_adapter = TypeAdapter(LeftOut)


class MakeAll(Protocol):
    """Makes the volumes of tasks, in any order, and says what became of each."""

    def __call__(self, job: BatchJob, tasks: Sequence[Numbered]) -> Iterator[Outcome]: ...


def generate_batch(batch: Batch, make_all: MakeAll) -> Iterator[Outcome]:
    """Makes what is missing of a batch, and says what became of each task: first of those that are there already.

    Wherever an earlier run was cut short, this one goes on. Raises DatasetError for a folder that another run is
    writing, RequestError for one that holds another batch, CTFlowError where the work cannot go on.
    """
    job, missing, failed = batch.job, list[Numbered](), list[LeftOut]()
    with only_run(job.own):
        _prepare(batch)
        for (number, task), there in zip(enumerate(batch.tasks), finished(batch), strict=True):
            if there:
                yield Outcome(number=number, found=True)
            else:
                missing.append((number, task))
        for outcome in make_all(job, missing) if missing else ():
            if outcome.reason:
                failed.append(_left_out(batch, outcome))
                _remove(batch, outcome.number)
            yield outcome
        _write_rejected(job, [*batch.left_out, *failed])
        if len(failed) == len(batch.tasks):
            raise VolumeError(f"None of the {len(failed)} volumes could be made: {job.rejected} says why.")


def _prepare(batch: Batch) -> None:
    job = batch.job
    begin_with(batch.facts, job.own)
    forget_attempts(job.own)
    paths = [path(task) for task in batch.tasks for path in (job.volume_path, job.sidecar_path)]
    for folder in dict.fromkeys((job.rejected.parent, *(path.parent for path in paths))):
        make_folder(folder)
        remove_partial(folder)


def _left_out(batch: Batch, outcome: Outcome) -> LeftOut:
    task = batch.tasks[outcome.number]
    return LeftOut(name=task.name, reason=outcome.reason, folder=task.folder, seed=task.request.seed)


def _remove(batch: Batch, number: int) -> None:
    """What may be in the place of a volume that failed was made from another report or scan, and is not its own."""
    task = batch.tasks[number]
    for path in (batch.job.sidecar_path(task), batch.job.volume_path(task)):
        path.unlink(missing_ok=True)


def others(batch: Batch) -> int:
    """How many volumes lie in the folders of a batch that are of none of its tasks."""
    paths = {batch.job.volume_path(task) for task in batch.tasks}
    return sum(len(set(folder.glob("*.nii.gz")) - paths) for folder in {path.parent for path in paths})


def _write_rejected(job: BatchJob, left_out: Sequence[LeftOut]) -> None:
    lines = (_adapter.dump_json(one, exclude_defaults=True) + b"\n" for one in left_out)
    write_atomic(job.rejected, b"".join(lines))
