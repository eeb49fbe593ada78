"""STDiT: the spatio-temporal transformer, which looks at a chunk of noisy latents and answers how to go on from it.

The whole forward pass, where t runs from 1 (noise) to 0 (data):

    time = time_embedding(t)
    tokens = patches(x, previous) + positions_in_the_plane
    for block in blocks:
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = shared_projection(time) + block.table
        tokens += gate * attention_in_the_plane(norm(tokens) * (1 + scale) + shift)
        tokens += gate * attention_along_the_slices(tokens)  # + positions along the slices, in the first block
        tokens += cross_attention(tokens, text)
        tokens += mlp_gate * mlp(norm(tokens) * (1 + mlp_scale) + mlp_shift)
    shift, scale = time + final_layer.table
    answer = unpatchify(linear(norm(tokens) * (1 + scale) + shift))

The answer is the velocity in released checkpoints and the data in the demo's: `ModelCard.prediction` says which.

A volume takes hundreds of such passes, and most of what they share is computed beforehand, without approximation:

- `Condition`, once per chunk. The convolution that makes patches is linear, so the previous chunk's half of it is a
  sum that can wait. The text is a single token, and a softmax over one key is 1, so cross-attention adds the same
  vector to every token, whatever the tokens are.
- `Modulation`, once per time, for all chunks. Shifts, scales and gates depend on t alone.

`STDiT.step` is what is left to do. `ctflow.benchmark.reference` has the pass as it stands above, and tests compare
the two. What demo models have beside this (`text_facts`, `detail`) is explained in `STDiTConfig`.

Attributes are named after the keys of the released checkpoints (`WongJiayi/CTFlow`, arXiv 2508.12900), and the
computation has their quirks, without which their weights mean nothing. Letters in shapes: B batch, C channels,
T slices, H rows, W columns of latents; n tokens along the slices, s tokens in the plane, D hidden size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.stdit_detail import DetailHead
from ctflow.models.stdit_layers import (
    Attention,
    FinalLayer,
    LineAttention,
    Mlp,
    PatchEmbed,
    TextAttention,
    TextEmbed,
    TimeEmbed,
    modulate,
    plane_positions,
    sincos,
)

# The rows of a modulation that are scales: of shift, scale, gate, shift, scale, gate, and of shift, scale.
BLOCK_SCALES, FINAL_SCALES = slice(1, None, 3), slice(1, None)
CONVOLUTIONS = (nn.Conv3d, nn.ConvTranspose3d)


@dataclass(frozen=True, eq=False)
class Condition:
    """What is the same in all steps of a chunk, because it depends on the previous chunk and the report alone.

    `tokens` (B, n·s, D): the previous chunk's half of the patches, and the positions in the plane.
    `text` (depth, B, 1, D): what cross-attention adds to every token, for each block.
    `text_modulation` (depth, B, 6, D): what the report adds to the modulation of each block; None without `text_facts`.
    `last_slice` (B, hidden, T, H, W): the previous chunk's part of `DetailHead`, if there is one.
    `detail_modulation`: what the report adds to the modulation of each `DetailBlock` (B, 2, dim).
    """

    tokens: Tensor
    text: Tensor
    text_modulation: Tensor | None = None
    last_slice: Tensor | None = None
    detail_modulation: tuple[Tensor, ...] = ()


@dataclass(frozen=True, eq=False)
class Modulation:
    """What is the same in all chunks at one time t, in float32. All scales have 1 added.

    `blocks` (depth, B, 6, D): shifts, scales and gates of each block. `final` (B, 2, D): shift and scale of the final
    layer. `detail`: shift and scale of each `DetailBlock` (B, 2, dim).
    """

    blocks: Tensor
    final: Tensor
    detail: tuple[Tensor, ...] = ()


class Transformer(Protocol):
    """What sampling asks of an `STDiT`, or of something that stands in for one, such as a recorded CUDA graph."""

    def condition(self, previous: Tensor, text: Tensor) -> Condition:
        """See `STDiT.condition`."""
        ...

    def modulation_at(self, t: float) -> Modulation:
        """See `STDiT.modulation_at`."""
        ...

    def step(self, x: Tensor, condition: Condition, modulation: Modulation) -> Tensor:
        """See `STDiT.step`."""
        ...


class Block(nn.Module):
    """Attention in the plane, attention along the slices (with the same gate and no norm of its own), text, MLP."""

    def __init__(self, config: STDiTConfig) -> None:
        super().__init__()
        dim = config.hidden_size
        self.attn = Attention(dim, config.num_heads, config.head_merge)
        self.attn_temp = LineAttention(dim, config.num_heads, config.head_merge)
        self.cross_attn = TextAttention(dim)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio), dim)
        self.text_modulation = nn.Linear(config.text_facts, 6 * dim) if config.text_facts else None
        self.scale_shift_table = nn.Parameter(torch.randn(6, dim) / dim**0.5)
        self.slices = config.tokens[0]

    def forward(self, x: Tensor, text: Tensor, modulation: Tensor, temporal_position: Tensor | None) -> Tensor:
        """x (B, n·s, D), text (B, 1, D) and modulation (B or 1, 6, D) as in `Condition` and `Modulation` -> as x.

        x stays in its precision, and each branch has that of its weights.
        """
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = modulation.chunk(6, dim=1)
        x = torch.addcmul(x, gate, self.spatial(modulate(x, shift, scale)))
        x = torch.addcmul(self.by_slice(x), gate[:, None], self.temporal(x, temporal_position)).flatten(1, 2)
        x = x + text
        return torch.addcmul(x, mlp_gate, self.mlp(modulate(x, mlp_shift, mlp_scale).to(self.mlp.fc1.weight.dtype)))

    def by_slice(self, x: Tensor) -> Tensor:
        """(B, n·s, D) -> (B, n, s, D)."""
        return x.unflatten(1, (self.slices, -1))

    def spatial(self, x: Tensor) -> Tensor:
        """Attention among the s tokens of a plane: x (B, n·s, D) -> as x."""
        planes = self.by_slice(x).flatten(0, 1)
        return self.attn(planes.to(self.attn.qkv.weight.dtype)).view(x.shape)

    def temporal(self, x: Tensor, position: Tensor | None) -> Tensor:
        """Attention among the n tokens along the slices: x (B, n·s, D) -> (B, n, s, D)."""
        lines = self.by_slice(x)
        if position is not None:
            lines = lines + position[:, :, None]
        return self.attn_temp(lines.to(self.attn_temp.qkv.weight.dtype))


class STDiT(nn.Module):
    """(noisy chunk, previous chunk, text, t) -> answer. The module's docstring has the whole forward pass."""

    blocks: Sequence[Block]
    pos_embed: Tensor
    pos_embed_temporal: Tensor

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
        self.blocks = cast(Sequence[Block], nn.ModuleList(Block(config) for _ in range(config.depth)))
        self.final_layer = FinalLayer(config)
        self.detail = DetailHead(config) if config.detail else None
        positions = plane_positions(dim, rows, columns)
        self.register_buffer("pos_embed", positions.repeat(slices if config.positions == "chunk" else 1, 1)[None])
        temporal = sincos(dim, torch.arange(slices, dtype=torch.float64)).float()
        self.register_buffer("pos_embed_temporal", temporal[None])

    def forward(self, x: Tensor, previous: Tensor, text: Tensor, t: Tensor) -> Tensor:
        """x and previous (B, C, T, H, W), text (B, 1, caption channels), t (B,) -> answer (B, C, T, H, W)."""
        return self.step(x, self.condition(previous, text), self.modulation(t))

    def step(self, x: Tensor, condition: Condition, modulation: Modulation) -> Tensor:
        """One evaluation: x (B, C, T, H, W) -> answer of the same shape and dtype."""
        tokens = condition.tokens + self.x_embedder(x)
        by_block = modulation.blocks
        if condition.text_modulation is not None:
            by_block = by_block + condition.text_modulation
        for index, block in enumerate(self.blocks):
            position = self.pos_embed_temporal if index == 0 else None
            tokens = block(tokens, condition.text[index], by_block[index], position)
        answer = self.unpatchify(self.final_layer(tokens, modulation.final))
        if self.detail is not None:
            answer, features = answer.split((self.config.out_channels, self.config.detail), dim=1)
            both = zip(modulation.detail, condition.detail_modulation, strict=True)
            by_detail = tuple(by_time + by_report for by_time, by_report in both)
            answer = answer + self.detail(features, x, condition.last_slice, by_detail)
        return answer.to(x.dtype)

    def condition(self, previous: Tensor, text: Tensor) -> Condition:
        """Shapes as in `forward`."""
        tokens = self.x_embedder.previous(previous)
        positions = self.pos_embed.repeat(1, tokens.shape[1] // self.pos_embed.shape[1], 1)
        embedded = self.y_embedder(text)
        text_modulation, detail_modulation = self._modulations_by(text)
        return Condition(
            tokens=positions + tokens,
            text=torch.stack([block.cross_attn(embedded) for block in self.blocks]),
            text_modulation=text_modulation,
            last_slice=self.detail.last_slice(previous) if self.detail else None,
            detail_modulation=detail_modulation,
        )

    def modulation(self, t: Tensor) -> Modulation:
        """t (B,)."""
        time = self.t_embedder(t)
        tables = torch.stack([block.scale_shift_table for block in self.blocks])
        blocks = tables[:, None] + self.t_block(time).unflatten(1, (6, -1))
        blocks[:, :, BLOCK_SCALES] += 1
        final = time[:, None] + self.final_layer.scale_shift_table
        final[:, FINAL_SCALES] += 1
        detail = [block.time_modulation(time) for block in self.detail.blocks] if self.detail else []
        return Modulation(blocks=blocks, final=final, detail=tuple(detail))

    def modulation_at(self, t: float) -> Modulation:
        """The modulation at one time, for all samples. Made on the device: a copy to a GPU would wait for its work."""
        return self.modulation(torch.full((1,), t, device=self.pos_embed.device))

    def to_mixed_precision(self, dtype: torch.dtype) -> None:
        """Casts the weights of the large products. Times, modulation, tokens and state stay in float32.

        So do the first and the last layer, which are small, and of whose rounding nothing is averaged out: in bf16
        they would make most of the error.
        """
        large: list[nn.Module] = [self.y_embedder]
        large += [part for block in self.blocks for part in (block.attn, block.attn_temp, block.cross_attn, block.mlp)]
        large += [part for part in self.detail.modules() if isinstance(part, CONVOLUTIONS)] if self.detail else []
        for part in large:
            part.to(dtype)

    def unpatchify(self, tokens: Tensor) -> Tensor:
        """Patches (B, n·s, patch · C) -> (B, C, T, H, W)."""
        (n, h, w), (pt, ph, pw) = self.config.tokens, self.config.patch_size
        patches = tokens.view(len(tokens), n, h, w, pt, ph, pw, -1)
        # B n h w pt ph pw C -> B C n pt h ph w pw
        return patches.permute(0, 7, 1, 4, 2, 5, 3, 6).reshape(len(tokens), -1, n * pt, h * ph, w * pw)

    def _modulations_by(self, text: Tensor) -> tuple[Tensor | None, tuple[Tensor, ...]]:
        """What a report adds to the modulation of all blocks and of each `DetailBlock`, if there are `text_facts`."""
        if self.text_facts is None:
            return None, ()
        facts = self.text_facts(text.to(self.text_facts.weight.dtype))
        layers = [block.text_modulation for block in self.blocks if block.text_modulation is not None]
        blocks = torch.stack([layer(facts).view(len(text), 6, -1) for layer in layers])
        detail = [block.text_modulation(facts) for block in self.detail.blocks] if self.detail else []
        return blocks, tuple(detail)
