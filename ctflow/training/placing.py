"""Work for a GPU that does not make the host wait."""

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

from ctflow.runtime.compiler import missing_for_compiling

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)


def on_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """The tensor on a device. A copy to a GPU goes from pinned memory, and neither side waits for the other."""
    if torch.device(device).type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def compiled(
    compute: Callable[P, R], device: torch.device | str, missing: Callable[[], str | None] = missing_for_compiling
) -> Callable[P, R]:
    """`compute`, compiled for a GPU; its arguments must have the same shapes at every call.

    A CPU gains nothing by it. Where what compiling needs is `missing`, it stays as it is, and the log says so.
    """
    if torch.device(device).type != "cuda":
        return compute
    if lacks := missing():
        log.warning("training is not compiled, and slower: %s is not found", lacks)
        return compute
    return torch.compile(compute, dynamic=False)
