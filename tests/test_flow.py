"""Solvers against fields whose solution is known, and the path against its derivative."""

import math
from itertools import chain, repeat

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from ctflow.errors import RequestError
from ctflow.flow import evaluation_times, path, solve, time_grid, velocity_from_data, velocity_target


def last(solver: str, steps: int, shift: float = 1.0) -> float:
    """dx/dt = x from x(1) = e leads to x(0) = 1."""
    *_, end = solve(lambda x, t: x, iter([math.e]), solver, steps, shift)
    return end


def test_the_velocity_target_is_the_derivative_of_the_path() -> None:
    torch.manual_seed(0)
    data, noise = torch.randn(2, 5, dtype=torch.float64)
    t = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    derivative = torch.autograd.functional.jacobian(lambda t: path(data, noise, t), t)
    torch.testing.assert_close(derivative, velocity_target(data, noise))


def test_a_model_that_answers_with_the_data_has_the_same_velocity() -> None:
    assert velocity_from_data(path(3.0, 5.0, 0.4), 3.0, 0.4) == pytest.approx(velocity_target(3.0, 5.0))


def test_the_path_runs_from_noise_at_1_to_data_at_0() -> None:
    assert path(3.0, 5.0, 1.0) == pytest.approx(5.0)
    assert path(3.0, 5.0, 0.0) == pytest.approx(3.0, abs=1e-4)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("midpoint", 2)])
@pytest.mark.parametrize("shift", [1.0, 2.0])
def test_the_error_falls_with_the_order_of_the_solver(solver: str, order: int, shift: float) -> None:
    coarse, fine = (abs(last(solver, steps, shift) - 1) for steps in (40, 80))
    assert coarse / fine == pytest.approx(2**order, rel=0.1)


@pytest.mark.parametrize("solver", ["euler", "midpoint"])
def test_any_solver_is_exact_on_a_straight_path(solver: str) -> None:
    *_, end = solve(lambda x, t: 7.0, repeat(7.0), solver, 2, shift=3.0)
    assert end == pytest.approx(0.0)


@pytest.mark.parametrize(("solver", "steps"), [("euler", 7), ("midpoint", 8), ("stochastic", 7)])
def test_a_solver_evaluates_and_yields_once_per_step(solver: str, steps: int) -> None:
    times: list[float] = []
    states = list(solve(lambda x, t: times.append(t) or 0.0, repeat(0.0), solver, steps, 1.0))
    assert len(states) == len(times) == steps
    assert times[0] == 1.0 and times == sorted(times, reverse=True)


@pytest.mark.parametrize(("solver", "steps"), [("euler", 4), ("midpoint", 4), ("stochastic", 5)])
def test_the_times_of_a_solver_are_those_at_which_it_evaluates(solver: str, steps: int) -> None:
    times: list[float] = []
    list(solve(lambda x, t: times.append(t) or 0.0, repeat(0.0), solver, steps, 2.0))
    assert evaluation_times(solver, steps, 2.0) == times


def test_shift_takes_smaller_steps_near_noise_and_1_leaves_them_equal() -> None:
    assert time_grid(4, 1.0) == [1.0, 0.75, 0.5, 0.25, 0.0]
    grid = time_grid(4, 2.0)
    assert (grid[0], grid[-1]) == (1.0, 0.0)
    assert grid[0] - grid[1] < grid[-2] - grid[-1]


@pytest.mark.parametrize(("solver", "steps"), [("midpoint", 5), ("heun", 4)])
def test_an_unknown_solver_or_an_odd_midpoint_is_refused(solver: str, steps: int) -> None:
    with pytest.raises(RequestError, match=solver):
        list(solve(lambda x, t: x, repeat(1.0), solver, steps, 1.0))


def test_stochastic_is_the_stochastic_sampling_of_diffusers() -> None:
    steps, shift = 6, 3.0
    scheduler = FlowMatchEulerDiscreteScheduler(stochastic_sampling=True)
    scheduler.set_timesteps(sigmas=time_grid(steps, shift)[:-1])
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    draws = torch.Generator().manual_seed(2)
    noise = chain([x], (torch.randn(4, 5, generator=draws) for _ in range(steps)))
    states = solve(lambda x, t: x.cos() + t, noise, "stochastic", steps, shift)

    theirs = torch.Generator().manual_seed(2)
    for t, state in zip(scheduler.timesteps, states, strict=True):
        x = scheduler.step(x.cos() + t / 1000, t, x, generator=theirs).prev_sample
        torch.testing.assert_close(state, x, rtol=0, atol=1e-3)  # the noise that is left at t = 0
