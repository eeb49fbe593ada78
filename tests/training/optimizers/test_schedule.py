"""The learning rate's course."""

import math

import pytest

from ctflow.training.optimizers.schedule import falling_to_zero, inverse_root


def test_the_released_law_rises_and_then_falls_with_the_root_of_the_steps() -> None:
    rate = inverse_root(warm_up_steps=2000, decay_steps=1e6)
    assert rate(0, 1.0) == 1 / 2000 and rate(999, 1.0) == 0.5
    assert rate(1999, 1.0) == rate(2000, 1.0) == 1.0
    for step in (2001, 680_000):
        assert rate(step, 0.1) == pytest.approx(1 / math.sqrt(1 + 2 * (step - 2000) / 1e6))


def test_the_other_law_ends_at_zero_with_the_budget() -> None:
    rate = falling_to_zero(warm_up_steps=100)
    assert [rate(0, 1.0), rate(49, 0.9), rate(200, 0.25), rate(300, 0.0)] == [0.01, 0.5, 0.25, 0.0]
    assert falling_to_zero(0)(0, 1.0) == 1.0
