"""How a network's parameters are updated: AdamW, and Muon for the matrices that the caller names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import nn
from torch.optim import Optimizer

from ctflow.training.optimizers.muon import Muon

WEIGHT_DECAY, BETAS = 0.01, (0.9, 0.95)
MUON_EVERY = 4  # 1.4 times as many steps an hour on two cores, and about as good ones
OWN_FIELDS = ("full_rate", "weight_decay")  # of a parameter group: they come from the config, not from a saved state


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """How a network is trained.

    `muon_rate`: Muon's learning rate for the weights of two or more dimensions whose names begin with one of
    `muon_prefixes`; None trains all parameters with AdamW at `learning_rate`. `ema_decay`: of the averaged weights.
    `betas`: AdamW's.
    """

    learning_rate: float
    muon_rate: float | None
    muon_prefixes: tuple[str, ...]
    ema_decay: float
    max_gradient_norm: float
    weight_decay: float = WEIGHT_DECAY
    betas: tuple[float, float] = BETAS

    def scaled(self, factor: float) -> Self:
        """With both learning rates multiplied by `factor`."""
        muon_rate = None if self.muon_rate is None else self.muon_rate * factor
        return replace(self, learning_rate=self.learning_rate * factor, muon_rate=muon_rate)


def make_optimizers(config: OptimizerConfig, network: nn.Module, muon_dtype: torch.dtype) -> list[Optimizer]:
    """AdamW, and Muon if the config has a rate for it. `muon_dtype`: of Muon's large products.

    Each parameter group has its learning rate without warm-up and decay as "full_rate", see `set_rates`. Raises
    ValueError where Muon would have nothing to train.
    """
    # In the model's own order, on which a saved state relies.
    for_muon: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        is_matrix = name.startswith(config.muon_prefixes) and name.endswith(".weight") and parameter.ndim >= 2
        (for_muon if config.muon_rate is not None and is_matrix else others).append(parameter)
    adamw = [{"params": others, "full_rate": config.learning_rate}]
    optimizers: list[Optimizer] = [
        torch.optim.AdamW(adamw, weight_decay=config.weight_decay, betas=config.betas, fused=True)
    ]
    if config.muon_rate is not None:
        if not for_muon:
            raise ValueError(f"no matrix of {type(network).__name__} begins with {', '.join(config.muon_prefixes)}")
        muon = [{"params": for_muon, "full_rate": config.muon_rate}]
        optimizers.append(Muon(muon, weight_decay=config.weight_decay, every=MUON_EVERY, dtype=muon_dtype))
    return optimizers


def set_rates(optimizers: Sequence[Optimizer], factor: float) -> None:
    """Sets every learning rate to its full rate times `factor`."""
    for group in _groups(optimizers):
        group["lr"] = group["full_rate"] * factor


def load_optimizers(optimizers: Sequence[Optimizer], states: Sequence[dict[str, Any]]) -> None:
    """Loads what the optimizers remember; rates and weight decay stay those of this call's config."""
    configured = [{name: group[name] for name in OWN_FIELDS} for group in _groups(optimizers)]
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict(state)
    for group, own in zip(_groups(optimizers), configured, strict=True):
        group.update(own)


def _groups(optimizers: Sequence[Optimizer]) -> Iterator[dict[str, Any]]:
    for optimizer in optimizers:
        yield from optimizer.param_groups
