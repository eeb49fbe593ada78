"""Training of the transformer: from a report and the previous chunk to the next one.

It learns to answer with the data, not the velocity: noise would have to pass through every layer, and a hidden size
as small as ours has no room for it beside the anatomy. The sampler turns the answer into the velocity.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ctflow.flow import path, shifted
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT, STDiTConfig
from ctflow.training.loop import Stage, train

NO_TEXT_SHARE = 0.1
PREVIOUS_NOISE = 0.05
# A large effusion shows through all but the strongest noise, so the report is needed, and learnt, only near t = 1.
T_SHIFT = 5.0
FIRST_CHUNK_SHARE = 0.4  # it has nothing but the report to go by
SMALLEST_T = 0.15  # an error of the data is one of the velocity times t: its weight, but not without bound
ALIGNED_SHARE = 0.5  # of the other chunks begin where generation would; the rest begin anywhere


@dataclass(frozen=True, eq=False)
class LatentSet:
    """Scaled latents per phantom (C, slices, H, W) and the black and the white slice's codes (C, H, W)."""

    volumes: list[Tensor]
    black: Tensor
    white: Tensor
    texts: Tensor  # (phantoms, reports, D), several reports of the same truth
    odds: np.ndarray  # (phantoms,), how often each is drawn; their sum is 1


@torch.inference_mode()
def encode_volume(avae: AVAE, intensity: np.ndarray, batch: int = 16) -> Tensor:
    """float32 intensity (slices, rows, columns) -> latents (C, slices, H, W)."""
    slices = torch.from_numpy(intensity)
    return torch.cat([avae.encode(part) for part in slices.split(batch)]).transpose(0, 1).contiguous()


def new_transformer(config: STDiTConfig) -> STDiT:
    """Xavier weights; the answer and the text's share begin at zero, so that training begins calm."""
    model = STDiT(config)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    nn.init.xavier_uniform_(model.x_embedder.proj.weight.flatten(1))
    # The report comes as a vector of unit length; the layers after it expect numbers of unit size.
    nn.init.normal_(model.y_embedder.y_proj.fc1.weight)
    nn.init.zeros_(model.final_layer.linear.weight)
    for block in model.blocks:
        nn.init.zeros_(block.cross_attn.proj.weight)
    return model


def window(data: LatentSet, index: int, start: int, size: int) -> Tensor:
    """`size` slices of a phantom from `start` on: black before it, white after it."""
    volume = data.volumes[index]
    picks = range(start, start + size)
    slices = [data.black if i < 0 else volume[:, i] if i < volume.shape[1] else data.white for i in picks]
    return torch.stack(slices, dim=1)


def _start(slices: int, size: int, rng: np.random.Generator) -> int:
    if rng.random() < FIRST_CHUNK_SHARE:
        return 0
    last = -(-slices // size)  # chunk after the phantom's end, so that an all-white chunk is seen too
    chunk = int(rng.integers(1, last + 1))
    return chunk * size if rng.random() < ALIGNED_SHARE else int(rng.integers(1, slices))


def train_transformer(stage: Stage, model: STDiT, data: LatentSet, batch: int) -> STDiT:
    """Flow matching on chunk pairs: t shifted to noise, reports dropped, the previous chunk noised against drift."""
    size = model.config.input_size[0]

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        picks = rng.choice(len(data.volumes), size=batch, p=data.odds)
        pairs = torch.stack(
            [window(data, i, _start(data.volumes[i].shape[1], size, rng) - size, 2 * size) for i in picks]
        ).to(device)
        previous, chunk = pairs.split(size, dim=2)
        text = data.texts[torch.from_numpy(picks), torch.from_numpy(rng.integers(data.texts.shape[1], size=batch))]
        text = text * torch.from_numpy(rng.random((batch, 1)) >= NO_TEXT_SHARE)
        t = shifted(torch.from_numpy(rng.random(batch, np.float32)).to(device), T_SHIFT)
        noise, previous_noise = torch.from_numpy(rng.standard_normal((2, *chunk.shape), np.float32)).to(device)
        point = path(chunk, noise, t.view(-1, 1, 1, 1, 1))
        answer = model(point, previous + PREVIOUS_NOISE * previous_noise, text[:, None].float().to(device), t)
        error = (answer.float() - chunk) / t.clamp(min=SMALLEST_T).view(-1, 1, 1, 1, 1)
        return {"velocity": error.square().mean()}

    return train(stage, model, losses)
