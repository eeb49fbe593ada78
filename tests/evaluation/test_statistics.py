"""The intervals that stand in the table."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ctflow.evaluation.statistics import auroc, correlation, mean, order_kept, share


def test_wilsons_interval_is_the_one_of_the_textbook() -> None:
    one = share(81, 263)  # Newcombe 1998, table I
    assert (one.low, one.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert share(10, 10).low < 0.75 and share(10, 10).high == pytest.approx(1.0)


def test_auroc_counts_pairs_and_ties_half() -> None:
    assert auroc([3, 4], [1, 2]).value == 1.0
    assert auroc([1, 2], [3, 4]).value == 0.0
    assert auroc([1, 2], [1, 2]).value == pytest.approx(0.5)
    assert auroc([2, 3], [1, 2, 2]).value == pytest.approx((1 + 0.5 + 0.5 + 3) / 6)


def test_an_auroc_of_chance_has_an_interval_around_a_half() -> None:
    rng = np.random.default_rng(0)
    one = auroc(rng.normal(size=200), rng.normal(size=300))
    assert one.low < 0.5 < one.high and one.high - one.low < 0.15


def test_order_is_counted_over_pairs_of_different_groups_only() -> None:
    assert order_kept([0, 0, 1, 2], [1.0, 5.0, 2.0, 9.0]).value == pytest.approx(4 / 5)
    assert order_kept([1, 1], [0.0, 1.0]).n == 0


def test_nothing_gives_nan_and_no_error() -> None:
    for one in (share(0, 0), auroc([], [1]), mean([]), correlation([1], [1])):
        assert math.isnan(one.value) and one.n == 0


def test_a_rank_correlation_knows_no_scale() -> None:
    assert correlation([1, 2, 3, 4, 5], [1, 10, 100, 1000, 10000]).value == pytest.approx(1.0, abs=1e-4)
