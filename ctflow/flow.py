"""The path between noise and data, its velocity, and the solvers that follow it.

t = 1 is noise, t = 0 is data, as in the released code. Works on anything with + and *: tensors, arrays, floats.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise, repeat
from typing import Any, TypeVar

from ctflow.errors import RequestError

EPSILON = 1e-5  # how much noise is left at t = 0 in the released training
T = TypeVar("T", bound=Any)  # whatever can be added and multiplied: Python has no type for that
Velocity = Callable[[T, float], T]


def path(data: T, noise: T, t: float | T) -> T:
    """The point at time t between data and noise."""
    return data * (1 - t) + noise * (EPSILON + (1 - EPSILON) * t)


def velocity_target(data: T, noise: T) -> T:
    """The derivative of `path` by t, the same at every t."""
    return noise * (1 - EPSILON) - data


def velocity_from_data(x: T, data: T, t: float | T) -> T:
    """The velocity at x and t > 0 if the path through x ends in `data`."""
    noise = (x - data * (1 - t)) / (EPSILON + (1 - EPSILON) * t)
    return velocity_target(data, noise)


def data_from_velocity(x: T, velocity: T, t: float) -> T:
    """The data that the path through x at t ends in, if this is its velocity (but for EPSILON of the noise)."""
    return x - t * velocity


def shifted(t: T, shift: float) -> T:
    """Bends t towards noise: a shift above 1 takes smaller steps near t = 1; 1 leaves the grid as it is."""
    return t * shift / (1 + t * (shift - 1))


def time_grid(intervals: int, shift: float) -> list[float]:
    """`intervals` + 1 times from 1 to 0; equally spaced for shift 1."""
    return [shifted(1 - i / intervals, shift) for i in range(intervals + 1)]


def solve(velocity: Velocity[T], noise: Iterator[T], solver: str, steps: int, shift: float) -> Iterator[T]:
    """Follows the velocity from noise to data; yields the state after each of `steps` evaluations.

    `euler` is the published sampler. `midpoint` takes two evaluations per interval, so `steps` must be even.
    `stochastic` takes the data that each velocity points to and adds new noise to it for the next time (as diffusers'
    FlowMatchEulerDiscreteScheduler does with `stochastic_sampling`), so that later steps mend what earlier ones got
    wrong. `noise`: one draw to begin with, and for `stochastic` one more for each further step.
    Raises RequestError for an unknown solver, or for midpoint with an odd number of steps.
    """
    if solver == "euler":
        yield from _euler(velocity, next(noise), time_grid(steps, shift))
    elif solver == "midpoint" and steps % 2 == 0:
        yield from _midpoint(velocity, next(noise), time_grid(steps // 2, shift))
    elif solver == "stochastic":
        yield from _stochastic(velocity, noise, time_grid(steps, shift))
    else:
        raise RequestError(
            f"No solver {solver!r} with {steps} steps: use euler, stochastic, or midpoint with an even number."
        )


def evaluation_times(solver: str, steps: int, shift: float) -> list[float]:
    """The times at which `solve` asks for the velocity, in order."""
    times: list[float] = []

    def note(x: float, t: float) -> float:
        times.append(t)
        return x

    for _ in solve(note, repeat(0.0), solver, steps, shift):
        pass
    return times


def _euler(velocity: Velocity[T], x: T, grid: list[float]) -> Iterator[T]:
    for start, end in pairwise(grid):
        x = x + (end - start) * velocity(x, start)
        yield x


def _midpoint(velocity: Velocity[T], x: T, grid: list[float]) -> Iterator[T]:
    for start, end in pairwise(grid):
        middle = (start + end) / 2
        half_way = x + (middle - start) * velocity(x, start)
        yield half_way
        x = x + (end - start) * velocity(half_way, middle)
        yield x


def _stochastic(velocity: Velocity[T], noise: Iterator[T], grid: list[float]) -> Iterator[T]:
    x = next(noise)
    for start, end in pairwise(grid):
        x = data_from_velocity(x, velocity(x, start), start)
        if end:
            x = path(x, next(noise), end)
        yield x
