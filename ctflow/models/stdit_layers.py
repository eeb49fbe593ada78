"""The layers of an STDiT. Letters in shapes are explained in `stdit`."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ctflow.models.stdit_config import STDiTConfig

T_FREQUENCIES = 128


class Attention(nn.Module):
    """Self-attention.

    The released code flattens (heads, tokens, dim) without moving the heads back, so the result of one token's query
    ends up at another token. Its weights were trained that way. The "usual" merge gives each token its own result.
    """

    def __init__(self, dim: int, heads: int, head_merge: Literal["released", "usual"]) -> None:
        super().__init__()
        self.heads, self.head_merge = heads, head_merge
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = rearrange(self.qkv(x), "b n (three h d) -> three b h n d", three=3, h=self.heads)
        out = F.scaled_dot_product_attention(q, k, v)
        if self.head_merge == "usual":
            out = out.transpose(1, 2)
        return self.proj(out.reshape(x.shape))


class TextAttention(nn.Module):
    """Cross-attention to a single text token.

    A softmax over one key is 1, so the result is the projected value, whatever the query. `q_linear` and the key half
    of `kv_linear` are in the released checkpoints and have no effect.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.q_linear = nn.Linear(dim, dim)
        self.kv_linear = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, text: Tensor) -> Tensor:
        """(B, 1, D) -> (B, 1, D), to be added to every token."""
        dim = text.shape[-1]
        value = F.linear(text, self.kv_linear.weight[dim:], self.kv_linear.bias[dim:])
        return self.proj(value)


class Mlp(nn.Module):
    """Two layers with the tanh form of GELU between them."""

    def __init__(self, dim_in: int, dim_hidden: int, dim_out: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim_in, dim_hidden)
        self.fc2 = nn.Linear(dim_hidden, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer norm without weights of its own, then shift and scale, which has 1 added."""
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=1e-6), scale)


class PatchEmbed(nn.Module):
    """Latents (B, C, T, H, W) -> tokens (B, n·s, D), ordered slices, rows, columns."""

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        self.proj = nn.Conv3d(config.in_channels, config.hidden_size, config.patch_size, stride=config.patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """The noisy chunk's half of the channels. The convolution is linear, so the two halves can be added later."""
        return self._half(x, self.proj.weight[:, : x.shape[1]], None)

    def previous(self, x: Tensor) -> Tensor:
        """The previous chunk's half, and the bias."""
        return self._half(x, self.proj.weight[:, -x.shape[1] :], self.proj.bias)

    def _half(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        tokens = F.conv3d(x.to(weight.dtype), weight, bias, stride=self.proj.stride)
        # Contiguous: a sum takes the layout of its first term, so every block would pass on this one, channels first.
        return rearrange(tokens, "b d n h w -> b (n h w) d").contiguous()


class TimeEmbed(nn.Module):
    """Sinusoids of the raw t in [0, 1], cosines first, then an MLP."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2 * T_FREQUENCIES, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t: Tensor) -> Tensor:
        exponents = torch.arange(T_FREQUENCIES, dtype=torch.float32, device=t.device) / T_FREQUENCIES
        angles = t[:, None].float() * torch.exp(-math.log(10_000) * exponents)
        return self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1).to(next(self.mlp.parameters()).dtype))


class TextEmbed(nn.Module):
    """The text token (B, 1, caption channels) -> (B, 1, D)."""

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        self.y_proj = Mlp(config.caption_channels, config.hidden_size, config.hidden_size)
        # Stored in every released checkpoint, but never trained and never used: it does not mean "no text".
        self.register_buffer("y_embedding", torch.zeros(1, config.caption_channels))

    def forward(self, text: Tensor) -> Tensor:
        return self.y_proj(text.to(self.y_proj.fc1.weight.dtype))


class FinalLayer(nn.Module):
    """Tokens (B, n·s, D) -> patches (B, n·s, patch · channels): the answer's, and features for `DetailHead`."""

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        dim = config.hidden_size
        self.linear = nn.Linear(dim, math.prod(config.patch_size) * (config.out_channels + config.detail))
        self.scale_shift_table = nn.Parameter(torch.randn(2, dim) / dim**0.5)

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """modulation: (B or 1, 2, D), as in `Modulation`."""
        shift, scale = modulation.chunk(2, dim=1)
        return self.linear(modulate(x, shift, scale))


def sincos(dim: int, position: Tensor) -> Tensor:
    """float64 positions (m,) -> (m, dim): sines, then cosines."""
    frequencies = 10_000 ** -(torch.arange(dim // 2, dtype=torch.float64) / (dim // 2))
    angles = position[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def plane_positions(dim: int, rows: int, columns: int) -> Tensor:
    """(rows · columns, dim): the column's embedding first, then the row's, as in the released buffers."""
    row, column = torch.meshgrid(
        torch.arange(rows, dtype=torch.float64), torch.arange(columns, dtype=torch.float64), indexing="ij"
    )
    return torch.cat([sincos(dim // 2, column.flatten()), sincos(dim // 2, row.flatten())], dim=1).float()
