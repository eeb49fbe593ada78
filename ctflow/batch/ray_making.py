"""The volumes of a batch, shared by Ray over cores, GPUs and machines: each worker has one, with a model of its own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ctflow.batch.job import BatchJob
from ctflow.batch.tasks import Numbered, groups_of
from ctflow.batch.worker import Outcome, Worker
from ctflow.runtime.ray_cluster import ray_cluster
from ctflow.runtime.ray_pool import Pool, answers_by_ray


@dataclass(frozen=True)
class RayMaking:
    """`MakeAll` on this machine, or on the cluster at an address, all of whose machines must see the same folders.

    `workers`: at most so many; None for one on each GPU, or on each core where there is none.
    """

    address: str | None = None
    workers: int | None = None

    def __call__(self, job: BatchJob, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
        with ray_cluster(self.address) as cluster:
            pool = Pool.of(cluster, on_gpu=job.device != "cpu")
            pool = replace(pool, workers=min(self.workers or pool.workers, pool.workers))
            yield from answers_by_ray(groups_of(tasks, job.together, pool.workers), partial(_maker, job), pool)


def _maker(job: BatchJob) -> Callable[[Sequence[Numbered]], Iterator[Outcome]]:
    return Worker.load(job).make
