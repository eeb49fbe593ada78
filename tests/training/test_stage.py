"""A budget is in seconds, in steps or in epochs."""

import pytest

from ctflow.errors import RequestError
from ctflow.training.stage import Budget


def test_epochs_are_counted_in_whole_steps_and_never_in_none() -> None:
    assert Budget.of_epochs(3, steps_per_epoch=50) == Budget.of_steps(150)
    assert Budget.of_epochs(0.25, steps_per_epoch=50) == Budget.of_steps(12)
    assert Budget.of_epochs(0.001, steps_per_epoch=50) == Budget.of_steps(1)


@pytest.mark.parametrize("amount", [0, -1, float("nan")])
def test_a_budget_of_nothing_is_refused(amount: float) -> None:
    with pytest.raises(RequestError, match="needs more than 0 seconds"):
        Budget.of_seconds(amount)
