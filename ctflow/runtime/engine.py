"""How the networks run on a device: precision, memory layout and, on a GPU, what is asked of `ctflow.runtime.cuda`."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import AutoencoderTiny
from torch import Tensor

from ctflow.choices import CUDA_LEVELS
from ctflow.errors import RequestError
from ctflow.models.avae import SliceDecoder
from ctflow.models.stdit import STDiT, Transformer
from ctflow.runtime.cuda import (
    Decode,
    Pace,
    PendingSlices,
    Replayed,
    compile_blocks,
    on_side_stream,
)
from ctflow.runtime.device import BF16_CAPABILITY


@dataclass(frozen=True, eq=False)
class Engine:
    """`decode`: scaled latents (N, C, h, w) -> intensity (N, rows, columns); `pace`: to be called after each step."""

    transformer: Transformer
    decode: Callable[[Tensor], PendingSlices]
    pace: Callable[[], None]


def engine_on(device: torch.device, transformer: STDiT, decoder: SliceDecoder, level: str) -> Engine:
    """Brings the networks, which are on `device`, into the precision and layout that suit it. `level`: CUDA_LEVELS.

    Raises RequestError for a level that is none, or that this device does not have.
    """
    if level not in CUDA_LEVELS:
        raise RequestError(f"The level for CUDA is one of {', '.join(CUDA_LEVELS)}; got {level!r}.")
    if level != "plain" and device.type != "cuda":
        raise RequestError(f"The level {level!r} needs a CUDA GPU, and the device is {device}: leave it out.")
    if device.type != "cuda":
        decoder.network.decoder.to(memory_format=torch.channels_last)  # a quarter faster
        return Engine(transformer, at_once(decoder.decode), lambda: None)
    for_transformer, for_avae = precision(torch.cuda.get_device_capability(device))
    transformer.lower(for_transformer)
    for part in decoder.network.children():  # the whole network's own `to` warns of modules to be spared, of none
        part.to(for_transformer if isinstance(decoder.network, AutoencoderTiny) else for_avae)
    rank = CUDA_LEVELS.index(level)
    decode, steps = at_once(decoder.decode), transformer
    if rank >= CUDA_LEVELS.index("overlap"):
        decode = on_side_stream(decoder.decode, device)
    if rank >= CUDA_LEVELS.index("compile"):
        compile_blocks(transformer)
    if rank >= CUDA_LEVELS.index("graph"):
        steps = Replayed(transformer)
    return Engine(steps, decode, Pace())


def precision(compute_capability: tuple[int, int]) -> tuple[torch.dtype, torch.dtype]:
    """Of the transformer (and of TAEF1) and of the A-VAE. A T4 has no bf16, and FLUX's A-VAE gives NaN in fp16.

    Not `torch.cuda.is_bf16_supported`, which says yes where it is only emulated.
    """
    if compute_capability >= BF16_CAPABILITY:
        return torch.bfloat16, torch.bfloat16
    return torch.float16, torch.float32


def at_once(decode: Decode) -> Callable[[Tensor], PendingSlices]:
    """Decodes before anything else is done."""

    def run(latents: Tensor) -> PendingSlices:
        slices = decode(latents).float().cpu()
        return PendingSlices(lambda: True, lambda: slices)

    return run
