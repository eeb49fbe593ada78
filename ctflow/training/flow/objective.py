"""Flow matching: what a network that learns the path between noise and data is shown, and how wrong its answer is.

t = 1 is noise, t = 0 is data, as in `ctflow.flow`. Batches are (N, C, T, H, W), times (N,).
"""

from typing import Literal

from torch import Tensor

from ctflow.flow import path, velocity_target

Prediction = Literal["velocity", "data"]
SMALLEST_T = 0.3  # an error of the data is one of the velocity times t; below this t it counts no more than here


def noised(data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """The points at times t on the paths from noise to data, which the network is shown."""
    return path(data, noise, _per_sample(t))


def velocity_error(answer: Tensor, data: Tensor, noise: Tensor, t: Tensor, prediction: Prediction) -> Tensor:
    """The error of an answer in units of the velocity, in float32; its square is what flow matching minimises.

    `prediction`: whether the network answers with the velocity, or with the data. An error of the data is the more
    wrong a velocity the smaller t is; it is weighted so, but only down to SMALLEST_T.
    """
    if prediction == "velocity":
        return answer.float() - velocity_target(data, noise)
    return (answer.float() - data) / _per_sample(t.clamp(min=SMALLEST_T))


def _per_sample(t: Tensor) -> Tensor:
    return t.view(-1, 1, 1, 1, 1)
