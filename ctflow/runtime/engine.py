"""How the networks run on a device: precision, memory layout and, on a GPU, what is asked of `ctflow.runtime.cuda`."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ctflow.choices import CUDA_LEVELS
from ctflow.errors import RequestError
from ctflow.models.avae import TAEF1, SliceDecoder
from ctflow.models.stdit import STDiT, Transformer
from ctflow.runtime.cuda import (
    Decode,
    Pace,
    PendingSlices,
    ReplayedTransformer,
    compile_blocks,
    on_side_stream,
)
from ctflow.runtime.device import Precision
from ctflow.runtime.packed import pack


@dataclass(frozen=True, eq=False)
class Engine:
    """What sampling runs on.

    `decode`: scaled latents (N, C, h, w) -> intensity (N, rows, columns). `pace`: to be called after each step.
    """

    transformer: Transformer
    decode: Callable[[Tensor], PendingSlices]
    pace: Callable[[], None]


EngineFactory = Callable[[torch.device, STDiT, SliceDecoder, str, Precision], Engine]


def engine_on(
    device: torch.device, transformer: STDiT, decoder: SliceDecoder, level: str, precision: Precision
) -> Engine:
    """Casts and lays out the networks, which are on `device` already, as suits it. `level`: one of CUDA_LEVELS.

    They can only be run after it, and neither trained nor saved.
    Raises RequestError for a level that does not exist, or that this device does not have.
    """
    if level not in CUDA_LEVELS:
        raise RequestError(f"The level for CUDA is one of {', '.join(CUDA_LEVELS)}; got {level!r}.")
    if device.type != "cuda" and level != "plain":
        raise RequestError(f"The level {level!r} needs a CUDA GPU, and the device is {device}: leave it out.")
    _cast(transformer, decoder, precision)
    if device.type == "cuda":
        return _cuda_engine(device, transformer, decoder, CUDA_LEVELS.index(level))
    decoder.network.decoder.to(memory_format=torch.channels_last)  # a quarter faster
    pack(transformer)
    return Engine(transformer, decode=blocking(decoder.decode), pace=lambda: None)


def _cast(transformer: STDiT, decoder: SliceDecoder, precision: Precision) -> None:
    transformer.to_mixed_precision(precision.transformer)
    decoder_dtype = precision.transformer if isinstance(decoder, TAEF1) else precision.avae
    for part in decoder.network.children():  # `to` of the whole network warns about modules to keep in float32
        part.to(decoder_dtype)


def _cuda_engine(device: torch.device, transformer: STDiT, decoder: SliceDecoder, level: int) -> Engine:
    decode = blocking(decoder.decode)
    if level >= CUDA_LEVELS.index("overlap"):
        decode = on_side_stream(decoder.decode, device)
    if level >= CUDA_LEVELS.index("compile"):
        compile_blocks(transformer)
    stepping = ReplayedTransformer(transformer) if level >= CUDA_LEVELS.index("graph") else transformer
    return Engine(stepping, decode=decode, pace=Pace())


def blocking(decode: Decode) -> Callable[[Tensor], PendingSlices]:
    """Decodes before anything else is done."""

    def run(latents: Tensor) -> PendingSlices:
        slices = decode(latents).float().cpu()
        return PendingSlices(ready=lambda: True, wait=lambda: slices)

    return run
