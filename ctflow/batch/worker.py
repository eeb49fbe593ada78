"""Makes the volumes of tasks: loads the model once, and writes each volume with its sidecar."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctflow.batch.facts import check_model
from ctflow.batch.job import BatchJob
from ctflow.batch.starts import Begun, begin
from ctflow.batch.tasks import Numbered, Task
from ctflow.data.attempts import GIVEN_UP, MOST_ATTEMPTS, attempts_at, begin_attempt, end_attempts
from ctflow.errors import RequestError, ResourceError, VolumeError
from ctflow.generator import VolumeGenerator
from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.io.sidecar import sidecar_of, write_sidecar
from ctflow.pipeline import CTFlow
from ctflow.request import GenerationRequest, Start
from ctflow.volume import Volume


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the task of this number: `slices` that were made, or the reason why there are none.

    `found`: whether the volume was there already. `seconds`: how long it took, in step with others its share of that.
    """

    number: int
    slices: int = 0
    reason: str = ""
    found: bool = False
    seconds: float = 0.0


class Maker(VolumeGenerator, Protocol):
    """A generator that can make several volumes in step, as `CTFlow` can."""

    def generate_together(self, asked: Sequence[tuple[GenerationRequest, Start | None]]) -> list[Volume | VolumeError]:
        """See `CTFlow.generate_together`."""
        ...


class Worker:
    """Makes volumes by one model and writes them. Raises RequestError for another model than the batch's."""

    def __init__(self, job: BatchJob, model: Maker) -> None:
        check_model(model.model_sha256, job)
        self._job, self._model = job, model

    @classmethod
    def load(cls, job: BatchJob) -> "Worker":
        """Raises CTFlowError where the model cannot be loaded."""
        model = CTFlow.load(
            job.model, job.device, decoder=job.decoder, cuda=job.cuda, precision=job.precision, warm_up=False
        )
        return cls(job, model)

    def make(self, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
        """Makes and writes the volumes, in step. What cannot be made says so in its outcome.

        Raises CTFlowError for what says nothing of a task: memory or disk that are full.
        """
        if any(attempts_at(self._job.own, number) for number, _ in tasks):  # a worker died over one of them: which?
            for one in tasks:
                yield from self._made_together([one])
        else:
            yield from self._made_together(tasks)

    def _made_together(self, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
        began_s = time.monotonic()
        begun = list[tuple[int, Task, Begun]]()
        for number, task in tasks:
            try:
                begun.append((number, task, self._begun(number, task)))
            except (RequestError, VolumeError) as error:
                yield Outcome(number=number, reason=_without_place(error, task))
        volumes = self._volumes([one for _, _, one in begun]) if begun else []
        seconds = (time.monotonic() - began_s) / len(tasks)
        for (number, task, one), volume in zip(begun, volumes, strict=True):
            if isinstance(volume, VolumeError):
                yield Outcome(number=number, reason=str(volume))
            else:
                self._write(task, one, volume, seconds)
                yield Outcome(number=number, slices=len(volume.hu), seconds=seconds)
        for number, _ in tasks:
            end_attempts(self._job.own, number)

    def _begun(self, number: int, task: Task) -> Begun:
        if begin_attempt(self._job.own, number) > MOST_ATTEMPTS:
            raise VolumeError(GIVEN_UP)
        return begin(task, self._job, self._model.card)

    def _volumes(self, begun: Sequence[Begun]) -> list[Volume | VolumeError]:
        try:
            return self._model.generate_together([(one.request, one.start) for one in begun])
        except ResourceError as error:
            if len(begun) == 1:
                raise
            raise ResourceError(
                f"The memory of {self._model.device} is not enough for {len(begun)} volumes together: give a smaller "
                "--together."
            ) from error

    def _write(self, task: Task, begun: Begun, volume: Volume, seconds: float) -> None:
        label = synthetic_label(self._model.card.name, from_scan=begun.start is not None)
        sidecar = sidecar_of(begun.request, self._model, seconds=seconds, complete=True, scan=begun.record)
        write_nifti(volume, self._job.volume_path(task), label)
        write_sidecar(sidecar, self._job.sidecar_path(task))


def _without_place(error: Exception, task: Task) -> str:
    """What went wrong, with the name of the scan alone."""
    return str(error) if task.scan is None else str(error).replace(str(task.scan), task.scan.name)
