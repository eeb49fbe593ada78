"""The network of FLUX's slice autoencoder, with the names that its published weights have.

It is what diffusers calls AutoencoderKL, without what no A-VAE here has: 1 × 1 convolutions around the latents, other
kinds of blocks. diffusers itself takes longer to import than a demo model takes to load.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-6  # of the group norms
LOG_VARIANCE = (-30.0, 20.0)  # the range in which an encoder's answer is taken as it is


@dataclass(frozen=True)
class AutoencoderKLConfig:
    """`block_out_channels`: channels of each level, the finest first. Each level but the last halves the plane."""

    in_channels: int
    out_channels: int
    latent_channels: int
    block_out_channels: tuple[int, ...]
    layers_per_block: int
    norm_num_groups: int
    mid_block_add_attention: bool


# What else a config of diffusers says, and must say here.
FIXED_CONFIG = {
    "_class_name": "AutoencoderKL",
    "act_fn": "silu",
    "latents_mean": None,
    "latents_std": None,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}
DOWN_BLOCK, UP_BLOCK = "DownEncoderBlock2D", "UpDecoderBlock2D"


@dataclass(frozen=True, eq=False)
class Posterior:
    """The Gaussian that an image is encoded to, of independent elements: `mean` and `log_variance` (N, C, h, w)."""

    mean: Tensor
    log_variance: Tensor

    @property
    def std(self) -> Tensor:
        """(N, C, h, w)."""
        return (self.log_variance / 2).exp()

    def float(self) -> "Posterior":
        """The same in float32, in which sums are exact enough."""
        return Posterior(self.mean.float(), self.log_variance.float())

    def kl(self) -> Tensor:
        """The divergence from the unit Gaussian, summed over the elements of each image: (N,)."""
        divergence = self.mean.square() + self.log_variance.exp() - 1 - self.log_variance
        return divergence.sum(dim=(1, 2, 3)) / 2


class AutoencoderKL(nn.Module):
    """Images (N, in_channels, rows, columns) <-> latents (N, latent_channels, h, w), unscaled."""

    def __init__(self, config: AutoencoderKLConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.decoder = Encoder(config), Decoder(config)

    @property
    def dtype(self) -> torch.dtype:
        """That of the weights."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def encode(self, images: Tensor) -> Posterior:
        """(N, in_channels, rows, columns) -> their posterior."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return Posterior(mean, log_variance.clamp(*LOG_VARIANCE))

    def decode(self, latents: Tensor) -> Tensor:
        """(N, latent_channels, h, w) -> (N, out_channels, rows, columns)."""
        return self.decoder(latents)


class Encoder(nn.Module):
    """Halves the plane level by level. Answers with the posterior's means and log-variances, one after the other."""

    def __init__(self, config: AutoencoderKLConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels, config.norm_num_groups
        self.conv_in = _convolution(config.in_channels, widths[0])
        self.down_blocks = nn.ModuleList(
            DownBlock(config.layers_per_block, before, width, groups, halves=level < len(widths))
            for level, (before, width) in enumerate(pairwise((widths[0], *widths)), start=1)
        )
        self.mid_block = MidBlock(widths[-1], groups, config.mid_block_add_attention)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], EPSILON)
        self.conv_out = _convolution(widths[-1], 2 * config.latent_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    """Doubles the plane level by level, with one residual block more than the encoder has in each."""

    def __init__(self, config: AutoencoderKLConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels[::-1], config.norm_num_groups
        self.conv_in = _convolution(config.latent_channels, widths[0])
        self.up_blocks = nn.ModuleList(
            UpBlock(config.layers_per_block + 1, before, width, groups, doubles=level < len(widths))
            for level, (before, width) in enumerate(pairwise((widths[0], *widths)), start=1)
        )
        self.mid_block = MidBlock(widths[0], groups, config.mid_block_add_attention)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], EPSILON)
        self.conv_out = _convolution(widths[-1], config.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(x))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class DownBlock(nn.Module):
    """Residual blocks, then half the plane unless it is the last level."""

    def __init__(self, layers: int, before: int, width: int, groups: int, halves: bool) -> None:
        super().__init__()
        self.resnets = _residual_blocks(layers, before, width, groups)
        self.downsamplers = nn.ModuleList([Downsampler(width)] if halves else [])

    def forward(self, x: Tensor) -> Tensor:
        return _through([*self.resnets, *self.downsamplers], x)


class UpBlock(nn.Module):
    """Residual blocks, then the plane doubled unless it is the last level."""

    def __init__(self, layers: int, before: int, width: int, groups: int, doubles: bool) -> None:
        super().__init__()
        self.resnets = _residual_blocks(layers, before, width, groups)
        self.upsamplers = nn.ModuleList([Upsampler(width)] if doubles else [])

    def forward(self, x: Tensor) -> Tensor:
        return _through([*self.resnets, *self.upsamplers], x)


class MidBlock(nn.Module):
    """Two residual blocks, with attention over the plane between them where the model has it."""

    def __init__(self, width: int, groups: int, attends: bool) -> None:
        super().__init__()
        self.resnets = _residual_blocks(2, width, width, groups)
        self.attentions = nn.ModuleList([PlaneAttention(width, groups)] if attends else [])

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.resnets
        return _through([first, *self.attentions, second], x)


class ResidualBlock(nn.Module):
    """Norm, SiLU and convolution, twice, beside what comes in."""

    def __init__(self, before: int, width: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, before, EPSILON)
        self.conv1 = _convolution(before, width)
        self.norm2 = nn.GroupNorm(groups, width, EPSILON)
        self.conv2 = _convolution(width, width)
        self.conv_shortcut = nn.Conv2d(before, width, kernel_size=1) if before != width else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x)))
        y = self.conv2(F.silu(self.norm2(y)))
        return (x if self.conv_shortcut is None else self.conv_shortcut(x)) + y


class PlaneAttention(nn.Module):
    """Every pixel attends to every other, with one head."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, width, EPSILON)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor) -> Tensor:
        pixels = self.group_norm(x.flatten(2)).transpose(1, 2)
        q, k, v = (layer(pixels)[:, None] for layer in (self.to_q, self.to_k, self.to_v))
        attended = self.to_out[0](F.scaled_dot_product_attention(q, k, v)[:, 0])
        return x + attended.transpose(1, 2).reshape(x.shape)


class Downsampler(nn.Module):
    """A convolution with stride 2. The plane is padded below and on the right alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsampler(nn.Module):
    """Every pixel twice in rows and columns, then a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = _convolution(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def _residual_blocks(count: int, before: int, width: int, groups: int) -> nn.ModuleList:
    return nn.ModuleList(ResidualBlock(width if i else before, width, groups) for i in range(count))


def _convolution(before: int, width: int) -> nn.Conv2d:
    return nn.Conv2d(before, width, kernel_size=3, padding=1)


def _through(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x
