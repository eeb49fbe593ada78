"""What workers cannot do ends a run by Ray in our words, at whichever step it is."""

from collections.abc import Callable, Iterator

import pytest

from ctflow.errors import RequestError, ResourceError
from ctflow.runtime.ray_cluster import ray_cluster
from ctflow.runtime.ray_pool import Pool, answers_by_ray


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_tasks_have_all_their_answers_or_the_run_ends_in_our_words() -> None:
    def read(number: int) -> tuple[int, str]:
        if number < 0:
            raise RequestError(f"{number} is no number of a volume")
        return number, "read"

    def load() -> Callable[[tuple[int, str]], Iterator[tuple[int, str, int]]]:
        return lambda task: ((*task, answer) for answer in range(task[0]))

    def fail() -> Callable[[tuple[int, str]], Iterator[object]]:
        raise RequestError("there is no model")

    pool = Pool(workers=1, gpus_each=0)
    with ray_cluster(None):
        assert sorted(answers_by_ray([2, 0, 1], load, pool, read)) == [(1, "read", 0), (2, "read", 0), (2, "read", 1)]
        with pytest.raises(ResourceError, match="-1 is no number of a volume"):
            list(answers_by_ray([-1], load, pool, read))
        with pytest.raises(ResourceError, match="there is no model"):
            list(answers_by_ray([1], fail, pool))
