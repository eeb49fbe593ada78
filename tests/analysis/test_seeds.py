"""Mean and standard deviation of several seeds."""

from contextlib import closing

import numpy as np
import pytest

from ctflow.analysis.making import Progress, other_seeds
from ctflow.analysis.seeds import SeedVolume, Spread, compare_seeds
from ctflow.errors import RequestError
from ctflow.report import Report
from ctflow.request import MAX_SEED
from tests.analysis.painter import Painter


def test_mean_and_deviation_are_those_of_the_volumes_and_there_after_the_second() -> None:
    painter = Painter({}, grain=100)
    results = list(compare_seeds(painter, painter.card.request(Report("Clear."), seed=5), 4))
    volumes = [one.volume.hu for one in results if isinstance(one, SeedVolume)]
    spreads = [one for one in results if isinstance(one, Spread)]
    assert [one.request.seed for one in results if isinstance(one, SeedVolume)] == [5, 6, 7, 8]
    assert [spread.count for spread in spreads] == [2, 3, 4]
    for spread in spreads:
        so_far = np.stack(volumes[: spread.count]).astype(float)
        assert np.abs(spread.mean.hu - so_far.mean(0)).max() <= 0.51
        assert np.abs(spread.deviation.hu - so_far.std(0, ddof=1)).max() <= 0.51
    progress = [one for one in results if isinstance(one, Progress)]
    assert len(progress) == progress[-1].total == 4 * 2 * 3


def test_volumes_of_other_lengths_are_compared_as_far_as_the_shortest_reaches() -> None:
    painter = Painter({}, grain=100)
    results = compare_seeds(painter, painter.card.request(Report("Clear."), seed=5, chunks=3), 3)
    lengths: list[tuple[int, int]] = []
    for one in results:
        if isinstance(one, SeedVolume):
            painter.ends_after = 1 if one.request.seed == 5 else 3
        if isinstance(one, Spread):
            lengths.append((len(one.mean.hu), len(one.deviation.hu)))
    assert lengths == [(4, 4), (4, 4)]


def test_stop_keeps_what_is_done() -> None:
    painter = Painter({})
    with closing(compare_seeds(painter, painter.card.request(Report("Clear."), seed=5), 4)) as results:
        while not isinstance(next(results), Spread):
            pass
        next(results)
    assert painter.closed == 1


def test_after_the_last_seed_comes_the_first() -> None:
    assert other_seeds(MAX_SEED - 1, 3) == [MAX_SEED, 0, 1]


def test_fewer_than_two_seeds_are_refused() -> None:
    painter = Painter({})
    with pytest.raises(RequestError, match="at least two"):
        next(compare_seeds(painter, painter.card.request(Report("Clear."), seed=5), 1))
