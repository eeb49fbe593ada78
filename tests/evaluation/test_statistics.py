"""The intervals that stand in the table."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ctflow.evaluation.statistics import NOTHING, auroc, correlation, mean, order_kept, ratio, share


def test_wilsons_interval_is_the_one_of_the_textbook() -> None:
    one = share(81, 263)  # Newcombe 1998, table I
    assert (one.low, one.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert share(10, 10).low < 0.75 and share(10, 10).high == pytest.approx(1.0)


def test_a_ratio_of_proportions_has_the_interval_of_the_textbook() -> None:
    one = ratio(share(20, 100), share(10, 100))
    assert one.value == pytest.approx(2.0) and one.n == 100
    half = 1.96 * math.sqrt(1 / 20 - 1 / 100 + 1 / 10 - 1 / 100)  # Katz et al., Biometrics 1978
    assert (one.low, one.high) == pytest.approx((2 * math.exp(-half), 2 * math.exp(half)), abs=1e-3)
    assert ratio(share(1, 3), share(0, 3)) == ratio(NOTHING, share(1, 3)) == NOTHING


def test_auroc_counts_pairs_and_ties_half() -> None:
    assert auroc([3, 4], [1, 2]).value == 1.0
    assert auroc([1, 2], [3, 4]).value == 0.0
    assert auroc([1, 2], [1, 2]).value == pytest.approx(0.5)
    assert auroc([2, 3], [1, 2, 2]).value == pytest.approx((1 + 0.5 + 0.5 + 3) / 6)


def test_an_auroc_of_chance_has_an_interval_around_a_half() -> None:
    rng = np.random.default_rng(0)
    one = auroc(rng.normal(size=200), rng.normal(size=300))
    assert one.low < 0.5 < one.high and one.high - one.low < 0.15


def test_an_auroc_of_few_cases_is_not_certain() -> None:
    one = auroc([2], [0])
    assert (one.value, one.n, one.against) == (1.0, 1, 1)
    assert one.low < 0.25 and one.high == 1.0
    few, many = auroc(range(50, 55), range(20)), auroc(range(50, 100), range(20))
    assert 0.5 < few.low < many.low < 1.0
    assert auroc([0], [2]).high == pytest.approx(1 - one.low)
    assert math.isnan(auroc([1, 2], []).value) and auroc([1, 2], []).n == 2


def test_a_mean_of_cases_that_are_alike_has_the_interval_of_their_groups() -> None:
    one, twice = mean([1.0, 2.0, 3.0]), mean([1.0, 1.0, 2.0, 2.0, 3.0, 3.0], ["a", "a", "b", "b", "c", "c"])
    assert (twice.value, twice.low, twice.high) == pytest.approx((one.value, one.low, one.high))
    assert twice.n == 6
    alone = mean([1.0, 2.0], ["a", "a"])
    assert alone.value == 1.5 and np.isnan([alone.low, alone.high]).all()


def test_a_mean_of_few_cases_has_students_interval() -> None:
    one = mean([1.0, 2.0, 3.0])  # t of 2 degrees of freedom is 4.303
    assert one.high - one.value == pytest.approx(4.3027 / math.sqrt(3), abs=1e-4)


def test_order_is_counted_over_pairs_of_different_groups_only() -> None:
    assert order_kept([0, 0, 1, 2], [1.0, 5.0, 2.0, 9.0]).value == pytest.approx(4 / 5)
    assert order_kept([1, 1], [0.0, 1.0]).n == 0


def test_nothing_gives_nan_and_no_error() -> None:
    for one in (share(0, 0), auroc([], [1]), mean([]), correlation([], [])):
        assert math.isnan(one.value) and one.n == 0


def test_a_rank_correlation_knows_no_scale() -> None:
    assert correlation([1, 2, 3, 4, 5], [1, 10, 100, 1000, 10000]).value == pytest.approx(1.0, abs=1e-4)


def test_a_rank_correlation_shares_ranks_among_ties_and_says_nothing_of_a_constant() -> None:
    assert correlation([1, 2, 2, 3, 4], [2, 1, 3, 3, 5]).value == pytest.approx(0.763158, abs=1e-6)
    for one in (correlation([1] * 10, [1] * 10), correlation([1] * 10, range(10)), correlation([1, 2], [1, 2])):
        assert math.isnan(one.value) and one.n > 0
