"""Intervals hold the truth as often as they say, and floors keep patients together."""

import numpy as np
import pytest

from ctflow.evaluation.metrics.resampling import INF, floors, halves, interval, values_of_halves

NAMES = [f"valid_{i}" for i in range(200)]


def test_the_interval_of_a_mean_is_the_known_one() -> None:
    """Of 200 values with standard deviation 1, twice 1.96 / √200 wide."""
    values = np.random.default_rng(0).normal(size=(2, 200))
    values /= values.std(1, keepdims=True)

    def measure(real: np.ndarray, fake: np.ndarray) -> float:
        return float(values[0][real].mean() - values[1][fake].mean())

    every = np.arange(200)
    found = interval(measure(every, every), values_of_halves(measure, NAMES, NAMES, seed=1), (-INF, INF))
    expected = 1.96 * np.sqrt(2 / 200)
    assert (found.high - found.low) / 2 == pytest.approx(expected, rel=0.35)
    assert found.low < measure(every, every) < found.high


def test_volumes_of_one_patient_do_not_make_the_interval_narrower() -> None:
    """CT-RATE has two or three of each, nearly the same: drawn one by one they were counted as so many patients."""
    values = np.random.default_rng(0).normal(size=100)
    values /= values.std()
    twice, whose = np.repeat(values, 2), np.repeat(NAMES[:100], 2).tolist()

    def measure(real: np.ndarray, fake: np.ndarray) -> float:
        return float(twice[fake].mean())

    found = values_of_halves(measure, NAMES, whose, seed=0, resamples=200)
    assert found.std() == pytest.approx(1 / np.sqrt(100), rel=0.2)  # and not 1 / sqrt(200)


def test_too_few_volumes_have_no_interval() -> None:
    none = interval(1.0, values_of_halves(lambda real, fake: 1.0, NAMES[:3], NAMES, seed=0), (-INF, INF))
    assert np.isnan([none.low, none.high, none.of_halves]).all() and none.resamples == 0


def test_halves_repeat_nothing_and_depend_on_the_seed_alone() -> None:
    one = halves(11, seed=3)
    assert all(len(np.unique(half)) == 5 for half in one)
    assert np.array_equal(one, halves(11, seed=3)) and not np.array_equal(one, halves(11, seed=4))


def test_a_floor_never_compares_a_patient_with_itself() -> None:
    patients = [f"valid_{i // 3}" for i in range(24)]

    def measure(one: np.ndarray, other: np.ndarray) -> float:
        assert not {patients[i] for i in one} & {patients[i] for i in other}
        assert len(one) + len(other) == 24
        return 2.0

    assert (floors(measure, patients, 24, seed=0) == 2.0).all()
    assert not len(floors(measure, patients[:9], 24, seed=0))


def test_a_floor_is_of_as_many_volumes_as_half_of_the_fake_set() -> None:
    """Of 3,000 real volumes and 100 fake ones, the floor was of 1,500 against 1,500: no 50 could come near it."""
    sizes = {(len(one), len(other)) for one, other in seen_by_a_floor(most=5)}
    assert sizes == {(20, 5)}
    drawn = [tuple(other) for _, other in seen_by_a_floor(most=5)]
    assert len(set(drawn)) == len(drawn) and drawn == [tuple(other) for _, other in seen_by_a_floor(most=5)]
    assert not seen_by_a_floor(most=1), "no metric of a set is of one volume"


def seen_by_a_floor(most: int) -> list[tuple[np.ndarray, np.ndarray]]:
    seen = []

    def measure(one: np.ndarray, other: np.ndarray) -> float:
        seen.append((one, other))
        return 0.0

    floors(measure, NAMES[:40], most, seed=0)
    return seen
