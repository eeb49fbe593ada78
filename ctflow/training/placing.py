"""Work for a GPU that does not make the host wait."""

import logging
import os
import shutil
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")
COMPILERS = ("gcc", "clang", "cc")  # any of these builds what torch.compile writes, if CC names no other

log = logging.getLogger(__name__)


def on_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """The tensor on a device. A copy to a GPU goes from pinned memory, and neither side waits for the other."""
    if torch.device(device).type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def compiled(compute: Callable[P, R], device: torch.device | str) -> Callable[P, R]:
    """`compute`, compiled for a GPU; its arguments must have the same shapes at every call.

    A CPU gains nothing by it. Without a C compiler it stays as it is, and the log says so.
    """
    if torch.device(device).type != "cuda":
        return compute
    if not os.environ.get("CC") and not any(map(shutil.which, COMPILERS)):
        log.warning("training is not compiled, and slower: that needs a C compiler, such as gcc, on PATH or in CC")
        return compute
    return torch.compile(compute, dynamic=False)
