"""Convolutions that correct the answer of demo models latent by latent; released models have none.

Letters in shapes as in `stdit`.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctflow.models.stdit_config import STDiTConfig


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1, padding: int = 1) -> Tensor:
    """As `F.conv3d`.

    On a CPU that sends a single sample with few channels to a kernel of its own, which takes nine times as long as
    oneDNN's does, to which it sends two samples: a step without guidance would cost as much as one with it.
    """
    if torch.is_grad_enabled() or not _is_for_onednn(x):
        return F.conv3d(x, weight, bias, stride=stride, padding=padding)
    return torch.mkldnn_convolution(x, weight, bias, 3 * [padding], 3 * [stride], 3 * [1], 1)


def _is_for_onednn(x: Tensor) -> bool:
    if x.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    return x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())


class DetailBlock(nn.Module):
    """Two convolutions beside the path. Between them the time and the report shift and scale what the first gives."""

    def __init__(self, config: STDiTConfig, dim: int) -> None:
        super().__init__()
        self.look = nn.Conv3d(dim, dim, 3, padding=1)
        self.answer = nn.Conv3d(dim, dim, 3, padding=1)
        self.time = nn.Linear(config.hidden_size, 2 * dim)
        self.text = nn.Linear(config.text_facts, 2 * dim)

    def time_modulation(self, time: Tensor) -> Tensor:
        """Embedded t (B, D) -> shift and scale, which has 1 added (B, 2, dim)."""
        modulation = self.time(F.silu(time)).unflatten(1, (2, -1))
        modulation[:, 1] += 1
        return modulation

    def text_modulation(self, facts: Tensor) -> Tensor:
        """Facts of the report (B, 1, F) -> what they add to shift and scale (B, 2, dim)."""
        return self.text(facts).view(len(facts), 2, -1)

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """x (B, dim, T, H, W), modulation (B, 2, dim) -> as x."""
        shift, scale = modulation.to(x.dtype)[..., None, None, None].unbind(1)
        normed = F.layer_norm(x.movedim(1, -1), x.shape[1:2], eps=1e-6).movedim(-1, 1)
        looked = F.silu(torch.addcmul(shift, convolve(normed, self.look.weight, self.look.bias), scale))
        return x + convolve(looked, self.answer.weight, self.answer.bias)


class DetailHead(nn.Module):
    """Draws what is smaller than a patch, and joins patches and chunks without a step between them.

    It looks at the features that the tokens give for each latent, at the noisy latents, and, where the chunk begins,
    at the slice before it. Its `blocks`, if there are any, work at half the resolution, the last at the full one.
    """

    blocks: Sequence[DetailBlock]

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        seen, hidden = config.detail + config.in_channels, 2 * config.detail
        self.look = nn.Conv3d(seen, hidden, 3, padding=1)
        self.answer = nn.Conv3d(hidden, config.out_channels, 3, padding=1)
        blocks = nn.ModuleList()
        self.blocks = cast(Sequence[DetailBlock], blocks)
        if config.detail_blocks:
            self.down = nn.Conv3d(hidden, 2 * hidden, 2, stride=2)
            self.up = nn.ConvTranspose3d(2 * hidden, hidden, 2, stride=2)
            blocks.extend(DetailBlock(config, dim) for dim in config.detail_blocks * [2 * hidden] + [hidden])

    def forward(self, features: Tensor, x: Tensor, last_slice: Tensor, modulations: tuple[Tensor, ...]) -> Tensor:
        """features (B, F, T, H, W), x (B, C, T, H, W), last_slice as the method of that name gives it, modulations
        (B, 2, dim) of each block -> what to add to the answer (B, C, T, H, W)."""
        dtype = last_slice.dtype  # that of the convolutions
        seen = torch.cat([features.to(dtype), x.to(dtype)], dim=1).contiguous(memory_format=torch.channels_last_3d)
        fine = F.silu(convolve(seen, self.look.weight[:, : seen.shape[1]], None) + last_slice)
        if self.blocks:
            coarse = convolve(fine, self.down.weight, self.down.bias, stride=2, padding=0)
            for block, modulation in zip(self.blocks[:-1], modulations[:-1], strict=True):
                coarse = block(coarse, modulation)
            fine = self.blocks[-1](fine + self.up(coarse), modulations[-1])
        return convolve(fine, self.answer.weight, self.answer.bias)

    def last_slice(self, previous: Tensor) -> Tensor:
        """The previous chunk's part of the first convolution: its last slice, beside which the new chunk begins.

        previous (B, C, T, H, W) -> (B, hidden, T, H, W), the bias included.
        """
        slices = previous.shape[2]
        beside = F.pad(previous[:, :, -1:], (0, 0, 0, 0, 0, slices - 1)).to(self.look.weight.dtype)
        beside = beside.contiguous(memory_format=torch.channels_last_3d)
        return convolve(beside, self.look.weight[:, -previous.shape[1] :], self.look.bias)
