"""Makes the volumes of tasks: loads the model once, and writes each volume with its sidecar."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ctflow.batch.job import BatchJob
from ctflow.batch.starts import Begun, begin
from ctflow.batch.tasks import Numbered, Task
from ctflow.data.attempts import MOST_ATTEMPTS, begin_attempt, end_attempts
from ctflow.errors import RequestError, VolumeError
from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.io.sidecar import sidecar_of, write_sidecar
from ctflow.pipeline import CTFlow
from ctflow.volume import Volume


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the task of this number: `slices` that were made, or the reason why there are none.

    `found`: whether the volume was there already. `seconds`: how long it took.
    """

    number: int
    slices: int = 0
    reason: str = ""
    found: bool = False
    seconds: float = 0.0


class Worker:
    """Holds the model. Raises CTFlowError where it cannot be loaded."""

    def __init__(self, job: BatchJob) -> None:
        self._job = job
        self._model = CTFlow.load(
            job.model, job.device, decoder=job.decoder, cuda=job.cuda, precision=job.precision, warm_up=False
        )

    def make(self, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
        """Makes and writes the volumes. What cannot be made says so in its outcome.

        Raises CTFlowError for what says nothing of a task: memory or disk that are full.
        """
        for number, task in tasks:
            if begin_attempt(self._job.own, number) > MOST_ATTEMPTS:
                yield Outcome(number=number, reason=f"{MOST_ATTEMPTS} workers died over it. Is their memory too small?")
            else:
                yield self._made(number, task)
            end_attempts(self._job.own, number)

    def _made(self, number: int, task: Task) -> Outcome:
        began_s = time.monotonic()
        try:
            begun = begin(task, self._job, self._model.card)
            volume = self._model.generate(begun.request, begun.start)
        except (RequestError, VolumeError) as error:
            reason = str(error) if task.scan is None else str(error).replace(str(task.scan), task.scan.name)
            return Outcome(number=number, reason=reason)
        seconds = time.monotonic() - began_s
        self._write(task, begun, volume, seconds)
        return Outcome(number=number, slices=len(volume.hu), seconds=seconds)

    def _write(self, task: Task, begun: Begun, volume: Volume, seconds: float) -> None:
        label = synthetic_label(self._model.card.name, from_scan=begun.start is not None)
        sidecar = sidecar_of(begun.request, self._model, seconds=seconds, complete=True, scan=begun.record)
        write_nifti(volume, self._job.volume_path(task), label)
        write_sidecar(sidecar, self._job.sidecar_path(task))
