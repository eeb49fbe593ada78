"""Muon (Keller Jordan, 2024): its products in float32 where need be, and the costly part of them only every few steps.

`torch.optim.Muon` computes the same in bfloat16 at every step, which takes most CPUs longer than the rest of the step,
and matrix after matrix, which leaves a GPU idle. Here matrices of one shape go through each product together.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.775, 2.0315)
ITERATIONS = 5
ADAMW_SIZE = 0.2  # the root mean square of AdamW's updates: with it, both take similar learning rates
SMALLEST_NORM = 1e-7


def inverse_root(wide: Tensor) -> Tensor:
    """(…, m, n) with m <= n -> (…, m, m); multiplied by it, a matrix has nearly orthogonal rows (Newton-Schulz
    iteration).

    The iterates are polynomials of the Gram matrix times the matrix, so only the small square is iterated.
    """
    a, b, c = COEFFICIENTS
    size = _norms(wide).clamp(min=SMALLEST_NORM)
    gram = wide @ wide.mT / size**2
    one = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    product = one
    for iteration in range(ITERATIONS):
        factor = a * one + b * gram + c * (gram @ gram)
        product = factor @ product if iteration else factor
        if iteration < ITERATIONS - 1:
            gram = factor @ gram @ factor
    return product / size


class _Matrix(NamedTuple):
    """A parameter with its gradient (m, n), what is remembered of it, and whether its root is worked out now."""

    parameter: nn.Parameter
    gradient: Tensor
    state: dict[str, Any]
    is_due: bool


class Muon(torch.optim.Optimizer):
    """For matrices: each step goes along the orthogonalised momentum (Nesterov). A convolution is a matrix (out, rest).

    `dtype`: of the large products. `every`: a matrix's `inverse_root` is worked out once in so many steps; between, the
    last one serves, and the step is as long as it was then. `stacks`: whether matrices of one shape go through each
    product together; None: on a GPU, since a CPU only loses time by copying them.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
        every: int = 1,
        dtype: torch.dtype = torch.float32,
        stacks: bool | None = None,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self.every, self.dtype, self.stacks = every, dtype, stacks

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # returns no loss
        """One update. `closure` is there for torch's signature, and is not called."""
        for group in self.param_groups:
            for stack in self._stacks(group["params"]):
                parameters: list[Tensor] = [one.parameter for one in stack]
                directions = self._directions(stack, group["momentum"])
                size = ADAMW_SIZE * max(directions.shape[1:]) ** 0.5
                steps = [way.view(one.shape) for one, way in zip(parameters, directions, strict=True)]
                torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(parameters, steps, alpha=-group["lr"] * size)

    def _stacks(self, parameters: list[nn.Parameter]) -> Iterable[list[_Matrix]]:
        """Those that have a gradient, by their shape if they are to be stacked, and else each by itself."""
        stacks: dict[object, list[_Matrix]] = {}
        for index, one in enumerate(parameters):
            if one.grad is None:
                continue
            gradient, state = one.grad.flatten(1), self.state[one]
            if not state:
                state |= {"count": -1, "mean": torch.zeros_like(gradient)}
            state["count"] += 1
            is_due = "root" not in state or (state["count"] + index) % self.every == 0  # the matrices take turns
            together = one.is_cuda if self.stacks is None else self.stacks
            key = gradient.shape if together else index
            stacks.setdefault(key, []).append(_Matrix(one, gradient, state, is_due))
        return stacks.values()

    def _directions(self, stack: list[_Matrix], momentum: float) -> Tensor:
        """The directions of the updates of a stack of matrices (count, m, n)."""
        gradients, means = [one.gradient for one in stack], [one.state["mean"] for one in stack]
        torch._foreach_lerp_(means, gradients, 1 - momentum)
        ahead = _stacked(torch._foreach_lerp(gradients, means, momentum))
        tall = ahead.shape[1] > ahead.shape[2]
        wide = ahead.mT if tall else ahead
        due = [place for place, one in enumerate(stack) if one.is_due]
        if due:
            # In float32: in bf16 it goes astray. By whole numbers, since a list as an index would wait for the GPU.
            for place, root in zip(due, inverse_root(_stacked([wide[place] for place in due])), strict=True):
                stack[place].state["root"] = root
        roots = _stacked([one.state["root"] for one in stack])
        directions = (roots.to(self.dtype) @ wide.to(self.dtype)).to(ahead.dtype)
        lengths = _norms(directions).flatten()
        for place in due:
            stack[place].state["size"] = lengths[place]
        sizes = _stacked([one.state["size"] for one in stack])
        directions *= (sizes / lengths.clamp(min=SMALLEST_NORM))[:, None, None]
        return (directions.mT if tall else directions).contiguous()


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    """With a new first dimension. One tensor alone is not copied."""
    return torch.stack(list(tensors)) if len(tensors) > 1 else tensors[0][None]


def _norms(matrices: Tensor) -> Tensor:
    """(…, m, n) -> (…, 1, 1), on the device: nothing waits for it."""
    return torch.linalg.vector_norm(matrices, dim=(-2, -1), keepdim=True)
