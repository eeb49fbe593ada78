"""CT-CLIP: a volume and a report as two unit vectors of one space.

Follows `ibrahimethemhamamci/CT-CLIP` (arXiv 2403.17834), version 2 of its weights. Attributes are named after the keys
of `CT-CLIP_v2.pt`, and the computation has the quirks that its weights depend on. What is stored there without any
effect is left out. Letters in shapes: B batch, T groups of slices, h and w patches in the plane, d width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

ATTENTION_SCALE = 8  # of the logits of normalised queries and keys
POSITION, ATTENTION, FEED_FORWARD = "0", "1", "3"  # the keys of a layer's parts in the released file


@dataclass(frozen=True)
class CTClipConfig:
    """The config.json of a CT-CLIP.

    `image_size`: both rows and columns. `slices`: how many preprocessing cuts and pads to; the tower accepts others.
    `spacing_mm`: of slices, rows and columns after preprocessing. `labels`: the findings that it was trained on.
    """

    dim: int
    codebook_size: int
    image_size: int
    slices: int
    patch_size: int
    temporal_patch_size: int
    spatial_depth: int
    temporal_depth: int
    dim_head: int
    heads: int
    dim_text: int
    dim_latent: int
    spacing_mm: tuple[float, float, float]
    labels: tuple[str, ...]

    @property
    def input_size(self) -> tuple[int, int, int]:
        """Slices, rows and columns after preprocessing."""
        return self.slices, self.image_size, self.image_size

    @property
    def side(self) -> int:
        """Patches along a row or a column."""
        return self.image_size // self.patch_size


class GammaNorm(nn.Module):
    """Layer norm whose offset is stored but was never trained."""

    beta: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))
        self.register_buffer("beta", torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.gamma, self.beta)


class PositionGenerator(nn.Module):
    """Positions as a depthwise convolution over the grid (B, T, h, w, d), causal in T."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dsconv = nn.Conv3d(dim, dim, 3, groups=dim)

    def forward(self, x: Tensor, grid: tuple[int, int, int, int]) -> Tensor:
        """x: (sequences, tokens, d), *reshaped* to the grid.

        The sequences of the temporal transformer run (B, h, w, T), and the released code does not move the axes back
        there: the scrambled neighbourhood is part of the trained function.
        """
        volume = rearrange(x.reshape(*grid, -1), "b t h w d -> b d t h w")
        mixed = self.dsconv(F.pad(volume, (1, 1, 1, 1, 2, 0)))
        return rearrange(mixed, "b d t h w -> b t h w d").reshape(x.shape)


class Attention(nn.Module):
    """Cosine attention. Queries come from the normed x, keys and values from x as it is."""

    def __init__(self, config: CTClipConfig) -> None:
        super().__init__()
        inner = config.heads * config.dim_head
        self.heads = config.heads
        self.norm = GammaNorm(config.dim)
        self.q_scale = nn.Parameter(torch.ones(config.dim_head))
        self.k_scale = nn.Parameter(torch.ones(config.dim_head))
        self.to_q = nn.Linear(config.dim, inner, bias=False)
        self.to_kv = nn.Linear(config.dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, config.dim, bias=False)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """x (sequences, tokens, d), bias (heads, tokens, tokens) added to the logits -> as x."""
        q = rearrange(self.to_q(self.norm(x)), "b n (h d) -> b h n d", h=self.heads)
        k, v = rearrange(self.to_kv(x), "b n (two h d) -> two b h n d", two=2, h=self.heads)
        q, k = F.normalize(q, dim=-1) * self.q_scale, F.normalize(k, dim=-1) * self.k_scale
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=ATTENTION_SCALE)
        return self.to_out(rearrange(out, "b h n d -> b n (h d)"))


class Gate(nn.Module):
    """The first half of x, gated by the exact GELU of the second."""

    def forward(self, x: Tensor) -> Tensor:
        value, gate = x.chunk(2, dim=-1)
        return value * F.gelu(gate)


def feed_forward(dim: int) -> nn.Sequential:
    """Layer norm, linear, gate, an empty place (of dropout), linear; without biases."""
    inner = int(4 * 2 / 3 * dim)
    return nn.Sequential(
        nn.LayerNorm(dim),
        nn.Linear(dim, 2 * inner, bias=False),
        Gate(),
        nn.Identity(),
        nn.Linear(inner, dim, bias=False),
    )


class Encoder(nn.Module):
    """Layers of position generator, attention and feed-forward, each added to x, and a norm at the end."""

    layers: Sequence[nn.ModuleDict]

    def __init__(self, config: CTClipConfig, depth: int) -> None:
        super().__init__()
        layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    POSITION: PositionGenerator(config.dim),
                    ATTENTION: Attention(config),
                    FEED_FORWARD: feed_forward(config.dim),
                }
            )
            for _ in range(depth)
        )
        self.layers = cast(Sequence[nn.ModuleDict], layers)
        self.norm_out = GammaNorm(config.dim)

    def forward(self, x: Tensor, grid: tuple[int, int, int, int], bias: Tensor | None) -> Tensor:
        for layer in self.layers:
            x = x + layer[POSITION](x, grid)
            x = x + layer[ATTENTION](x, bias)
            x = x + layer[FEED_FORWARD](x)
        return self.norm_out(x)


