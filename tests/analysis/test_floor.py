"""The chance floor: a percentile, cube by cube."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctflow.analysis.floor import chance_floor

SPACING_MM = (3.0, 1.5, 1.5)


def test_each_cube_has_its_own_floor() -> None:
    difference = np.zeros((8, 16, 8), np.int16)
    difference[:4, :8] = -40
    floor = chance_floor([difference], SPACING_MM)
    assert (floor[:4, :8] == 40).all()
    assert (floor[4:] == 0).all() and (floor[:, 8:] == 0).all()


def test_one_seed_in_three_is_enough_to_raise_it() -> None:
    quiet, loud = np.zeros((4, 8, 8), np.int16), np.full((4, 8, 8), 90, np.int16)
    assert (chance_floor([quiet, loud, quiet], SPACING_MM) == 90).all()


@given(st.tuples(*[st.integers(1, 20)] * 3), st.integers(1, 3), st.integers(0, 2**32))
def test_of_what_it_was_made_from_a_twentieth_lies_above_in_whole_cubes(
    shape: tuple[int, int, int], seeds: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    differences = [rng.integers(-1000, 1000, shape).astype(np.int16) for _ in range(seeds)]
    floor = chance_floor(differences, SPACING_MM)
    assert floor.shape == shape
    whole = tuple(slice(0, size // step * step) for size, step in zip(shape, (4, 8, 8), strict=True))
    above = np.array([np.abs(one[whole]) > floor[whole] for one in differences])
    cubes = above.size // (seeds * 4 * 8 * 8)
    assert above.sum() <= 0.05 * above.size + cubes, "a percentile lies between two values: one more in each cube"
