"""The features of a set shared by Ray over cores and machines, one volume at a time in each worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ctflow.data.attempts import MOST_ATTEMPTS, begin_attempt, end_attempts
from ctflow.errors import CTFlowError, ResourceError
from ctflow.evaluation.metrics.extraction import Outcome, Task, extract_one
from ctflow.io.files import make_folder
from ctflow.runtime.ray_cluster import Cluster, ray_cluster, ray_failure

Row = dict[str, Any]  # as Ray moves it between processes
NUMBER, ERROR = "number", "error"  # in a row. Ray loses the type and the words of what a worker raises
WORKERS_PER_GPU = 4  # while one computes, others read
WAVE = 4096  # volumes that Ray is given at a time, because it keeps a record of each


@dataclass(frozen=True)
class RayExtraction:
    """`ExtractAll` on this machine, or on the cluster at an address.

    All machines of a cluster must see the same folders.
    """

    address: str | None = None

    def __call__(self, tasks: Sequence[Task], folder: Path) -> Iterator[Outcome]:
        make_folder(folder)
        with TemporaryDirectory(prefix=".attempts-", dir=folder) as attempts, ray_cluster(self.address) as cluster:
            from ray.exceptions import RayError  # not before Ray's settings are there

            try:
                for first in range(0, len(tasks), WAVE):
                    some = _Some(tasks[first : first + WAVE], folder, Path(attempts), first)
                    for row in _extracted(some, cluster):
                        if error := row.pop(ERROR):
                            raise ResourceError(error)
                        yield Outcome(**row)
            except RayError as error:
                raise ray_failure(error) from error


@dataclass(frozen=True)
class _Some:
    """Tasks, the number of the first one in all, and where features are kept and attempts are counted."""

    tasks: Sequence[Task]
    folder: Path
    attempts: Path
    first: int


def _extracted(some: _Some, cluster: Cluster) -> Iterator[Row]:
    import ray.data

    on_gpu = cluster.gpus > 0 and any(source.device != "cpu" for task in some.tasks for source in task.sources)
    workers = min(cluster.cores, WORKERS_PER_GPU * cluster.gpus if on_gpu else cluster.cores, len(some.tasks))
    numbers = [{NUMBER: number} for number in range(len(some.tasks))]
    found = ray.data.from_items(numbers, override_num_blocks=len(numbers)).map(
        _Worker,
        fn_constructor_args=(some,),
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
        num_gpus=1 / WORKERS_PER_GPU if on_gpu else 0,
    )
    yield from found.iter_rows()


class _Worker:
    """Lives in a process of its own, and loads the extractors once."""

    def __init__(self, some: _Some) -> None:
        self._some = some

    def __call__(self, row: Row) -> Row:
        some, number = self._some, int(row[NUMBER])
        task, attempt = some.tasks[number], some.first + number
        try:
            found = vars(self._extracted(task, attempt)) | {ERROR: ""}
        except CTFlowError as error:
            found = vars(Outcome(task.volume.name)) | {ERROR: str(error)}
        end_attempts(some.attempts, attempt)
        return found

    def _extracted(self, task: Task, attempt: int) -> Outcome:
        if begin_attempt(self._some.attempts, attempt) > MOST_ATTEMPTS:
            return Outcome(task.volume.name, f"{MOST_ATTEMPTS} workers died over it. Is it too large for their memory?")
        return extract_one(task, self._some.folder)
