"""The weights with which training of the transformer begins."""

import itertools
import math

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from ctflow.demo.latents import LatentSet
from ctflow.demo.transformer import NO_TEXT_SHARE
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.stdit_layers import Attention
from ctflow.training.randomness import random_stream

TEXT_SIZE = 2.5  # of the report's facts in a token: what is large is learnt first
RIDGE = 1e-4  # of the regression that reads the report's facts, in units of the mean square of what it reads
# A slab is the slices of one token.
MAX_PLACES = 64  # numbers in the code of a token's place in the plane
PLACE_SIZE = 1.5  # of that code, beside patches of about unit size
SLAB_SIZE = 3.0  # of the code of a token's slab: temporal attention has no layer norm before it
NEIGHBOURS = (1 / 8, 1 / 4)  # of the plane: how far away the tokens are at which heads begin to look, block by block
WIDE_LOOK, NARROW_LOOK = 2.0, 0.5  # standard deviations, in tokens, of where a head begins to look
MAX_LOGIT_DROP = 8.0  # from a head's largest logit to its smallest


def new_transformer(config: STDiTConfig, data: LatentSet, seed: int) -> STDiT:
    """A transformer in which little has to be learnt before the report can matter.

    A token begins as the principal components of its noisy patch and of the previous chunk's patch, codes of its place
    in the plane and along the slices, and the report's facts, each in dimensions of their own. Its heads begin by
    looking at its neighbours. Every branch and the answer begin at zero.
    """
    model = STDiT(config)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    slabs, rows, columns = config.tokens
    report_facts = torch.from_numpy(data.report_facts)
    text_room = min(config.hidden_size // 7, report_facts.shape[1])
    patch = math.prod(config.patch_size) * config.out_channels
    plane_room = min(rows * columns, MAX_PLACES)
    patch_room = min(config.hidden_size - plane_room - (slabs - 1) - text_room, 2 * patch)
    noisy_room = min(patch_room * 4 // 7, patch)
    rng = random_stream(seed, "windows for the first patches")
    with torch.no_grad():
        _begin_patches(model.x_embedder.proj, noisy_room, patch_room, _windows(data, rng))
        plane, along = _places(config, patch_room, plane_room)
        model.pos_embed.copy_((along[:, None] + plane).flatten(0, 1))
        model.pos_embed_temporal.zero_()  # the code of the slab says it already
        _begin_text(model, text_room, data.texts.float(), report_facts)
        begin_facts(model, data.texts.float(), report_facts)
        for block, distance in zip(model.blocks, itertools.cycle(NEIGHBOURS), strict=False):
            look_around(block.attn, plane, (rows, columns), max(1, round(distance * rows)))
            look_along(block.attn_temp, along)
        for block in model.blocks:
            for layer in (block.attn.proj, block.attn_temp.proj, block.mlp.fc2):
                layer.weight.zero_()
        # Almost the same at all t: the branches learn how much of the noise to let through.
        begin_answer(model)
        model.final_layer.scale_shift_table.mul_(0.1)
        time_embedding = model.t_embedder.mlp[2]
        assert isinstance(time_embedding, nn.Linear)
        time_embedding.weight.mul_(0.3)
    return model


def _windows(data: LatentSet, rng: np.random.Generator, count: int = 200) -> Tensor:
    """(count, C, T, H, W): latents from anywhere in the volumes."""
    picks = rng.choice(len(data.slices), size=count)
    return data.windows(picks, rng.integers(data.slices[picks] - data.chunk + 1), data.chunk)


def _begin_patches(proj: nn.Conv3d, noisy_room: int, patch_room: int, windows: Tensor) -> None:
    """The first `noisy_room` dimensions see the noisy patch, the next ones up to `patch_room` the previous chunk's."""
    pt, ph, pw = proj.kernel_size
    patches = rearrange(windows, "b c (n pt) (h ph) (w pw) -> (b n h w) (c pt ph pw)", pt=pt, ph=ph, pw=pw)
    mean = patches.mean(0)
    components = torch.linalg.eigh((patches - mean).T @ (patches - mean)).eigenvectors.flip(1).T
    noisy, previous = components[:noisy_room], components[: patch_room - noisy_room]
    channels = windows.shape[1]
    assert proj.bias is not None
    _set_zero(proj)
    proj.weight[:noisy_room, :channels] = noisy.unflatten(1, (channels, pt, ph, pw))
    proj.weight[noisy_room:patch_room, channels:] = previous.unflatten(1, (channels, pt, ph, pw))
    proj.bias[noisy_room:patch_room] = -previous @ mean


def _begin_text(model: STDiT, room: int, texts: Tensor, report_facts: Tensor) -> None:
    """The first block writes the report's facts, of spread TEXT_SIZE, into the last `room` dimensions.

    They are read by a linear regression off the random features that the text embedding begins as. `texts` (phantoms,
    reports, D), `report_facts` (phantoms, facts). Without a report about zeros are written.
    """
    # The report comes in as a vector of unit length; the layers after it expect numbers of unit size.
    nn.init.normal_(model.y_embedder.y_proj.fc1.weight)
    for block in model.blocks:
        block.cross_attn.proj.weight.zero_()
    first = model.blocks[0].cross_attn
    nn.init.eye_(first.proj.weight)
    values = first(model.y_embedder(texts))
    facts = report_facts - report_facts.mean(0)
    components = torch.linalg.eigh(facts.T @ facts).eigenvectors.flip(1)[:, :room]
    facts = facts @ components
    read = _regression(values, torch.zeros(values.shape[-1]), facts)
    first.proj.weight.zero_()
    first.proj.weight[-room:] = TEXT_SIZE / facts.std() * read.T


def _regression(values: Tensor, no_report: Tensor, facts: Tensor) -> Tensor:
    """-> (D, facts), which reads `facts` (phantoms, facts) off `values` (phantoms, reports, D), and 0 off `no_report`.

    `no_report` (D,): the values without a report.
    """
    facts, values = facts.repeat_interleave(values.shape[1], 0), values.flatten(0, 1)
    without = no_report.expand(math.ceil(NO_TEXT_SHARE * len(values)), -1)
    facts, values = functional.pad(facts, (0, 0, 0, len(without))), torch.cat([values, without])
    penalty = RIDGE * values.square().sum(0).mean() * torch.eye(values.shape[1])
    return torch.linalg.solve(values.T @ values + penalty, values.T @ facts)


def begin_facts(model: STDiT, texts: Tensor, report_facts: Tensor) -> None:
    """The facts that modulate the blocks begin as those of the report; arguments as in `_begin_text`.

    Each has the same spread, and all together have spread 1. What they do to the blocks begins at nothing, and should
    grow without leaps.
    """
    centred = report_facts - report_facts.mean(0)
    facts = centred / report_facts.std(0).clamp(min=1e-6) / report_facts.shape[1] ** 0.5
    with_constant, no_report = (
        functional.pad(values, (0, 1), value=1.0) for values in (texts, torch.zeros(texts.shape[2]))
    )
    read = _regression(with_constant, no_report, facts)
    assert model.text_facts is not None, "demo models have them"
    model.text_facts.weight.copy_(read[:-1].T)
    model.text_facts.bias.copy_(read[-1])
    for block in model.blocks:
        _set_zero(block.text_modulation)


def begin_answer(model: STDiT) -> None:
    """The answer begins at zero. The features beside it, which the detail head reads, do not."""
    features = model.final_layer.linear.weight.unflatten(0, (-1, model.config.out_channels + model.config.detail))
    features[:, : model.config.out_channels] = 0
    if model.detail is not None:
        _set_zero(model.detail.answer)
        begin_blocks(model)


def begin_blocks(model: STDiT) -> None:
    """The blocks of the detail head begin by adding nothing."""
    if model.detail is not None and model.detail.blocks:
        _set_zero(model.detail.up)
        _set_zero(model.detail.blocks[-1].answer)


def _set_zero(layer: nn.Linear | nn.Conv3d | nn.ConvTranspose3d | None) -> None:
    """Sets the weights and the bias of a layer to zero, if the model has it."""
    if layer is not None:
        nn.init.zeros_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _places(config: STDiTConfig, room: int, size: int) -> tuple[Tensor, Tensor]:
    """Codes of a token's place in the plane (rows · columns, D) and along the slices (slabs, D).

    They stand in the dimensions from `room` on; the plane's code in `size` of them, as the plane's widest waves.
    """
    slabs, rows, columns = config.tokens
    plane, along = torch.zeros(rows * columns, config.hidden_size), torch.zeros(slabs, config.hidden_size)
    waves = (
        torch.cartesian_prod(*(torch.arange(count) / count for count in (rows, columns))).amax(1).argsort(stable=True)
    )
    plane[:, room : room + size] = PLACE_SIZE * cosines(rows, columns)[:, waves[:size].sort().values]
    along[:, room + size :][:, : slabs - 1] = SLAB_SIZE * cosines(slabs, 1)[:, 1:]
    return plane, along


def look_around(attention: Attention, places: Tensor, plane: tuple[int, int], distance: int) -> None:
    """The heads, in turn, look all around, and `distance` tokens up, down, left and right.

    `places` (rows · columns, D): how the tokens of a plane hold their place.
    """
    offsets = [(0, 0), (-distance, 0), (distance, 0), (0, -distance), (0, distance)]
    place = torch.cartesian_prod(*(torch.arange(count) for count in plane))
    codes = places / places.square().mean(1, keepdim=True).sqrt()  # about as the layer norm leaves them
    for head, offset in zip(range(attention.heads), itertools.cycle(offsets), strict=False):
        aim = (place + torch.tensor(offset)).clamp(min=torch.zeros(2, dtype=torch.long), max=torch.tensor(plane) - 1)
        width = WIDE_LOOK if offset == (0, 0) else NARROW_LOOK
        logits = (aim[:, None] - place).square().sum(-1).div(-2 * width**2).clamp(min=-MAX_LOGIT_DROP)
        _look(attention, head, codes, logits)


def look_along(attention: Attention, places: Tensor) -> None:
    """The heads after the first look, in turn, at a token's own slab, at the one before it and at the one after it.

    Before the first slab comes the last one, which holds how the previous chunk ended. `places` (slabs, D): see
    `_places`.
    """
    slab = torch.arange(len(places))
    aims = slab, slab.roll(1), (slab + 1).clamp(max=len(places) - 1)
    for head, aim in zip(range(1, attention.heads), itertools.cycle(aims), strict=False):
        _look(attention, head, places, (aim[:, None] - slab).square().div(-2 * NARROW_LOOK**2))


def _look(attention: Attention, head: int, codes: Tensor, logits: Tensor) -> None:
    """Gives a head queries and keys whose products are `logits` (tokens, tokens), read off the `codes` (tokens, D)."""
    decode = torch.linalg.pinv(functional.pad(codes, (0, 1), value=1.0))  # the last row is the bias's
    u, s, v = torch.linalg.svd(decode @ (logits - logits.mean(1, keepdim=True)) @ decode.T)
    size = attention.proj.in_features // attention.heads
    root = (s[:size, None] * size**0.5).sqrt()
    for index, factor in enumerate((root * u[:, :size].T, root * v[:size])):  # the query, the key
        attention.qkv.weight.unflatten(0, (3, attention.heads, -1))[index, head] = factor[:, :-1]
        attention.qkv.bias.unflatten(0, (3, attention.heads, -1))[index, head] = factor[:, -1]


def cosines(rows: int, columns: int) -> Tensor:
    """A cosine basis of the plane (rows · columns, rows · columns): one function in each column, of mean square 1."""

    def basis(count: int) -> Tensor:
        middles = (torch.arange(count) + 0.5) * math.pi / count
        waves = torch.cos(torch.arange(count)[:, None] * middles)
        return waves / waves.square().mean(1, keepdim=True).sqrt()

    return torch.einsum("ah,bw->hwab", basis(rows), basis(columns)).reshape(rows * columns, -1)
