"""I3D, which is published as a TorchScript program with its weights inside, and not as weights alone.

torch runs such a program with an interpreter of its own: no Python is run. But a program it is, which may also write
files, so only a file that one trusts should be given. Its SHA-256 belongs to the protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ctflow.checkpoint.config import TRIPS
from ctflow.errors import CheckpointError

FEATURES = 400
_TRIAL = (1, 3, 16, 32, 32)
Network = Callable[[Tensor], Tensor]  # uint8 (B, 3, slices, rows, columns) -> (B, FEATURES)


def load_i3d(path: Path, device: torch.device) -> Network:
    """The program of a file, on a device, called as StyleGAN-V calls it.

    Raises CheckpointError for one that cannot be called so, or answers otherwise.
    """
    try:
        program = torch.jit.load(path, map_location=device).eval()
    except TRIPS as error:
        raise CheckpointError(
            f"{path} is no TorchScript program ({_first_line(error)}). Is its download complete, and is it "
            "i3d_torchscript.pt?"
        ) from error

    def network(clips: Tensor) -> Tensor:
        """It rescales and resizes by itself, and answers with what comes before the softmax."""
        return program(clips, rescale=True, resize=True, return_features=True)

    _check_answers(network, path, device)
    return network


@torch.inference_mode()
def _check_answers(network: Network, path: Path, device: torch.device) -> None:
    expected = (_TRIAL[0], FEATURES)
    try:
        shape = tuple(network(torch.zeros(_TRIAL, dtype=torch.uint8, device=device)).shape)
    except TRIPS as error:
        raise CheckpointError(
            f"{path} cannot be called as I3D is, with rescale, resize and return_features ({_first_line(error)}). Is "
            "it i3d_torchscript.pt?"
        ) from error
    if shape != expected:
        raise CheckpointError(f"{path} answers with features of shape {shape} where {expected} was expected.")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
