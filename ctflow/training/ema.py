"""Averaged weights, which generate better than those of the last step."""

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

N = TypeVar("N", bound=nn.Module)


class Average(nn.Module, Generic[N]):
    """An exponential moving average of a network's weights, which forgets its first steps faster.

    `network`: a copy with the averaged weights. Updating it never waits for a GPU.
    """

    def __init__(self, network: N, decay: float) -> None:
        super().__init__()
        self.network: N = copy.deepcopy(network)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: N, step: int) -> None:
        """Takes in the weights after a step. `step`: how many steps there were before it."""
        kept = min(self.decay, (1 + step) / (10 + step)) if step else 0.0
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - kept)
        for ours, theirs in zip(self.network.buffers(), network.buffers(), strict=True):
            ours.copy_(theirs)
