"""A network of one weight, whose training takes no time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ctflow.training.optimizers import OptimizerConfig
from ctflow.training.stage import Budget, Stage

ADAMW = OptimizerConfig(learning_rate=1e-3, muon_rate=None, muon_prefixes=(), ema_decay=0.9, max_gradient_norm=1.0)


def line_stage(folder: Path, budget: Budget, **changes: object) -> Stage:
    """A stage in `folder` that trains a line on the CPU."""
    stage = Stage(name="line", optimizer=ADAMW, folder=folder, budget=budget, seed=0, device="cpu")
    return replace(stage, **changes)  # type: ignore[arg-type]


def line() -> nn.Linear:
    """Always the same one."""
    network = nn.Linear(1, 1)
    with torch.no_grad():
        network.weight.fill_(1.0)
        network.bias.fill_(0.5)
    return network


def line_losses(network: nn.Linear, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
    """How far the line is from 0 at a random place."""
    x = torch.tensor([[rng.random()]], dtype=torch.float32, device=device)
    return {"loss": network(x).square().mean()}
