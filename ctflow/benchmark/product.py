"""The product's networks, in one of the ways in which a device can run them."""

import copy
import time
from dataclasses import dataclass

import torch
from torch import nn

from ctflow.benchmark.subject import Subject
from ctflow.choices import CUDA_LEVELS
from ctflow.runtime.device import Precision, precisions_of, resolve_precision
from ctflow.runtime.engine import Engine, engine_on


@dataclass(frozen=True)
class Way:
    """A level of CUDA_LEVELS and a precision. `name`: as a heading."""

    name: str
    level: str
    precision: Precision


def ways_on(device: torch.device, precision: str, level: str | None) -> list[Way]:
    """What there is to compare on `device`: on a GPU the levels, on a CPU float32 and bf16.

    `precision`: one of PRECISIONS, auto for all that are to be compared. `level`: one alone, or None.
    """
    if device.type == "cuda":
        chosen = resolve_precision(device, precision)
        return [Way(f"{each}, {chosen.name}", each, chosen) for each in ([level] if level else CUDA_LEVELS)]
    precisions = precisions_of(device) if precision == "auto" else [resolve_precision(device, precision)]
    return [Way(each.name, level or "plain", each) for each in precisions]


@dataclass(frozen=True, eq=False)
class Product:
    """The engine of a way. `slices_at_once`: how many it decodes together. `own_bytes`: the size of its weights.

    `ready_s`: how long it took to copy, cast and lay out the weights; what a first use adds is measured elsewhere.
    """

    way: Way
    engine: Engine
    slices_at_once: int
    own_bytes: int
    ready_s: float


@torch.inference_mode(False)  # a model is loaded outside of it, too: what is made inside cannot be changed elsewhere
@torch.no_grad()
def product_of(subject: Subject, way: Way) -> Product:
    """Has its own weights: in another layout, and perhaps in another precision, than the reference's."""
    began = time.perf_counter()
    transformer, decoder = copy.deepcopy(subject.transformer), copy.deepcopy(subject.avae)
    engine = engine_on(subject.device, transformer, decoder, way.level, way.precision)
    return Product(
        way=way,
        engine=engine,
        slices_at_once=engine.slices_at_once,
        own_bytes=bytes_of(transformer, decoder),
        ready_s=time.perf_counter() - began,
    )


def bytes_of(*networks: nn.Module) -> int:
    """The size of their weights."""
    tensors = [tensor for network in networks for tensor in (*network.parameters(), *network.buffers())]
    return sum(tensor.nbytes for tensor in tensors)
