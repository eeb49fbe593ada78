"""Tasks shared by Ray over cores, GPUs and machines: each goes to a worker of a pool, its answers come in any order."""

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ctflow.errors import CTFlowError, ResourceError
from ctflow.runtime.ray_cluster import Cluster, ray_failure

A = TypeVar("A")
Row = dict[str, Any]  # as Ray moves it between processes
CONTENT, ERROR = "content", "error"  # in a row. Ray loses the type and the words of what a worker raises
WAVE = 4096  # tasks that Ray is given at a time, because it keeps a record of each


@dataclass(frozen=True)
class Pool:
    """How many workers there are, each with a core, and how many GPUs, or what share of one, each has to itself."""

    workers: int
    gpus_each: float

    @classmethod
    def of(cls, cluster: Cluster, *, on_gpu: bool, per_gpu: int = 1) -> "Pool":
        """So many for each GPU; one for each core where there is no GPU, or none is wanted."""
        if on_gpu and cluster.gpus:
            return cls(min(cluster.cores, per_gpu * cluster.gpus), 1 / per_gpu)
        return cls(cluster.cores, 0)


def answers_by_ray(
    tasks: Sequence[Any],
    load: Callable[[], Callable[[Any], Iterable[A]]],
    pool: Pool,
    read: Callable[[Any], Any] | None = None,
) -> Iterator[A]:
    """What the workers of a pool answer to tasks; a task may have several answers. Within `ray_cluster`.

    `load` is called once in the process of each worker, and gives what it does with a task. `read` is done to tasks
    before, by any core: while some are read, others are answered. Where workers need no GPU, Ray makes both one step,
    and nothing moves in between. A worker that dies is replaced, and begins again with its task.

    Raises ResourceError where Ray cannot go on, and in the words of a CTFlowError that one of these raises.
    """
    from ray.exceptions import RayError  # not before Ray's settings are there

    try:
        for first in range(0, len(tasks), WAVE):
            for row in _answered(tasks[first : first + WAVE], load, pool, read):
                if row[ERROR]:
                    raise ResourceError(row[ERROR])
                yield pickle.loads(row[CONTENT])
    except RayError as error:
        raise ray_failure(error) from error


def _answered(
    tasks: Sequence[Any],
    load: Callable[[], Callable[[Any], Iterable[Any]]],
    pool: Pool,
    read: Callable[[Any], Any] | None,
) -> Iterator[Row]:
    import ray.data

    rows = ray.data.from_items([_row(task) for task in tasks], override_num_blocks=len(tasks))  # each goes on by itself
    if read:
        rows = rows.map(_Reader(read), num_cpus=1)
    answered = rows.flat_map(
        PoolWorker,
        fn_constructor_args=(load,),
        compute=ray.data.ActorPoolStrategy(size=min(pool.workers, len(tasks))),
        num_cpus=1,
        num_gpus=pool.gpus_each,
    )
    yield from answered.iter_rows()


@dataclass(frozen=True)
class _Reader:
    """What is done to a row before a worker gets it."""

    read: Callable[[Any], Any]

    def __call__(self, row: Row) -> Row:
        try:
            return _row(self.read(pickle.loads(row[CONTENT])))
        except CTFlowError as error:
            return _row(None, str(error))


class PoolWorker:
    """Lives in a process of its own. What it cannot do, it says in a row."""

    def __init__(self, load: Callable[[], Callable[[Any], Iterable[Any]]]) -> None:
        self._error = ""
        try:
            self._answers = load()
        except CTFlowError as error:
            self._error = str(error)

    def __call__(self, row: Row) -> list[Row]:
        if hindrance := row[ERROR] or self._error:
            return [_row(None, hindrance)]
        answered = list[Row]()
        try:
            for answer in self._answers(pickle.loads(row[CONTENT])):
                answered.append(_row(answer))
        except CTFlowError as error:
            answered.append(_row(None, str(error)))
        return answered


def _row(content: Any, error: str = "") -> Row:
    """With bytes, whatever the content is: Ray has types of its own."""
    return {CONTENT: pickle.dumps(content, pickle.HIGHEST_PROTOCOL), ERROR: error}
