"""Muon (Keller Jordan, 2024): its products in float32 where need be, and the costly part of them only every few steps.

`torch.optim.Muon` computes the same in bfloat16 at every step, which takes most CPUs longer than the rest of the step.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.775, 2.0315)
ITERATIONS = 5
ADAMW_SIZE = 0.2  # the root mean square of AdamW's updates: with it, both take similar learning rates


def inverse_root(wide: Tensor) -> Tensor:
    """(m, n) with m <= n -> (m, m); multiplied by it, the matrix has nearly orthogonal rows (Newton-Schulz iteration).

    The iterates are polynomials of the Gram matrix times the matrix, so only the small square is iterated.
    """
    a, b, c = COEFFICIENTS
    size = wide.norm().clamp(min=1e-7)
    gram = wide @ wide.T / size**2
    one = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    product = one
    for iteration in range(ITERATIONS):
        factor = torch.addmm(a * one + b * gram, gram, gram, alpha=c)
        product = factor @ product if iteration else factor
        if iteration < ITERATIONS - 1:
            gram = factor @ gram @ factor
    return product / size


class Muon(torch.optim.Optimizer):
    """For matrices: each step goes along the orthogonalised momentum (Nesterov). A convolution is a matrix (out, rest).

    `dtype`: of the large products. `every`: a matrix's `inverse_root` is worked out once in so many steps; between, the
    last one serves, and the step is as long as it was then.
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
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # returns no loss
        """One update. `closure` is there for torch's signature, and is not called."""
        for group in self.param_groups:
            for index, parameter in enumerate(group["params"]):
                if parameter.grad is None:
                    continue
                direction = self._direction(parameter, parameter.grad.flatten(1), index, group["momentum"])
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                size = ADAMW_SIZE * max(direction.shape) ** 0.5
                parameter.add_(direction.view(parameter.shape), alpha=-group["lr"] * size)

    def _direction(self, parameter: Tensor, gradient: Tensor, index: int, momentum: float) -> Tensor:
        """`gradient` as a matrix -> the direction of the update, of the same shape."""
        state = self.state[parameter]
        mean = state.setdefault("mean", torch.zeros_like(gradient))
        mean.lerp_(gradient, 1 - momentum)
        ahead = gradient.lerp(mean, momentum)
        tall = ahead.shape[0] > ahead.shape[1]
        wide = ahead.T if tall else ahead
        count = state["count"] = state.get("count", -1) + 1
        due = "root" not in state or (count + index) % self.every == 0  # the matrices take turns
        if due:
            state["root"] = inverse_root(wide)  # in float32: in bf16 it goes astray
        direction = (state["root"].to(self.dtype) @ wide.to(self.dtype)).to(gradient.dtype)
        if due:
            state["size"] = direction.norm()
        else:
            direction *= state["size"] / direction.norm().clamp(min=1e-7)
        return (direction.T if tall else direction).contiguous()
