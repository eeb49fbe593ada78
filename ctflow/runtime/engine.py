"""How the networks run on a device: precision, memory layout and, on a GPU, what is asked of `ctflow.runtime.cuda`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ctflow.choices import CUDA_CHOICES, CUDA_LEVELS
from ctflow.errors import RequestError
from ctflow.models.avae import TAEF1, SliceDecoder
from ctflow.models.stdit import STDiT, Transformer
from ctflow.runtime.allocator import keep_freed_memory
from ctflow.runtime.compiler import check_compiler
from ctflow.runtime.cuda import (
    Pace,
    ReplayedTransformer,
    compile_blocks,
    compile_decoder,
    on_side_stream,
)
from ctflow.runtime.decoding import Decoding, blocking, in_full_batches, most_that_divide
from ctflow.runtime.device import Precision, on_device
from ctflow.runtime.packed import pack
from ctflow.runtime.upsampling import upsample_by_phases

# The share of a GPU's memory that decoding may take. Of all its memory, not of what is free now: the number of slices
# that are decoded together decides about last bits, and the same GPU is to give the same volume every time.
DECODING_SHARE = 1 / 8


@dataclass(frozen=True, eq=False)
class Engine:
    """What sampling runs on.

    `slices_at_once`: how many are decoded together. `upload`: brings a tensor of the CPU to the device. `pace`: to be
    called after each step. `slow_at_first`: whether a first use chooses, records or compiles what later ones need.
    """

    transformer: Transformer
    decode: Decoding
    slices_at_once: int
    upload: Callable[[Tensor], Tensor]
    pace: Callable[[], None]
    slow_at_first: bool


EngineFactory = Callable[[torch.device, STDiT, SliceDecoder, str, Precision], Engine]


def level_for(name: str, device: torch.device) -> str:
    """The level of that name. `auto` is `graph` on a GPU and `plain` elsewhere.

    On a GPU, because Python needs about as long to start a step's 500 kernels one by one as the GPU to run them, while
    one graph of them is recorded in a few steps; `compile` would take a minute, and a compiler. None was measured yet.
    Raises RequestError for a level that does not exist, or that this device does not have.
    """
    if name not in CUDA_CHOICES:
        raise RequestError(f"The level for CUDA is one of {', '.join(CUDA_CHOICES)}; got {name!r}.")
    if name == "auto":
        return "graph" if device.type == "cuda" else "plain"
    if device.type != "cuda" and name != "plain":
        raise RequestError(f"The level {name!r} needs a CUDA GPU, and the device is {device}: leave it out.")
    return name


def engine_on(
    device: torch.device, transformer: STDiT, decoder: SliceDecoder, level: str, precision: Precision
) -> Engine:
    """Casts and lays out the networks, which are on `device` already, as suits it. `level`: as for `level_for`.

    They can only be run after it, and neither trained nor saved.
    Raises RequestError for a level that does not exist, or that this device does not have, ResourceError where this
    machine lacks what a level needs.
    """
    level = level_for(level, device)
    if device.type == "cuda":
        _cast(transformer, decoder, precision)
        return _cuda_engine(device, transformer, decoder, CUDA_LEVELS.index(level))
    upsample_by_phases(decoder.network.decoder)
    _cast(transformer, decoder, precision)
    decoder.network.decoder.to(memory_format=torch.channels_last)  # a quarter faster
    pack(transformer)
    keep_freed_memory()
    return Engine(
        transformer,
        decode=blocking(decoder.decode),
        slices_at_once=decoder.slices_at_once(*_plane(transformer, decoder)),
        upload=lambda tensor: tensor,
        pace=lambda: None,
        slow_at_first=False,
    )


def _plane(transformer: STDiT, decoder: SliceDecoder) -> tuple[int, int]:
    """Rows and columns of the slices."""
    _, rows, columns = transformer.config.input_size
    return rows << decoder.halvings, columns << decoder.halvings


def _cast(transformer: STDiT, decoder: SliceDecoder, precision: Precision) -> None:
    transformer.to_mixed_precision(precision.transformer)
    decoder_dtype = precision.transformer if isinstance(decoder, TAEF1) else precision.avae
    for part in decoder.network.children():  # `to` of the whole network warns about modules to keep in float32
        part.to(decoder_dtype)


def _cuda_engine(device: torch.device, transformer: STDiT, decoder: SliceDecoder, level: int) -> Engine:
    if level >= CUDA_LEVELS.index("compile"):
        check_compiler()
        compile_blocks(transformer)
        compile_decoder(decoder.network.decoder)
    size = _decode_large_batches(device, transformer, decoder)
    decode = in_full_batches(decoder.decode, size)
    overlaps = level >= CUDA_LEVELS.index("overlap")
    return Engine(
        ReplayedTransformer(transformer) if level >= CUDA_LEVELS.index("graph") else transformer,
        decode=on_side_stream(decode, device) if overlaps else blocking(decode),
        slices_at_once=size,
        upload=partial(on_device, device=device),
        pace=Pace(),
        slow_at_first=True,
    )


def _decode_large_batches(device: torch.device, transformer: STDiT, decoder: SliceDecoder) -> int:
    """Lets the decoder take a whole chunk at once where memory allows, else an even part of it, and returns how many.

    A few slices do not fill a GPU, and a chunk is decoded within a few steps' time, so Stop is heard soon enough.
    """
    slices = transformer.config.input_size[0]
    decoder.memory_bytes = int(DECODING_SHARE * torch.cuda.get_device_properties(device).total_memory)
    decoder.most_at_once = slices
    decoder.most_at_once = most_that_divide(slices, decoder.slices_at_once(*_plane(transformer, decoder)))
    return decoder.most_at_once
