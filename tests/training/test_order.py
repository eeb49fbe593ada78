"""The order of a training is a function of the seed and the step, whatever the number of processes."""

from itertools import islice

import pytest

from ctflow.errors import RequestError
from ctflow.training.order import Place, places, volume_of


def test_each_epoch_visits_every_volume_once_in_an_order_of_its_own() -> None:
    visits = [volume_of(0, 4, Place(step, number), 10) for step in range(5) for number in range(4)]
    first, second = visits[:10], visits[10:]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert first != [volume_of(1, 4, Place(step, number), 10) for step in range(5) for number in range(4)][:10]


@pytest.mark.parametrize(("accumulation", "processes"), [(1, 1), (1, 4), (2, 2), (4, 1)])
def test_all_processes_and_parts_together_compute_each_place_of_a_step_once(accumulation: int, processes: int) -> None:
    by_rank = [list(islice(places(7, 8, accumulation, rank, processes), 2 * accumulation)) for rank in range(processes)]
    sizes = {len(part) for parts in by_rank for part in parts}
    assert sizes == {8 // accumulation // processes}
    for step in (7, 8):
        found = sorted(place.number for parts in by_rank for part in parts for place in part if place.step == step)
        assert found == list(range(8))


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(RequestError, match=r"batch\.size 6 does not divide into 2 processes times .* 2"):
        next(places(0, 6, 2, 0, 2))
