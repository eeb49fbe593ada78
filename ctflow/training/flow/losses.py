"""What the flow's transformer learns from: the error of its answer to a sample."""

import torch
from torch import Tensor

from ctflow.models.stdit import STDiT
from ctflow.training.flow.config import FlowConfig
from ctflow.training.flow.objective import noised, velocity_error
from ctflow.training.flow.samples import Sample
from ctflow.training.loop import Losses


def flow_losses(config: FlowConfig) -> Losses[STDiT]:
    """The mean square of the velocity's error, over a batch of samples."""

    def losses(model: STDiT, device: torch.device, batch: Sample) -> dict[str, Tensor]:
        return {"loss": squared_errors(model, device, batch, config).mean()}

    return losses


def squared_errors(model: STDiT, device: torch.device, batch: Sample, config: FlowConfig) -> Tensor:
    """The mean square of the velocity's error, of each sample (N,)."""
    chunk, previous, noise, text, t = (
        tensor.to(device, non_blocking=True)
        for tensor in (batch.chunk, batch.previous, batch.noise, batch.text, batch.t)
    )
    answer = model(noised(chunk, noise, t), previous, text, t)
    return velocity_error(answer, chunk, noise, t, config.objective.prediction).square().flatten(1).mean(1)
