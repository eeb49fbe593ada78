"""STDiT: the spatio-temporal transformer that gives the velocity of a chunk of latents.

Module names follow the keys of the released checkpoints (`WongJiayi/CTFlow`, arXiv 2508.12900), whose quirks the
weights depend on. Letters in shapes: B batch, C channels, T slices, H rows, W columns of latents;
n tokens along the slices, s tokens in the plane, D hidden size.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

T_FREQUENCIES = 128
# Where a scale stands among shift, scale and gate, twice, and among shift and scale.
BLOCK_SCALES, FINAL_SCALES = slice(1, None, 3), slice(1, None)


_NO_SIZES = ("head_merge", "positions", "mlp_ratio", "text_facts", "detail")


@dataclass(frozen=True)
class STDiTConfig:
    """`input_size`: (slices, rows, columns) of a chunk of latents. `in_channels`: its own and the previous one's.

    `head_merge`: see `Attention`. `positions`: what a token is told of its place before the first block, that in the
    "plane" alone, as released (that along the slices comes in the first block's temporal attention), or in the whole
    "chunk". `text_facts`: how many numbers, read off the report, modulate each block as the time does; as released, 0.
    `detail`: how many features of each latent the tokens give to `Detail`; as released, 0, and there is none.
    Raises ValueError for sizes that do not go together.
    """

    input_size: tuple[int, int, int]
    patch_size: tuple[int, int, int]
    in_channels: int
    out_channels: int
    hidden_size: int
    depth: int
    num_heads: int
    mlp_ratio: float
    caption_channels: int
    head_merge: Literal["released", "usual"] = "released"
    positions: Literal["plane", "chunk"] = "plane"
    text_facts: int = 0
    detail: int = 0

    def __post_init__(self) -> None:
        sizes = {name: value for name, value in vars(self).items() if name not in _NO_SIZES}
        for name, value in sizes.items():
            if min(value if isinstance(value, tuple) else (value,)) < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.hidden_size % self.num_heads:
            raise ValueError(f"hidden_size {self.hidden_size} does not divide into num_heads {self.num_heads}")
        if self.hidden_size % 4:
            raise ValueError(f"hidden_size must be a multiple of 4, for the positions; it is {self.hidden_size}")
        if any(size % patch for size, patch in zip(self.input_size, self.patch_size, strict=True)):
            raise ValueError(f"input_size {self.input_size} does not divide into patch_size {self.patch_size}")
        if not self.hidden_size * self.mlp_ratio >= 1:
            raise ValueError(f"mlp_ratio must be positive, not {self.mlp_ratio}")
        for name in ("text_facts", "detail"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative; it is {getattr(self, name)}")

    @property
    def tokens(self) -> tuple[int, int, int]:
        """Tokens along slices, rows and columns."""
        slices, rows, columns = (size // patch for size, patch in zip(self.input_size, self.patch_size, strict=True))
        return slices, rows, columns


class Attention(nn.Module):
    """Self-attention.

    The released code flattens (heads, tokens, dim) without moving the heads back, so that what a token asked for
    goes to another; its weights were trained so. The "usual" merge gives each token its own.
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

    A softmax over one key is 1, so the answer is the projected value, whatever the query: `q_linear` and the key
    half of `kv_linear` are part of the released checkpoints and have no effect.
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
    """Layer norm without weights of its own, then the time's shift and scale (around 1)."""
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=1e-6), scale)


class Block(nn.Module):
    """Spatial attention, temporal attention (same gate, no norm of its own), text, MLP."""

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        dim = config.hidden_size
        self.attn = Attention(dim, config.num_heads, config.head_merge)
        self.attn_temp = Attention(dim, config.num_heads, config.head_merge)
        self.cross_attn = TextAttention(dim)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio), dim)
        self.text_modulation = nn.Linear(config.text_facts, 6 * dim) if config.text_facts else None
        self.scale_shift_table = nn.Parameter(torch.randn(6, dim) / dim**0.5)
        self.slices = config.tokens[0]

    def told(self, text: Tensor, facts: Tensor | None) -> Tensor:
        """The report (B, 1, D) and its facts (B, 1, F) -> (B, 1, D) to add to every token, and, where there are facts,
        six rows more for the modulation."""
        added = self.cross_attn(text)
        if self.text_modulation is None:
            return added
        modulation = rearrange(self.text_modulation(facts), "b 1 (six d) -> b six d", six=6)
        return torch.cat([added, modulation.to(added.dtype)], dim=1)

    def forward(self, x: Tensor, text: Tensor, time: Tensor, temporal_position: Tensor | None) -> Tensor:
        """x (B, n·s, D); text as `told` gives it; time (B or 1, 6, D), as `Modulation` has it."""
        if self.text_modulation is not None:
            text, modulation = text.split((1, 6), dim=1)
            time = time + modulation
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = time.chunk(6, dim=1)
        x = torch.addcmul(x, gate, self.spatial(modulate(x, shift, scale)))
        x = torch.addcmul(x, gate, self.temporal(x, temporal_position))
        x = x + text
        return torch.addcmul(x, mlp_gate, self.mlp(modulate(x, mlp_shift, mlp_scale)))

    def spatial(self, x: Tensor) -> Tensor:
        batch = x.shape[0]
        return rearrange(
            self.attn(rearrange(x, "b (n s) d -> (b n) s d", n=self.slices)), "(b n) s d -> b (n s) d", b=batch
        )

    def temporal(self, x: Tensor, position: Tensor | None) -> Tensor:
        batch = x.shape[0]
        x = rearrange(x, "b (n s) d -> (b s) n d", n=self.slices)
        # Contiguous: a view makes of one large product s small ones, a third of the time of a whole step on a CPU.
        x = self.attn_temp((x if position is None else x + position).contiguous())
        return rearrange(x, "(b s) n d -> b (n s) d", b=batch)


