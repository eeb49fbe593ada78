"""STDiT: the spatio-temporal transformer that gives the velocity of a chunk of latents.

Module names follow the keys of the released checkpoints (`WongJiayi/CTFlow`, arXiv 2508.12900), whose quirks the
weights depend on. Letters in shapes: B batch, C channels, T slices, H rows, W columns of latents;
n tokens along the slices, s tokens in the plane, D hidden size.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor, nn

from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.stdit_detail import Detail
from ctflow.models.stdit_layers import Block, FinalLayer, PatchEmbed, TextEmbed, TimeEmbed, plane_positions, sincos

# Where a scale stands among shift, scale and gate, twice, and among shift and scale.
BLOCK_SCALES, FINAL_SCALES = slice(1, None, 3), slice(1, None)
CONVOLUTIONS = (nn.Conv3d, nn.ConvTranspose3d)


@dataclass(frozen=True, eq=False)
class Condition:
    """What is the same in all steps of a chunk: tokens of the previous chunk and the positions (B, n·s, D), what
    each block is told of the report (B, 1 or 7, D), and what `Detail`, if there is one, is told of the previous chunk
    (B, hidden, T, H, W) and each of its blocks of the report (B, 2, dim)."""

    tokens: Tensor
    text: tuple[Tensor, ...]
    edge: Tensor | None = None
    detail: tuple[Tensor, ...] = ()


@dataclass(frozen=True, eq=False)
class Modulation:
    """What is the same in all chunks at one time t: shifts, scales (1 added) and gates of each block (B, 6, D),
    shift and scale (1 added) of the final layer (B, 2, D) and of each block of `Detail` (B, 2, dim)."""

    blocks: tuple[Tensor, ...]
    final: Tensor
    detail: tuple[Tensor, ...] = ()


class Transformer(Protocol):
    """What is asked of an `STDiT`, or of one whose step is replayed."""

    def condition(self, previous: Tensor, text: Tensor) -> Condition:
        """See `STDiT.condition`."""
        ...

    def at(self, t: float) -> Modulation:
        """See `STDiT.at`."""
        ...

    def step(self, x: Tensor, condition: Condition, modulation: Modulation) -> Tensor:
        """See `STDiT.step`."""
        ...


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
        told = tuple(block.told(text, facts) for block in self.blocks)
        if self.detail is None:
            return Condition(tokens, told)
        detail = tuple(block.told(facts).to(tokens.dtype) for block in self.detail.blocks)
        return Condition(tokens, told, self.detail.edge(previous), detail)

    def modulation(self, t: Tensor) -> Modulation:
        """t (B,). Worked out in the precision of the time embedding, given in that of the blocks."""
        time, dtype = self.t_embedder(t), self.x_embedder.proj.weight.dtype
        shared = self.t_block(time).unflatten(1, (6, -1))
        blocks = [shared + block.scale_shift_table for block in self.blocks]
        final = time[:, None] + self.final_layer.scale_shift_table
        for block in blocks:
            block[:, BLOCK_SCALES] += 1
        final[:, FINAL_SCALES] += 1
        detail = [block.at(time) for block in self.detail.blocks] if self.detail else []
        blocks, detail = (tuple(part.to(dtype) for part in parts) for parts in (blocks, detail))
        return Modulation(blocks, final.to(dtype), detail)

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
            told = [text + time for text, time in zip(condition.detail, modulation.detail, strict=True)]
            answer = answer + self.detail(features, x, condition.edge, told)
        return answer.to(x.dtype)

    def lower(self, dtype: torch.dtype) -> None:
        """Casts the weights of the large products. Times and modulation stay in float32, and so does the state."""
        large = [self.x_embedder, self.y_embedder, self.final_layer.linear]
        large += [part for block in self.blocks for part in (block.attn, block.attn_temp, block.cross_attn, block.mlp)]
        large += [part for part in self.detail.modules() if isinstance(part, CONVOLUTIONS)] if self.detail else []
        for part in large:
            part.to(dtype)

    def unpatchify(self, tokens: Tensor) -> Tensor:
        (n, h, w), (pt, ph, pw) = self.config.tokens, self.config.patch_size
        return rearrange(
            tokens, "b (n h w) (pt ph pw c) -> b c (n pt) (h ph) (w pw)", n=n, h=h, w=w, pt=pt, ph=ph, pw=pw
        )
