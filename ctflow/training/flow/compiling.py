"""What training has compiled for a GPU."""

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

from ctflow.models.stdit import STDiT
from ctflow.runtime.compiler import missing_for_compiling

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)


def compiled(
    compute: Callable[P, R], device: torch.device | str, missing: Callable[[], str | None] = missing_for_compiling
) -> Callable[P, R]:
    """`compute`, compiled for a GPU; its arguments must have the same shapes at every call.

    A CPU gains nothing by it. Where what compiling needs is `missing`, it stays as it is, and the log says so.
    """
    return torch.compile(compute, dynamic=False) if _can_compile(device, missing) else compute


def compile_blocks(
    model: STDiT, device: torch.device | str, missing: Callable[[], str | None] = missing_for_compiling
) -> None:
    """As `compiled`, for each block of a transformer in place: they are alike, so little is compiled."""
    if _can_compile(device, missing):
        for block in model.blocks:
            block.compile(dynamic=False)


def _can_compile(device: torch.device | str, missing: Callable[[], str | None]) -> bool:
    if torch.device(device).type != "cuda":
        return False
    if lacks := missing():
        log.warning("training is not compiled, and slower: %s is not found", lacks)
        return False
    return True
