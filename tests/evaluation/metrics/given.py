"""What lets torchmetrics judge features that are there already: an extractor that hands on what it is given."""

import numpy as np
import torch
from torch import Tensor, nn


class GivenFeatures(nn.Module):
    """An "image" (B, 1, 1, dimensions) is its own features."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.num_features = dimensions

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def as_images(features: np.ndarray) -> Tensor:
    """(samples, dimensions) -> (samples, 1, 1, dimensions)."""
    return torch.from_numpy(features)[:, None, None]