class PositionBias(nn.Module):
    """An MLP of the log distance between two patches of a plane -> (heads, h·w, h·w)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Sequential(nn.Linear(2, dim), nn.LeakyReLU(0.1)),
            nn.Sequential(nn.Linear(dim, dim), nn.LeakyReLU(0.1)),
            nn.Linear(dim, heads),
        )

    def forward(self, side: int) -> Tensor:
        weight = next(self.net.parameters())
        place = torch.arange(side, device=weight.device)
        places = torch.cartesian_prod(place, place)
        offset = (places[:, None] - places[None]).to(weight.dtype)
        return rearrange(self.net(offset.sign() * (offset.abs() + 1).log()), "q k heads -> heads q k")


class Codebook(nn.Module):
    """The stored code (d) that is nearest in angle to each token."""

    embed: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("embed", torch.zeros(1, size, dim))

    def indices(self, tokens: Tensor) -> Tensor:
        """Tokens (…, d) -> the indices of their codes (…)."""
        return (F.normalize(tokens, dim=-1) @ F.normalize(self.embed[0], dim=-1).T).argmax(-1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (…, d) -> their codes (…, d), as stored and not normalised."""
        return self.embed[0][self.indices(tokens)]


class Quantiser(nn.Module):
    """Holds the codebook under the name that it has in the released file."""

    def __init__(self, config: CTClipConfig) -> None:
        super().__init__()
        self._codebook = Codebook(config.codebook_size, config.dim)

    def forward(self, tokens: Tensor) -> Tensor:
        return self._codebook(tokens)


class ImageTower(nn.Module):
    """CTViT: attention among the patches of a plane, then along the slices, then the nearest code of each patch."""

    def __init__(self, config: CTClipConfig) -> None:
        super().__init__()
        self.config = config
        patch = config.temporal_patch_size * config.patch_size**2
        self.to_patch_emb = nn.Sequential(
            nn.Identity(), nn.LayerNorm(patch), nn.Linear(patch, config.dim), nn.LayerNorm(config.dim)
        )
        self.spatial_rel_pos_bias = PositionBias(config.dim, config.heads)
        self.enc_spatial_transformer = Encoder(config, config.spatial_depth)
        self.enc_temporal_transformer = Encoder(config, config.temporal_depth)
        self.vq = Quantiser(config)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 1, slices, rows, columns) in [-1, 1] -> tokens (B, T, h, w, d), each a row of the codebook."""
        return self.vq(self.along_slices(self.in_planes(self.patches(image))))

    def patches(self, image: Tensor) -> Tensor:
        """Image as in `forward` -> (B, T, h, w, d)."""
        t, p = self.config.temporal_patch_size, self.config.patch_size
        return self.to_patch_emb(rearrange(image, "b 1 (t pt) (h p) (w q) -> b t h w (pt p q)", pt=t, p=p, q=p))

    def in_planes(self, x: Tensor) -> Tensor:
        """(B, T, h, w, d) -> the same shape."""
        grid, bias = x.shape[:4], self.spatial_rel_pos_bias(self.config.side)
        planes = self.enc_spatial_transformer(rearrange(x, "b t h w d -> (b t) (h w) d"), grid, bias)
        return planes.reshape(x.shape)

    def along_slices(self, x: Tensor) -> Tensor:
        """(B, T, h, w, d) -> the same shape."""
        b, _, h, w, _ = x.shape
        lines = self.enc_temporal_transformer(rearrange(x, "b t h w d -> (b h w) t d"), x.shape[:4], None)
        return rearrange(lines, "(b h w) t d -> b t h w d", b=b, h=h, w=w)


class CTClip(nn.Module):
    """The image tower and the two projections. The text comes in as the first state of CT-CLIP's own BERT."""

    def __init__(self, config: CTClipConfig) -> None:
        super().__init__()
        self.config = config
        self.visual_transformer = ImageTower(config)
        self.to_visual_latent = nn.Linear(config.side**2 * config.dim, config.dim_latent, bias=False)
        self.to_text_latent = nn.Linear(config.dim_text, config.dim_latent, bias=False)
        self.temperature = nn.Parameter(torch.tensor(1.0))

    def image_latent(self, image: Tensor) -> Tensor:
        """(B, 1, slices, rows, columns), prepared as in `ctflow.models.ctclip_input` -> (B, latent), of unit length."""
        tokens = self.visual_transformer(image).mean(1)
        return F.normalize(self.to_visual_latent(tokens.flatten(1)), dim=-1)

    def text_latent(self, text: Tensor) -> Tensor:
        """First states of BERT (B, text), of any length -> (B, latent), of unit length."""
        return F.normalize(self.to_text_latent(text), dim=-1)

    def logits(self, text_latent: Tensor, image_latent: Tensor) -> Tensor:
        """Latents of texts (…, text, latent) and of images (…, image, latent) -> (…, text, image)."""
        return text_latent @ image_latent.transpose(-1, -2) * self.temperature.exp()

    def present(self, prompts: Tensor, image_latent: Tensor) -> Tensor:
        """Zero-shot: prompts (labels, 2, latent), "present" first, images (B, latent) -> probabilities (B, labels)."""
        logits = self.logits(prompts, image_latent)
        return logits.softmax(dim=1)[:, 0].T


def clip_score(one: Tensor, other: Tensor) -> Tensor:
    """Two unit vectors (…, latent) -> (…), from 0 to 100. Without the temperature, as in the VLM3D challenge."""
    return (100 * (one * other).sum(-1)).clamp_min(0)
