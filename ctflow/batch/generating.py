"""Makes a batch in a folder, or goes on with it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from pydantic import TypeAdapter

from ctflow.batch.cases import LeftOut
from ctflow.batch.finished import is_finished
from ctflow.batch.job import BatchJob
from ctflow.batch.plan import Batch
from ctflow.batch.tasks import Numbered
from ctflow.batch.worker import Outcome
from ctflow.checkpoint.folder import folder_sha256
from ctflow.data.lock import only_run
from ctflow.errors import VolumeError
from ctflow.io.files import remove_partial, write_atomic
from ctflow.io.sidecar import Model

_adapter = TypeAdapter(LeftOut)


class MakeAll(Protocol):
    """Makes the volumes of tasks, in any order, and says what became of each."""

    def __call__(self, job: BatchJob, tasks: Sequence[Numbered]) -> Iterator[Outcome]: ...


def generate_batch(batch: Batch, make_all: MakeAll) -> Iterator[Outcome]:
    """Makes what is missing of a batch, and says what became of each task: first of those that are there already.

    Whatever stopped an earlier run, this one goes on with it. Raises DatasetError for a folder that another run is
    writing, CTFlowError where the work cannot go on.
    """
    job = batch.job
    with only_run(job.own):
        model = Model(name=batch.card.name, sha256=folder_sha256(job.model))
        left_out, missing = list(batch.left_out), list[Numbered]()
        for number, task in enumerate(batch.tasks):
            remove_partial(job.volume_path(task).parent)
            if is_finished(task, job, batch.card, model):
                yield Outcome(number=number, found=True)
            else:
                missing.append((number, task))
        for outcome in make_all(job, missing) if missing else ():
            if outcome.reason:
                task = batch.tasks[outcome.number]
                left_out.append(
                    LeftOut(name=task.name, reason=outcome.reason, folder=task.folder, seed=task.request.seed)
                )
            yield outcome
        write_atomic(job.rejected, b"".join(_adapter.dump_json(one, exclude_none=True) + b"\n" for one in left_out))
        if len(left_out) - len(batch.left_out) == len(batch.tasks):
            raise VolumeError(f"No volume could be made: {job.rejected} says why.")
