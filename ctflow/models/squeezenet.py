"""SqueezeNet 1.1 (Iandola et al., arXiv 1602.07360), with the tensor names of torchvision's `squeezenet1_1`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLASSES = 1000


class Fire(nn.Module):
    """A 1 x 1 convolution to few channels, then 1 x 1 and 3 x 3 convolutions side by side."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1).relu()


class SqueezeNet(nn.Module):
    """Pictures (B, 3, rows, columns) -> class scores (B, CLASSES), before any softmax."""

    def __init__(self) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2),
            nn.ReLU(),
            pool,
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            pool,
            Fire(128, 32, 128),
            Fire(256, 32, 128),
            pool,
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            Fire(512, 64, 256),
        )
        # Dropout, which stands first in the published file's numbers, has no weights and does nothing here.
        self.classifier = nn.Sequential(nn.Identity(), nn.Conv2d(512, CLASSES, 1), nn.ReLU())

    def forward(self, pictures: Tensor) -> Tensor:
        return self.classifier(self.features(pictures)).mean((2, 3))
