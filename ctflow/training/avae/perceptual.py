"""LPIPS: how differently two pictures look, by the features of a network that learnt to see (arXiv 1801.03924)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ctflow.checkpoint.unpickle import read_state_dict
from ctflow.checkpoint.weights import fill
from ctflow.models.squeezenet import SqueezeNet
from ctflow.models.vgg16 import VGG16

# Of the colours that the networks were trained on, for pictures from -1 to 1.
MEAN, SPREAD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
EPSILON = 1e-10


@dataclass(frozen=True)
class Taps:
    """Where features are taken: after how many of the network's layers, and how many channels they have there."""

    layers: tuple[int, ...]
    channels: tuple[int, ...]


TAPS = {
    "vgg16": Taps((4, 9, 16, 23, 30), (64, 128, 256, 512, 512)),
    "squeezenet1_1": Taps((2, 5, 8, 10, 11, 12, 13), (64, 128, 256, 384, 384, 512, 512)),
}


class Perceptual(nn.Module):
    """Pictures (N, rows, columns) from 0 to 1, twice -> their distances (N,).

    `stages`: parts of a network, whose features are compared after each of them. `weights`: of each channel there.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, stages: Sequence[nn.Module], weights: Sequence[Tensor]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.weights = nn.ParameterList([weight.reshape(1, -1, 1, 1) for weight in weights])
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("spread", torch.tensor(SPREAD).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        total = one.new_zeros(len(one))
        x, y = self._prepared(one), self._prepared(other)
        for stage, weight in zip(self.stages, self.weights, strict=True):
            x, y = stage(x), stage(y)
            total = total + ((_of_unit_length(x) - _of_unit_length(y)).square() * weight).sum(1).mean((1, 2))
        return total

    def _prepared(self, pictures: Tensor) -> Tensor:
        return (2 * pictures[:, None] - 1 - self.mean) / self.spread


def _of_unit_length(features: Tensor) -> Tensor:
    features = features.float()
    return features / (features.square().sum(1, keepdim=True) + EPSILON).sqrt()


def load_perceptual(name: str, network_weights: Path, lpips_weights: Path) -> Perceptual:
    """The published LPIPS of a network of TAPS, from torchvision's file of its weights and the file of LPIPS's own.

    Raises CheckpointError for weights that cannot be read or do not fit.
    """
    taps = TAPS[name]
    features = (VGG16() if name == "vgg16" else SqueezeNet()).features
    found = {key: tensor for key, tensor in read_state_dict(network_weights).items() if key.startswith("features.")}
    fill(_Named(features), found, network_weights)
    published = _Linear(taps.channels)
    fill(published, read_state_dict(lpips_weights), lpips_weights)
    bounds = (0, *taps.layers)
    stages = [features[first:end] for first, end in zip(bounds, taps.layers, strict=False)]
    return Perceptual(stages, list(published.state_dict().values())).eval()


class _Named(nn.Module):
    """The layers under the name that they have in torchvision's files, without the classifier."""

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features


class _Linear(nn.Module):
    """The weights of LPIPS under the names of its files: lin0.model.1.weight and so on, (1, channels, 1, 1)."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        for number, count in enumerate(channels):
            layer = nn.Module()
            layer.model = nn.Sequential(nn.Identity(), nn.Conv2d(count, 1, 1, bias=False))
            self.add_module(f"lin{number}", layer)
