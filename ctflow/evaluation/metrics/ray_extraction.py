"""The features of a set shared by Ray over cores and machines, one volume at a time in each worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ctflow.data.attempts import GIVEN_UP, MOST_ATTEMPTS, begin_attempt, end_attempts
from ctflow.evaluation.metrics.extraction import Outcome, Task, extract_one
from ctflow.io.files import make_folder
from ctflow.runtime.ray_cluster import ray_cluster
from ctflow.runtime.ray_pool import Pool, answers_by_ray

WORKERS_PER_GPU = 4  # while one computes, others read


@dataclass(frozen=True)
class RayExtraction:
    """`ExtractAll` on this machine, or on the cluster at an address.

    All machines of a cluster must see the same folders.
    """

    address: str | None = None

    def __call__(self, tasks: Sequence[Task], folder: Path) -> Iterator[Outcome]:
        make_folder(folder)
        on_gpu = any(source.device != "cpu" for task in tasks for source in task.sources)
        with TemporaryDirectory(prefix=".attempts-", dir=folder) as attempts, ray_cluster(self.address) as cluster:
            extraction = _Extraction(folder, Path(attempts))
            pool = Pool.of(cluster, on_gpu=on_gpu, per_gpu=WORKERS_PER_GPU)
            yield from answers_by_ray(list(enumerate(tasks)), lambda: extraction, pool)


@dataclass(frozen=True)
class _Extraction:
    """Where features are kept and attempts are counted."""

    folder: Path
    attempts: Path

    def __call__(self, numbered: tuple[int, Task]) -> Iterator[Outcome]:
        number, task = numbered
        if begin_attempt(self.attempts, number) > MOST_ATTEMPTS:
            yield Outcome(task.volume.name, GIVEN_UP)
            return
        try:
            yield extract_one(task, self.folder)
        finally:
            end_attempts(self.attempts, number)
