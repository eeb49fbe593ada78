"""An A-VAE's upsampling with less work: exact up to rounding."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctflow.models.autoencoder_kl import Upsampler


class PhaseUpsample(nn.Module):
    """Doubles rows and columns and convolves, in place of an `Upsampler`, with four ninths of its products.

    A 3 × 3 kernel over doubled pixels sees only 2 × 2 different ones: which, and with what weights, depends on whether
    a row and a column are even or odd. So for each of these four phases there is a 2 × 2 kernel for the small picture.
    """

    def __init__(self, upsampler: Upsampler) -> None:
        super().__init__()
        weight, bias = upsampler.conv.weight.detach(), upsampler.conv.bias
        assert bias is not None
        weight = torch.stack([_pairs(columns, dim=3) for columns in _pairs(weight, dim=2)])
        # even and odd rows, even and odd columns, channels out and in, 2, 2
        self.weight = nn.Parameter(weight.flatten(0, 2).contiguous(memory_format=torch.channels_last))
        self.bias = nn.Parameter(bias.detach().repeat(4))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, channels out, 2h, 2w), channels last."""
        count, _, h, w = x.shape
        phases = F.conv2d(F.pad(x, (1, 1, 1, 1)), self.weight, self.bias).unflatten(1, (2, 2, -1))
        doubled = x.new_empty(count, h, 2, w, 2, phases.shape[3])
        for row in (0, 1):
            for column in (0, 1):
                phase = phases[:, row, column, :, row : row + h, column : column + w]
                doubled[:, :, row, :, column] = phase.movedim(1, -1)
        return doubled.view(count, 2 * h, 2 * w, -1).movedim(-1, 1)


def _pairs(weight: Tensor, dim: int) -> Tensor:
    """Three weights along `dim` -> the two that an even place has, and the two that an odd one has (2, ...).

    An even one sees the pixel before it, and then its own twice; an odd one its own twice, and then the next.
    """
    before, middle, after = weight.unbind(dim)
    even = torch.stack([before, middle + after], dim)
    odd = torch.stack([before + middle, after], dim)
    return torch.stack([even, odd])


def upsample_by_phases(network: nn.Module) -> None:
    """Replaces every `Upsampler` of `network`, of which TAEF1 has none."""
    for name, part in network.named_children():
        if isinstance(part, Upsampler):
            setattr(network, name, PhaseUpsample(part))
        else:
            upsample_by_phases(part)
