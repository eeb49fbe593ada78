"""The volumes of a batch, shared by Ray over cores, GPUs and machines: each worker has one, with a model of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ctflow.batch.job import BatchJob
from ctflow.batch.tasks import Numbered, from_json, groups_of, to_json
from ctflow.batch.worker import Outcome, Worker
from ctflow.errors import CTFlowError, ResourceError
from ctflow.runtime.ray_cluster import Cluster, ray_cluster, ray_failure

Row = dict[str, Any]  # as Ray moves it between processes
TASKS, ERROR = "tasks", "error"  # in a row. Ray loses the type and the words of what a worker raises
WAVE = 4096  # rows that Ray is given at a time, because it keeps a record of each


@dataclass(frozen=True)
class RayMaking:
    """`MakeAll` on this machine, or on the cluster at an address, all of whose machines must see the same folders.

    `workers`: at most so many; None for one on each GPU, or on each core where there is none.
    """

    address: str | None = None
    workers: int | None = None

    def __call__(self, job: BatchJob, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
        with ray_cluster(self.address) as cluster:
            from ray.exceptions import RayError  # not before Ray's settings are there

            pool = self._pool(job, cluster)
            groups = groups_of(tasks, job.together, pool.workers)
            try:
                for first in range(0, len(groups), WAVE):
                    for row in _made(job, groups[first : first + WAVE], pool):
                        if error := row.pop(ERROR):
                            raise ResourceError(error)
                        yield Outcome(**row)
            except RayError as error:
                raise ray_failure(error) from error

    def _pool(self, job: BatchJob, cluster: Cluster) -> "_Pool":
        on_gpu = job.device != "cpu" and cluster.gpus > 0
        most = cluster.gpus if on_gpu else cluster.cores
        return _Pool(workers=min(self.workers or most, most), gpus_each=1 if on_gpu else 0)


@dataclass(frozen=True)
class _Pool:
    """How many workers there are, and how many GPUs each has to itself."""

    workers: int
    gpus_each: int


def _made(job: BatchJob, groups: Sequence[Sequence[Numbered]], pool: _Pool) -> Iterator[Row]:
    import ray.data

    rows = [{TASKS: to_json(group)} for group in groups]
    made = ray.data.from_items(rows, override_num_blocks=len(rows)).flat_map(  # so that each goes on by itself
        _RayWorker,
        fn_constructor_args=(job,),
        compute=ray.data.ActorPoolStrategy(size=min(pool.workers, len(rows))),
        num_cpus=1,
        num_gpus=pool.gpus_each,
    )
    yield from made.iter_rows()


class _RayWorker:
    """Lives in a process of its own. What it cannot do, it says in a row."""

    def __init__(self, job: BatchJob) -> None:
        self._worker: Worker | None = None
        self._error = ""
        try:
            self._worker = Worker.load(job)
        except CTFlowError as error:
            self._error = str(error)

    def __call__(self, row: Row) -> list[Row]:
        made = list[Row]()
        try:
            if self._worker:
                made += [vars(outcome) | {ERROR: ""} for outcome in self._worker.make(from_json(row[TASKS]))]
        except CTFlowError as error:
            self._error = str(error)
        return [*made, vars(Outcome(number=0)) | {ERROR: self._error}] if self._error else made
