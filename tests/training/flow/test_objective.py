"""Flow matching: what a network is shown, and what counts as its error."""

import pytest
import torch

from ctflow.flow import velocity_from_data, velocity_target
from ctflow.training.flow.objective import SMALLEST_T, noised, velocity_error

DATA, NOISE = torch.randn(2, 3, 1, 2, 2, 2, generator=torch.Generator().manual_seed(0)).unbind(0)
T = torch.tensor([0.4, 0.7, 1.0])


def test_a_right_answer_has_no_error() -> None:
    assert not velocity_error(velocity_target(DATA, NOISE), DATA, NOISE, T, "velocity").any()
    assert not velocity_error(DATA, DATA, NOISE, T, "data").any()


def test_both_kinds_of_answers_have_the_error_of_the_velocity_that_they_mean() -> None:
    """The sampler turns an answer that is data into a velocity: the error must be that of what it makes of it."""
    wrong = DATA + 0.1
    meant = velocity_from_data(noised(DATA, NOISE, T), wrong, T.view(-1, 1, 1, 1, 1))
    by_velocity = velocity_error(meant, DATA, NOISE, T, "velocity")
    by_data = velocity_error(wrong, DATA, NOISE, T, "data")
    assert by_data.abs().numpy() == pytest.approx(by_velocity.abs().numpy(), rel=1e-3)


def test_near_the_data_an_error_counts_no_more_than_at_the_smallest_t() -> None:
    near = torch.full((3,), 1e-3)
    at_smallest = torch.full((3,), SMALLEST_T)
    errors = [velocity_error(DATA + 1, DATA, NOISE, t, "data") for t in (near, at_smallest)]
    assert torch.equal(*errors)
