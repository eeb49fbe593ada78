"""Averaged weights, which generate better than those of the last step."""

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)


class Average(nn.Module, Generic[N]):
    """An exponential moving average of a network's weights, which forgets its first steps faster.

    `network`: a copy with the averaged weights. `of`: the network, which stays on its device. Updating never waits for
    a GPU.
    """

    def __init__(self, of: N, decay: float) -> None:
        super().__init__()
        self.network: N = copy.deepcopy(of)
        self.decay = decay
        self._averaged: list[Tensor] = list(self.network.parameters())
        self._trained: list[Tensor] = list(of.parameters())
        self._own_buffers, self._their_buffers = list(self.network.buffers()), list(of.buffers())

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes in the weights after a step. `step`: how many steps there were before it."""
        kept = min(self.decay, (1 + step) / (10 + step)) if step else 0.0
        torch._foreach_lerp_(self._averaged, self._trained, 1 - kept)
        if self._own_buffers:
            torch._foreach_copy_(self._own_buffers, self._their_buffers)