class PatchEmbed(nn.Module):
    """Latents (B, C, T, H, W) -> tokens (B, n·s, D), ordered slices, rows, columns."""

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        self.proj = nn.Conv3d(config.in_channels, config.hidden_size, config.patch_size, stride=config.patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """The own half of the channels. The convolution is linear, so the other half can be added once per chunk."""
        return self._half(x, self.proj.weight[:, : x.shape[1]], None)

    def previous(self, x: Tensor) -> Tensor:
        """The half that reads the previous chunk, and the bias."""
        return self._half(x, self.proj.weight[:, -x.shape[1] :], self.proj.bias)

    def _half(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        tokens = F.conv3d(x.to(weight.dtype), weight, bias, stride=self.proj.stride)
        # Contiguous: sums take the layout of their first term, and every block would pass the channels-first one on.
        return rearrange(tokens, "b d n h w -> b (n h w) d").contiguous()


class TimeEmbed(nn.Module):
    """Sinusoids of the raw t in [0, 1], cosines first, then an MLP."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2 * T_FREQUENCIES, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t: Tensor) -> Tensor:
        exponents = torch.arange(T_FREQUENCIES, dtype=torch.float32, device=t.device) / T_FREQUENCIES
        angles = t[:, None].float() * torch.exp(-math.log(10_000) * exponents)
        return self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1).to(self.mlp[0].weight.dtype))


class TextEmbed(nn.Module):
    """The text token (B, 1, caption channels) -> (B, 1, D)."""

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        self.y_proj = Mlp(config.caption_channels, config.hidden_size, config.hidden_size)
        # In every released checkpoint, never trained, never used: not a null text.
        self.register_buffer("y_embedding", torch.zeros(1, config.caption_channels))

    def forward(self, text: Tensor) -> Tensor:
        return self.y_proj(text.to(self.y_proj.fc1.weight.dtype))


class FinalLayer(nn.Module):
    """Tokens (B, n·s, D) -> patches (B, n·s, patch · channels), the answer's and those for `Detail`."""

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        dim = config.hidden_size
        self.linear = nn.Linear(dim, math.prod(config.patch_size) * (config.out_channels + config.detail))
        self.scale_shift_table = nn.Parameter(torch.randn(2, dim) / dim**0.5)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """time: (B or 1, 2, D), as `Modulation` has it."""
        shift, scale = time.chunk(2, dim=1)
        return self.linear(modulate(x, shift, scale))


class Detail(nn.Module):
    """Corrects the answer latent by latent: two convolutions over features that the tokens give for each latent, the
    noisy latents, and, at the chunk's beginning, the last slice before it. So patches and chunks join without a step.
    """

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        seen, hidden = config.detail + config.in_channels, 2 * config.detail
        self.look = nn.Conv3d(seen, hidden, 3, padding=1)
        self.answer = nn.Conv3d(hidden, config.out_channels, 3, padding=1)

    def forward(self, features: Tensor, x: Tensor, edge: Tensor) -> Tensor:
        """features (B, F, T, H, W), x (B, C, T, H, W), edge as `edge` gives it -> (B, C, T, H, W)."""
        seen = torch.cat([features, x.to(features.dtype)], dim=1).contiguous(memory_format=torch.channels_last_3d)
        return self.answer(F.silu(F.conv3d(seen, self.look.weight[:, : seen.shape[1]], padding=1) + edge))

    def edge(self, previous: Tensor) -> Tensor:
        """The part of the previous chunk (B, C, T, H, W): its last slice, where it touches the first one of this."""
        slices = previous.shape[2]
        touching = F.pad(previous[:, :, -1:], (0, 0, 0, 0, 0, slices - 1)).to(self.look.weight.dtype)
        touching = touching.contiguous(memory_format=torch.channels_last_3d)
        return F.conv3d(touching, self.look.weight[:, -previous.shape[1] :], self.look.bias, padding=1)


@dataclass(frozen=True, eq=False)
class Condition:
    """What is the same in all steps of a chunk: tokens of the previous chunk and the positions (B, n·s, D), what
    each block is told of the report (B, 1 or 7, D), and what `Detail`, if there is one, is told of the previous chunk
    (B, hidden, T, H, W)."""

    tokens: Tensor
    text: tuple[Tensor, ...]
    edge: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Modulation:
    """What is the same in all chunks at one time t: shifts, scales (1 added) and gates of each block (B, 6, D), and
    shift and scale (1 added) of the final layer (B, 2, D)."""

    blocks: tuple[Tensor, ...]
    final: Tensor


class STDiT(nn.Module):
    """(noisy chunk, previous chunk, text, t) -> velocity of the chunk."""

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.hidden_size
        slices, rows, columns = config.tokens
        self.x_embedder = PatchEmbed(config)
        self.t_embedder = TimeEmbed(dim)
        self.t_block = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))
        self.y_embedder = TextEmbed(config)
        self.text_facts = nn.Linear(config.caption_channels, config.text_facts) if config.text_facts else None
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.final_layer = FinalLayer(config)
        self.detail = Detail(config) if config.detail else None
        positions = plane_positions(dim, rows, columns)
        self.register_buffer("pos_embed", positions.repeat(slices if config.positions == "chunk" else 1, 1)[None])
        temporal = sincos(dim, torch.arange(slices, dtype=torch.float64)).float()
        self.register_buffer("pos_embed_temporal", temporal[None])

    def forward(self, x: Tensor, previous: Tensor, text: Tensor, t: Tensor) -> Tensor:
        """x and previous (B, C, T, H, W), text (B, 1, caption channels), t (B,) -> velocity (B, C, T, H, W)."""
        return self.step(x, self.condition(previous, text), self.modulation(t))

    def condition(self, previous: Tensor, text: Tensor) -> Condition:
        """Shapes as in `forward`."""
        tokens = self.x_embedder.previous(previous)
        positions = self.pos_embed.repeat(1, tokens.shape[1] // self.pos_embed.shape[1], 1)
        tokens = tokens + positions.to(tokens.dtype)
        facts = self.text_facts(text.to(self.text_facts.weight.dtype)) if self.text_facts else None
        text = self.y_embedder(text)
        edge = self.detail.edge(previous) if self.detail else None
        return Condition(tokens, tuple(block.told(text, facts) for block in self.blocks), edge)

    def modulation(self, t: Tensor) -> Modulation:
        """t (B,). Worked out in the precision of the time embedding, given in that of the blocks."""
        time, dtype = self.t_embedder(t), self.x_embedder.proj.weight.dtype
        shared = self.t_block(time).unflatten(1, (6, -1))
        blocks = [shared + block.scale_shift_table for block in self.blocks]
        final = time[:, None] + self.final_layer.scale_shift_table
        for block in blocks:
            block[:, BLOCK_SCALES] += 1
        final[:, FINAL_SCALES] += 1
        return Modulation(tuple(block.to(dtype) for block in blocks), final.to(dtype))

    def at(self, t: float) -> Modulation:
        """The modulation at one time, for all samples. Copies nothing to a GPU, which would wait for what it does."""
        return self.modulation(torch.full((1,), t, device=self.pos_embed.device))

    def step(self, x: Tensor, condition: Condition, modulation: Modulation) -> Tensor:
        """One evaluation: x (B, C, T, H, W) -> velocity of the same shape and dtype."""
        tokens = self.x_embedder(x) + condition.tokens
        position = self.pos_embed_temporal.to(tokens.dtype)
        for index, (block, text, time) in enumerate(zip(self.blocks, condition.text, modulation.blocks, strict=True)):
            tokens = block(tokens, text, time, position if index == 0 else None)
        answer = self.unpatchify(self.final_layer(tokens, modulation.final))
        if self.detail is not None:
            answer, features = answer.split((self.config.out_channels, self.config.detail), dim=1)
            answer = answer + self.detail(features, x, condition.edge)
        return answer.to(x.dtype)

    def lower(self, dtype: torch.dtype) -> None:
        """Casts the weights of the large products. Times and modulation stay in float32, and so does the state."""
        large = [self.x_embedder, self.y_embedder, self.final_layer.linear]
        large += [part for block in self.blocks for part in (block.attn, block.attn_temp, block.cross_attn, block.mlp)]
        large += [self.detail] if self.detail else []
        for part in large:
            part.to(dtype)

    def unpatchify(self, tokens: Tensor) -> Tensor:
        (n, h, w), (pt, ph, pw) = self.config.tokens, self.config.patch_size
        return rearrange(
            tokens, "b (n h w) (pt ph pw c) -> b c (n pt) (h ph) (w pw)", n=n, h=h, w=w, pt=pt, ph=ph, pw=pw
        )


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
