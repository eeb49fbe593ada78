"""Muon (Keller Jordan, 2024) in the precision of its parameters.

`torch.optim.Muon` is the same in bfloat16, which costs a CPU without it more than the training step itself.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.775, 2.0315)
STEPS = 5
ADAMW_SIZE = 0.2  # the root mean square of an update of AdamW, so that both take like learning rates


def orthogonal(matrix: Tensor) -> Tensor:
    """(m, n) -> about the nearest matrix of orthogonal rows or columns, by Newton-Schulz iteration.

    The iterates are polynomials of the Gram matrix times the matrix: only the small square is iterated.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-7)
    gram = x @ x.T
    one = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    product = one
    for step in range(STEPS):
        factor = torch.addmm(a * one + b * gram, gram, gram, alpha=c)
        product = factor @ product if step else factor
        if step < STEPS - 1:
            gram = factor @ gram @ factor
    x = product @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """For matrices: a step along the orthogonalised momentum (Nesterov)."""

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, weight_decay: float = 0.01, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        for group in self.param_groups:
            momentum, rate = group["momentum"], group["lr"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                mean = self.state[parameter].setdefault("mean", torch.zeros_like(parameter))
                mean.lerp_(parameter.grad, 1 - momentum)
                direction = orthogonal(parameter.grad.lerp(mean, momentum))
                parameter.mul_(1 - rate * group["weight_decay"])
                parameter.add_(direction, alpha=-rate * ADAMW_SIZE * max(parameter.shape) ** 0.5)
