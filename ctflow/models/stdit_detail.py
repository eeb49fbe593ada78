"""What corrects the demo model's answer latent by latent; released models have none of it. Letters as in `stdit`."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ctflow.models.stdit_config import STDiTConfig


class DetailBlock(nn.Module):
    """Two convolutions beside the path; between them time and report shift and scale what the first one saw."""

    def __init__(self, config: STDiTConfig, dim: int) -> None:
        super().__init__()
        self.look = nn.Conv3d(dim, dim, 3, padding=1)
        self.answer = nn.Conv3d(dim, dim, 3, padding=1)
        self.time = nn.Linear(config.hidden_size, 2 * dim)
        self.text = nn.Linear(config.text_facts, 2 * dim)

    def at(self, time: Tensor) -> Tensor:
        """Embedded t (B, D) -> shift and scale (1 added) (B, 2, dim)."""
        told = self.time(F.silu(time)).unflatten(1, (2, -1))
        told[:, 1] += 1
        return told

    def told(self, facts: Tensor) -> Tensor:
        """Facts of the report (B, 1, F) -> what is added to shift and scale (B, 2, dim)."""
        return rearrange(self.text(facts), "b 1 (two d) -> b two d", two=2)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """x (B, dim, T, H, W), told (B, 2, dim)."""
        shift, scale = told[..., None, None, None].unbind(1)
        seen = F.layer_norm(x.movedim(1, -1), x.shape[1:2], eps=1e-6).movedim(-1, 1)
        return x + self.answer(F.silu(torch.addcmul(shift, self.look(seen), scale)))


class Detail(nn.Module):
    """Convolutions over features that the tokens give for each latent, the noisy latents, and, at the chunk's
    beginning, the last slice before it. So patches and chunks join without a step, and what is smaller than a patch
    can be drawn. `blocks`, if there are any, work at half the resolution, and the last one at the full one.
    """

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        seen, hidden = config.detail + config.in_channels, 2 * config.detail
        self.look = nn.Conv3d(seen, hidden, 3, padding=1)
        self.answer = nn.Conv3d(hidden, config.out_channels, 3, padding=1)
        self.blocks = nn.ModuleList()
        if config.detail_blocks:
            self.down = nn.Conv3d(hidden, 2 * hidden, 2, stride=2)
            self.up = nn.ConvTranspose3d(2 * hidden, hidden, 2, stride=2)
            self.blocks.extend(DetailBlock(config, dim) for dim in config.detail_blocks * [2 * hidden] + [hidden])

    def forward(self, features: Tensor, x: Tensor, edge: Tensor, told: list[Tensor]) -> Tensor:
        """features (B, F, T, H, W), x (B, C, T, H, W), edge as `edge` gives it, told (B, 2, dim) of each block
        -> (B, C, T, H, W)."""
        seen = torch.cat([features, x.to(features.dtype)], dim=1).contiguous(memory_format=torch.channels_last_3d)
        fine = F.silu(F.conv3d(seen, self.look.weight[:, : seen.shape[1]], padding=1) + edge)
        if self.blocks:
            coarse = self.down(fine)
            for block, modulation in zip(self.blocks[:-1], told[:-1], strict=True):
                coarse = block(coarse, modulation)
            fine = self.blocks[-1](fine + self.up(coarse), told[-1])
        return self.answer(fine)

    def edge(self, previous: Tensor) -> Tensor:
        """The part of the previous chunk (B, C, T, H, W): its last slice, where it touches the first one of this."""
        slices = previous.shape[2]
        touching = F.pad(previous[:, :, -1:], (0, 0, 0, 0, 0, slices - 1)).to(self.look.weight.dtype)
        touching = touching.contiguous(memory_format=torch.channels_last_3d)
        return F.conv3d(touching, self.look.weight[:, -previous.shape[1] :], self.look.bias, padding=1)
