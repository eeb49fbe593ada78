"""Training of the transformer: from a report and the previous chunk to the next one.

It learns to answer with the data, not the velocity: noise would have to pass through every layer, and a hidden size
as small as ours has no room for it beside the anatomy. The sampler turns the answer into the velocity.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from ctflow.flow import path, shifted
from ctflow.models.avae import AVAE
from ctflow.models.stdit import Attention, STDiT, STDiTConfig
from ctflow.training.loop import Stage, note_network, train
from ctflow.training.phantoms import STUDIES

NO_TEXT_SHARE = 0.1
PREVIOUS_NOISE = 0.3  # at most: what generation gives as the previous chunk is never quite right
NO_PREVIOUS_SHARE = 0.2  # of the chunks see zeros in its place: what it shows, the report need not tell
OTHER_PREVIOUS_SHARE = 0.25  # see the person's other study there: where the two disagree, the report is right
TEXT_SIZE = 2.5  # of the report's numbers in a token: what is large is learnt first
TOLD_WEIGHT, MOST_TOLD = 3.0, 12.0  # see `told_weight`
APART_WEIGHT = 4.0  # of what differs between a person's studies, beside all that does not
RIDGE = 1e-4  # of the regression that begins with the report's facts, in units of its numbers' own size
PLACE_SIZE = 1.5  # of the code of a token's place in the plane, beside patches of about unit size
SLAB_SIZE = 3.0  # and along the slices: temporal attention has no layer norm before it
WIDE_LOOK, NARROW_LOOK = 2.0, 0.5  # standard deviations, in tokens, of what a head of attention begins to look at
LEAST_LOOK = 8.0  # a logit is at most so much under the best
# A large effusion shows through all but the strongest noise, so the report is needed, and learnt, only near t = 1.
T_SHIFT = 5.0
FIRST_CHUNK_SHARE = 0.3  # it has nothing but the report to go by
SMALLEST_T = 0.3  # an error of the data is one of the velocity times t: its weight, but not without bound
ALIGNED_SHARE = 0.5  # of the other chunks begin where generation would; the rest begin anywhere


@dataclass(frozen=True, eq=False)
class LatentSet:
    """Scaled latents per phantom (C, slices, H, W) and the black and the white slice's codes (C, H, W).

    The phantoms are STUDIES of one person, then those of the next.
    """

    volumes: list[Tensor]
    black: Tensor
    white: Tensor
    texts: Tensor  # (phantoms, reports, D), several reports of the same truth
    told: np.ndarray  # (phantoms, facts), what the reports say, in numbers
    odds: np.ndarray  # (persons,), how often each is drawn; their sum is 1


@torch.inference_mode()
def encode_volume(avae: AVAE, intensity: np.ndarray, batch: int = 16) -> Tensor:
    """float32 intensity (slices, rows, columns) -> latents (C, slices, H, W)."""
    slices = torch.from_numpy(intensity)
    return torch.cat([avae.encode(part) for part in slices.split(batch)]).transpose(0, 1).contiguous()


def new_transformer(config: STDiTConfig, data: LatentSet, seed: int) -> STDiT:
    """A transformer whose tokens begin with rooms, so that little has to be learnt before the report can matter.

    A token begins as the principal components of its noisy patch, those of the previous chunk's, codes of its place
    in the plane and along the slices, and the report, each in dimensions of its own, and looks at its neighbours. Every
    branch and the answer begin at zero.
    """
    model = STDiT(config)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    slabs, rows, columns = config.tokens
    text_room = min(config.hidden_size // 7, data.told.shape[1])
    patch_room = config.hidden_size - rows * columns - (slabs - 1) - text_room
    noisy_room = patch_room * 4 // 7
    rng = np.random.default_rng([seed, 3])
    with torch.no_grad():
        _begin_patches(model.x_embedder.proj, noisy_room, patch_room, _windows(data, config.input_size[0], rng))
        plane, along = _places(config, patch_room)
        model.pos_embed.copy_((along[:, None] + plane).flatten(0, 1))
        model.pos_embed_temporal.zero_()  # is told already
        _begin_text(model, text_room, data.texts.float(), torch.from_numpy(data.told))
        begin_facts(model, data.texts.float(), torch.from_numpy(data.told))
        for block, distance in zip(model.blocks, itertools.cycle((1, 2)), strict=False):
            look_around(block.attn, plane, (rows, columns), distance)
            look_along(block.attn_temp, along)
        for block in model.blocks:
            for layer in (block.attn.proj, block.attn_temp.proj, block.mlp.fc2):
                layer.weight.zero_()
        # Calm in t too: the branches learn how much of the noise to let through.
        model.final_layer.linear.weight.zero_()
        model.final_layer.scale_shift_table.mul_(0.1)
        model.t_embedder.mlp[2].weight.mul_(0.3)
    return model


def _windows(data: LatentSet, size: int, rng: np.random.Generator, count: int = 200) -> Tensor:
    """(count, C, size, H, W) of latents from anywhere."""
    picks = rng.choice(len(data.volumes), size=count)
    return torch.stack([window(data, i, int(rng.integers(data.volumes[i].shape[1] - size + 1)), size) for i in picks])


def _begin_patches(proj: nn.Conv3d, noisy_room: int, patch_room: int, windows: Tensor) -> None:
    """The first `noisy_room` dimensions see the noisy patch, the next up to `patch_room` the previous one."""
    pt, ph, pw = proj.kernel_size
    patches = rearrange(windows, "b c (n pt) (h ph) (w pw) -> (b n h w) (c pt ph pw)", pt=pt, ph=ph, pw=pw)
    mean = patches.mean(0)
    components = torch.linalg.eigh((patches - mean).T @ (patches - mean)).eigenvectors.flip(1).T
    noisy, previous = components[:noisy_room], components[: patch_room - noisy_room]
    channels = windows.shape[1]
    proj.weight.zero_()
    proj.bias.zero_()
    proj.weight[:noisy_room, :channels] = noisy.unflatten(1, (channels, pt, ph, pw))
    proj.weight[noisy_room:patch_room, channels:] = previous.unflatten(1, (channels, pt, ph, pw))
    proj.bias[noisy_room:patch_room] = -previous @ mean


def _begin_text(model: STDiT, room: int, texts: Tensor, told: Tensor) -> None:
    """The first block writes what the report tells, varying by TEXT_SIZE in all, into the last `room` dimensions.

    A linear regression on the random features that the text embedding begins as: `texts` (phantoms, reports, D),
    `told` (phantoms, facts). Without a report it writes about zeros.
    """
    # The report comes as a vector of unit length; the layers after it expect numbers of unit size.
    nn.init.normal_(model.y_embedder.y_proj.fc1.weight)
    for block in model.blocks:
        block.cross_attn.proj.weight.zero_()
    first = model.blocks[0].cross_attn
    nn.init.eye_(first.proj.weight)
    values = first(model.y_embedder(texts)).flatten(0, 1)
    facts = told - told.mean(0)
    components = torch.linalg.eigh(facts.T @ facts).eigenvectors.flip(1)[:, :room]
    facts = (facts @ components).repeat_interleave(texts.shape[1], 0)
    no_report = torch.zeros(math.ceil(NO_TEXT_SHARE * len(values)), 1)
    values = torch.cat([values, no_report.expand(-1, values.shape[1])])
    facts = torch.cat([facts, no_report.expand(-1, room)])
    penalty = RIDGE * values.square().sum(0).mean() * torch.eye(values.shape[1])
    read = torch.linalg.solve(values.T @ values + penalty, values.T @ facts)
    first.proj.weight.zero_()
    first.proj.weight[-room:] = TEXT_SIZE / facts.std() * read.T


def begin_facts(model: STDiT, texts: Tensor, told: Tensor) -> None:
    """The facts that modulate the blocks begin as what the report tells, by a linear regression, and as zeros without
    a report. `texts` and `told` as in `_begin_text`. Each has the same spread, all together 1: what they do to the
    blocks begins at nothing and must not leap."""
    facts = (told - told.mean(0)) / told.std(0).clamp(min=1e-6) / told.shape[1] ** 0.5
    facts = facts.repeat_interleave(texts.shape[1], 0)
    inputs = functional.pad(texts.flatten(0, 1), (0, 1), value=1.0)
    no_report = functional.pad(torch.zeros(math.ceil(NO_TEXT_SHARE * len(inputs)), texts.shape[2]), (0, 1), value=1.0)
    inputs = torch.cat([inputs, no_report])
    facts = functional.pad(facts, (0, 0, 0, len(no_report)))
    penalty = RIDGE * inputs.square().sum(0).mean() * torch.eye(inputs.shape[1])
    read = torch.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ facts)
    model.text_facts.weight.copy_(read[:-1].T)
    model.text_facts.bias.copy_(read[-1])
    for block in model.blocks:
        block.text_modulation.weight.zero_()
        block.text_modulation.bias.zero_()


def _places(config: STDiTConfig, room: int) -> tuple[Tensor, Tensor]:
    """Codes of a token's place in the plane (rows · columns, D) and along the slices (slabs, D), from dimension `room`.

    A slab is the slices of one token.
    """
    slabs, rows, columns = config.tokens
    plane, along = torch.zeros(rows * columns, config.hidden_size), torch.zeros(slabs, config.hidden_size)
    plane[:, room : room + rows * columns] = PLACE_SIZE * cosines(rows, columns)
    along[:, room + rows * columns :][:, : slabs - 1] = SLAB_SIZE * cosines(slabs, 1)[:, 1:]
    return plane, along


def look_around(attention: Attention, places: Tensor, plane: tuple[int, int], distance: int) -> None:
    """The heads, in turn, look all around, up, down, left and right by `distance` tokens.

    `places` (rows · columns, D): what the tokens of a plane hold of their place.
    """
    offsets = [(0, 0), (-distance, 0), (distance, 0), (0, -distance), (0, distance)]
    place = torch.cartesian_prod(*(torch.arange(count) for count in plane))
    codes = places / places.square().mean(1, keepdim=True).sqrt()  # about as the layer norm leaves them
    for head, offset in zip(range(attention.heads), itertools.cycle(offsets), strict=False):
        aim = (place + torch.tensor(offset)).clamp(min=torch.zeros(2, dtype=torch.long), max=torch.tensor(plane) - 1)
        width = WIDE_LOOK if offset == (0, 0) else NARROW_LOOK
        logits = (aim[:, None] - place).square().sum(-1).div(-2 * width**2).clamp(min=-LEAST_LOOK)
        _look(attention, head, codes, logits)


def look_along(attention: Attention, places: Tensor) -> None:
    """The heads after the first look, in turn, at a token's own slab, at the one before and at the one after.

    Before the first comes the last, which holds how the previous chunk ended. `places` (slabs, D): see `_places`.
    """
    slab = torch.arange(len(places))
    aims = slab, slab.roll(1), (slab + 1).clamp(max=len(places) - 1)
    for head, aim in zip(range(1, attention.heads), itertools.cycle(aims), strict=False):
        _look(attention, head, places, (aim[:, None] - slab).square().div(-2 * NARROW_LOOK**2))


def _look(attention: Attention, head: int, codes: Tensor, logits: Tensor) -> None:
    """Queries and keys of a head that weighs tokens by `logits` (tokens, tokens), read off their `codes` (same, D)."""
    decode = torch.linalg.pinv(functional.pad(codes, (0, 1), value=1.0))  # the last is the bias's
    u, s, v = torch.linalg.svd(decode @ (logits - logits.mean(1, keepdim=True)) @ decode.T)
    size = attention.proj.in_features // attention.heads
    root = (s[:size, None] * size**0.5).sqrt()
    for part, side in enumerate((root * u[:, :size].T, root * v[:size])):
        attention.qkv.weight.unflatten(0, (3, attention.heads, -1))[part, head] = side[:, :-1]
        attention.qkv.bias.unflatten(0, (3, attention.heads, -1))[part, head] = side[:, -1]


def cosines(rows: int, columns: int) -> Tensor:
    """(rows · columns, rows · columns): a cosine basis of the plane, every function of unit size."""

    def basis(count: int) -> Tensor:
        middles = (torch.arange(count) + 0.5) * math.pi / count
        waves = torch.cos(torch.arange(count)[:, None] * middles)
        return waves / waves.square().mean(1, keepdim=True).sqrt()

    return torch.einsum("ah,bw->hwab", basis(rows), basis(columns)).reshape(rows * columns, -1)


def window(data: LatentSet, index: int, start: int, size: int) -> Tensor:
    """`size` slices of a phantom from `start` on: black before it, white after it."""
    volume = data.volumes[index]
    picks = range(start, start + size)
    slices = [data.black if i < 0 else volume[:, i] if i < volume.shape[1] else data.white for i in picks]
    return torch.stack(slices, dim=1)


def told_weight(data: LatentSet, size: int) -> Tensor:
    """(1, C, 1, H, W) of mean 1: where latents follow from what the reports say, errors count more.

    Measured by a linear regression of the latents of each chunk on `told`. Without it the report has a share of a
    hundredth in the loss, beside the build of the body, which no report tells.
    """
    facts = np.column_stack([data.told, np.ones(len(data.told))])
    count, dimensions = len(facts), np.linalg.matrix_rank(facts)
    explained = np.zeros(data.black.shape)
    for start in range(0, min(volume.shape[1] for volume in data.volumes), size):
        chunks = torch.stack([window(data, i, start, size) for i in range(count)]).numpy()
        spread = (chunks - chunks.mean(0)).reshape(count, -1)
        rest = spread - facts @ np.linalg.lstsq(facts, spread, rcond=None)[0]
        by_chance = rest.var(0) * dimensions / max(count - dimensions, 1)
        explained += (spread.var(0) - rest.var(0) - by_chance).reshape(chunks.shape[1:]).mean(1)
    share = np.clip(explained, 0, None) / max(np.clip(explained, 0, None).mean(), 1e-12)
    weight = torch.from_numpy(1 + TOLD_WEIGHT * np.minimum(share, MOST_TOLD)).float()
    return (weight / weight.mean())[None, :, None]


def _start(slices: int, size: int, rng: np.random.Generator) -> int:
    if rng.random() < FIRST_CHUNK_SHARE:
        return 0
    last = -(-slices // size)  # chunk after the phantom's end, so that an all-white chunk is seen too
    chunk = int(rng.integers(1, last + 1))
    return chunk * size if rng.random() < ALIGNED_SHARE else int(rng.integers(1, slices))


def train_transformer(stage: Stage, model: STDiT, data: LatentSet, batch: int) -> STDiT:
    """Flow matching on chunk pairs: t shifted to noise, reports dropped, the previous chunk noised against drift.

    The studies of a person come together and under the same noise, so that nothing but what is told differs.
    """
    size, persons = model.config.input_size[0], batch // STUDIES
    weight = told_weight(data, size)
    note_network(stage, model.config)

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        def for_each_study(of_persons: np.ndarray) -> Tensor:
            return torch.from_numpy(of_persons.repeat(STUDIES, axis=0)).to(device)

        first = STUDIES * rng.choice(len(data.odds), size=persons, p=data.odds)
        starts = [_start(data.volumes[i].shape[1], size, rng) - size for i in first]
        picks = (first[:, None] + np.arange(STUDIES)).flatten()
        places = zip(picks, np.repeat(starts, STUDIES), strict=True)
        pairs = torch.stack([window(data, i, start, 2 * size) for i, start in places]).to(device)
        previous, chunk = pairs.split(size, dim=2)
        text = data.texts[picks, rng.integers(data.texts.shape[1], size=batch)].float().to(device)
        text = text * for_each_study(rng.random((persons, 1)) >= NO_TEXT_SHARE)
        t = shifted(for_each_study(rng.random(persons, np.float32)), T_SHIFT)
        noise, previous_noise = (
            for_each_study(rng.standard_normal((persons, *chunk.shape[1:]), np.float32)) for _ in range(2)
        )
        level = PREVIOUS_NOISE * for_each_study(rng.random((persons, 1, 1, 1, 1), np.float32))
        point = path(chunk, noise, t.view(-1, 1, 1, 1, 1))
        seen = for_each_study(rng.random((persons, 1, 1, 1, 1)) >= NO_PREVIOUS_SHARE)
        other = for_each_study(rng.random((persons, 1, 1, 1, 1)) < OTHER_PREVIOUS_SHARE)
        others = previous.unflatten(0, (persons, STUDIES)).roll(1, dims=1).flatten(0, 1)
        previous = (torch.where(other, others, previous) + level * previous_noise) * seen
        answer = model(point, previous, text[:, None], t)
        error = (answer.float() - chunk) / t.clamp(min=SMALLEST_T).view(-1, 1, 1, 1, 1)
        return apart(error * weight.sqrt().to(device))

    return train(stage, model, losses)


def apart(errors: Tensor) -> dict[str, Tensor]:
    """Squared errors (persons · STUDIES, ...), what a person's studies have in common apart from what they have not."""
    errors = errors.unflatten(0, (-1, STUDIES))
    common = errors.mean(1, keepdim=True)
    return {"common": common.square().mean(), "told": APART_WEIGHT * (errors - common).square().mean()}
