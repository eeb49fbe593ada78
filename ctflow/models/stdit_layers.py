"""The layers of an STDiT. Letters in shapes are explained in `stdit`."""

import math
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctflow.models.stdit_config import STDiTConfig

T_FREQUENCIES = 128
GPU_SEQUENCE = 128  # tokens: attention kernels of GPUs fill shorter sequences up to it


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
        """(N, tokens, D) -> as x."""
        q, k, v = (part.transpose(1, 2) for part in self.projected(x))
        return self.proj(self.merged(F.scaled_dot_product_attention(q, k, v)))

    def projected(self, x: Tensor) -> tuple[Tensor, ...]:
        """(..., D) -> queries, keys and values (..., heads, dim), as views of one product."""
        return self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(-3)

    def merged(self, out: Tensor) -> Tensor:
        """(..., heads, tokens, dim) -> (..., tokens, D)."""
        tokens = out.shape[-2]
        if self.head_merge == "usual":
            out = out.transpose(-3, -2)
        return out.reshape(*out.shape[:-3], tokens, -1)


class LineAttention(Attention):
    """Self-attention along many lines of few tokens each.

    Two tokens have a closed form. A GPU's kernels would fill each line up to 128 tokens, so that there several lines
    are one sequence, in which each token sees its own line alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x (B, n, s, D) holds s lines of n tokens -> as x."""
        if x.shape[1] == 2:
            pairs = attention_of_pairs(*self.projected(x)).permute(0, 2, 3, 1, 4)
            return self.proj(self.merged(pairs).transpose(1, 2))
        # Contiguous: of a view, one large product would become s small ones, which on a CPU cost a third of a step.
        q, k, v = self.projected(x.transpose(1, 2).contiguous())
        together = math.gcd(x.shape[2], GPU_SEQUENCE // x.shape[1]) if x.is_cuda else 1
        out = attention_along_lines(q, k, v, together)
        return self.proj(self.merged(out)).transpose(1, 2)


def attention_of_pairs(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention between two tokens, where the softmax is a sigmoid of the difference: all (B, 2, s, heads, dim)."""
    (first_k, second_k), (first, second) = k.split(1, dim=1), v.split(1, dim=1)
    towards_second = torch.linalg.vecdot(q, (second_k - first_k) * q.shape[-1] ** -0.5)
    return torch.lerp(first, second, towards_second.sigmoid()[..., None])


def attention_along_lines(q: Tensor, k: Tensor, v: Tensor, together: int) -> Tensor:
    """Attention within each of s lines: (B, s, n, heads, dim) each -> (B, s, heads, n, dim).

    `together`: how many lines are given to the kernel as one sequence; divides s.
    """
    batch, tokens = q.shape[0], q.shape[2]
    q, k, v = (part.reshape(-1, together * tokens, *part.shape[3:]).transpose(1, 2) for part in (q, k, v))
    mask = own_line_only(together, tokens, q.dtype, q.device) if together > 1 else None
    out = F.scaled_dot_product_attention(q, k, v, mask)
    return out.unflatten(2, (together, tokens)).transpose(1, 2).unflatten(0, (batch, -1)).flatten(1, 2)


@cache
@torch.inference_mode(False)  # training uses it too
def own_line_only(lines: int, tokens: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What attention adds to its scores (lines · tokens, lines · tokens): 0 within a line, else -inf."""
    line = torch.arange(lines * tokens, device=device) // tokens
    return torch.zeros(len(line), len(line), dtype=dtype, device=device).masked_fill(line[:, None] != line, -math.inf)


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


class GeluLinear(nn.Linear):
    """A linear layer, then the tanh form of GELU."""

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cuda"):
            # GELU as the end of the product's kernel, which has no gradient and which autocast does not know.
            out = torch._addmm_activation(self.bias, x.flatten(0, -2), self.weight.t(), use_gelu=True)
            return out.unflatten(0, x.shape[:-1])
        return F.gelu(super().forward(x), approximate="tanh")


class Mlp(nn.Module):
    """Two layers with the tanh form of GELU between them."""

    def __init__(self, dim_in: int, dim_hidden: int, dim_out: int) -> None:
        super().__init__()
        self.fc1 = GeluLinear(dim_in, dim_hidden)
        self.fc2 = nn.Linear(dim_hidden, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.fc1(x))


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer norm without weights of its own, then shift and scale, which has 1 added."""
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=1e-6), scale)


class PatchEmbed(nn.Module):
    """Latents (B, C, T, H, W) -> tokens (B, n·s, D), ordered slices, rows, columns.

    A convolution whose steps are as long as its kernel is a product, and much faster as one on some devices.
    """

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        self.patch_size, self.tokens = config.patch_size, config.tokens
        self.proj = nn.Conv3d(config.in_channels, config.hidden_size, config.patch_size, stride=config.patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """The noisy chunk's half of the channels. The product is linear, so the two halves can be added later."""
        return self._half(x, self.proj.weight[:, : x.shape[1]], None)

    def previous(self, x: Tensor) -> Tensor:
        """The previous chunk's half, and the bias."""
        return self._half(x, self.proj.weight[:, -x.shape[1] :], self.proj.bias)

    def _half(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        (n, h, w), (pt, ph, pw) = self.tokens, self.patch_size
        # B C n pt h ph w pw -> B n h w C pt ph pw
        patches = x.reshape(*x.shape[:2], n, pt, h, ph, w, pw).permute(0, 2, 4, 6, 1, 3, 5, 7)
        return F.linear(patches.reshape(len(x), n * h * w, -1).to(weight.dtype), weight.flatten(1), bias)


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
