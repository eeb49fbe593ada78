"""The published computation, step by step: what the product must equal, and what it is measured against.

Every step reads the previous chunk again, embeds the text again, attends to it with a softmax over its single token,
and makes the whole attention matrices. It works on the weights of our own modules.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ctflow.models.avae import AVAE
from ctflow.models.stdit import Block, STDiT
from ctflow.models.stdit_detail import DetailBlock, DetailHead
from ctflow.models.stdit_layers import Attention, TextAttention


def reference_answer(model: STDiT, x: Tensor, previous: Tensor, text: Tensor, t: Tensor) -> Tensor:
    """As `STDiT.forward`."""
    tokens = rearrange(model.x_embedder.proj(torch.cat([x, previous], dim=1)), "b d n h w -> b (n h w) d")
    tokens = tokens + model.pos_embed.repeat(1, tokens.shape[1] // model.pos_embed.shape[1], 1)
    time, text_token = model.t_embedder(t), model.y_embedder.y_proj(text)
    facts = None if model.text_facts is None else model.text_facts(text)  # demo models only, as `detail`
    by_time = model.t_block(time).unflatten(1, (6, -1))
    for index, block in enumerate(model.blocks):
        modulation = by_time + block.scale_shift_table
        if block.text_modulation is not None:
            modulation = modulation + block.text_modulation(facts).unflatten(2, (6, -1))[:, 0]
        tokens = _block(block, tokens, text_token, modulation, model.pos_embed_temporal if index == 0 else None)
    shift, scale = (model.final_layer.scale_shift_table + time[:, None]).chunk(2, dim=1)
    answer = model.unpatchify(model.final_layer.linear(_modulate(tokens, shift, scale)))
    if model.detail is None:
        return answer
    answer, features = answer.split((x.shape[1], model.config.detail), dim=1)
    return answer + _detail(model.detail, features, x, previous, facts, time)


def _detail(
    head: DetailHead, features: Tensor, x: Tensor, previous: Tensor, facts: Tensor | None, time: Tensor
) -> Tensor:
    last_slice = torch.cat([previous[:, :, -1:], torch.zeros_like(previous[:, :, 1:])], dim=2)
    fine = F.silu(head.look(torch.cat([features, x, last_slice], dim=1)))
    if not head.blocks or facts is None:
        return head.answer(fine)
    coarse = head.down(fine)
    for block in head.blocks[:-1]:
        coarse = _detail_block(block, coarse, facts[:, 0], time)
    return head.answer(_detail_block(head.blocks[-1], fine + head.up(coarse), facts[:, 0], time))


def _detail_block(block: DetailBlock, x: Tensor, facts: Tensor, time: Tensor) -> Tensor:
    modulation = block.text(facts) + block.time(F.silu(time))
    shift, scale = (part[:, :, None, None, None] for part in modulation.chunk(2, dim=1))
    centred = x - x.mean(1, keepdim=True)
    normed = block.look(centred / (centred.square().mean(1, keepdim=True) + 1e-6).sqrt())
    return x + block.answer(F.silu(normed * (1 + scale) + shift))


def reference_decode(avae: AVAE, latents: Tensor) -> Tensor:
    """As `AVAE.decode`: all three channels, slice by slice."""
    unscaled = latents / avae.scale + avae.shift
    return torch.cat([avae.network.decode(batch).mean(1) for batch in unscaled.split(1)])


def _block(block: Block, x: Tensor, text: Tensor, modulation: Tensor, position: Tensor | None) -> Tensor:
    shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = modulation.chunk(6, dim=1)
    batch, n = x.shape[0], block.slices
    planes = rearrange(_modulate(x, shift, scale), "b (n s) d -> (b n) s d", n=n)
    x = x + gate * rearrange(_attention(block.attn, planes), "(b n) s d -> b (n s) d", b=batch)
    lines = rearrange(x, "b (n s) d -> (b s) n d", n=n)
    lines = lines if position is None else lines + position
    x = x + gate * rearrange(_attention(block.attn_temp, lines), "(b s) n d -> b (n s) d", b=batch)
    x = x + _cross_attention(block.cross_attn, x, text, block.attn.heads)
    return x + mlp_gate * block.mlp(_modulate(x, mlp_shift, mlp_scale))


def _modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


def _attention(layer: Attention, x: Tensor) -> Tensor:
    q, k, v = rearrange(layer.qkv(x), "b n (three h d) -> three b h n d", three=3, h=layer.heads)
    out = _softmax_attention(q, k, v)
    return layer.proj((out if layer.head_merge == "released" else out.transpose(1, 2)).reshape(x.shape))


def _cross_attention(layer: TextAttention, x: Tensor, text: Tensor, heads: int) -> Tensor:
    q = rearrange(layer.q_linear(x), "b n (h d) -> b h n d", h=heads)
    k, v = rearrange(layer.kv_linear(text), "b n (two h d) -> two b h n d", two=2, h=heads)
    return layer.proj(rearrange(_softmax_attention(q, k, v), "b h n d -> b n (h d)"))


def _softmax_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).softmax(dim=-1) @ v
