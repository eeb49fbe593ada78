"""Muon (Keller Jordan, 2024), in float32 if need be, its costly part worked out every few steps.

`torch.optim.Muon` is the same in bfloat16 at every step, which costs most CPUs more than the training step itself.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.775, 2.0315)
STEPS = 5
ADAMW_SIZE = 0.2  # the root mean square of an update of AdamW, so that both take like learning rates


def inverse_root(wide: Tensor) -> Tensor:
    """(m, n), m at most n -> (m, m): times it, about the nearest matrix of orthogonal rows (Newton-Schulz iteration).

    The iterates are polynomials of the Gram matrix times the matrix: only the small square is iterated.
    """
    a, b, c = COEFFICIENTS
    size = wide.norm().clamp(min=1e-7)
    gram = wide @ wide.T / size**2
    one = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    product = one
    for step in range(STEPS):
        factor = torch.addmm(a * one + b * gram, gram, gram, alpha=c)
        product = factor @ product if step else factor
        if step < STEPS - 1:
            gram = factor @ gram @ factor
    return product / size


class Muon(torch.optim.Optimizer):
    """For matrices: a step along the orthogonalised momentum (Nesterov). Convolutions are matrices of (out, rest).

    `dtype`: of its large products. `every`: a matrix's `inverse_root` is that of one of its last so many steps, and
    the step as long as it was there.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
        every: int = 1,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self.every, self.dtype = every, dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        for group in self.param_groups:
            for index, parameter in enumerate(group["params"]):
                if parameter.grad is None:
                    continue
                direction = self._direction(parameter, index, group["momentum"])
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                size = ADAMW_SIZE * max(direction.shape) ** 0.5
                parameter.add_(direction.view(parameter.shape), alpha=-group["lr"] * size)

    def _direction(self, parameter: Tensor, index: int, momentum: float) -> Tensor:
        state, gradient = self.state[parameter], parameter.grad.flatten(1)
        mean = state.setdefault("mean", torch.zeros_like(gradient))
        mean.lerp_(gradient, 1 - momentum)
        ahead = gradient.lerp(mean, momentum)
        tall = ahead.shape[0] > ahead.shape[1]
        wide = ahead.T if tall else ahead
        count = state["count"] = state.get("count", -1) + 1
        due = "root" not in state or (count + index) % self.every == 0  # not those of all matrices in one step
        if due:
            state["root"] = inverse_root(wide)  # in float32: in bf16 it goes astray
        direction = (state["root"].to(self.dtype) @ wide.to(self.dtype)).to(gradient.dtype)
        if due:
            state["size"] = direction.norm()
        else:
            direction *= state["size"] / direction.norm().clamp(min=1e-7)
        return (direction.T if tall else direction).contiguous()
