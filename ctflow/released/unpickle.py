"""The only door for pickled weights, and they come through it as tensors alone."""

import pickle
from pathlib import Path

import torch
from torch import Tensor

from ctflow.errors import CheckpointError
from ctflow.weights import read_weights


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """A flat dict of tensors from a safetensors or a pickled file (`weights_only`, so that no code in it runs).

    Raises CheckpointError for anything else.
    """
    if path.suffix == ".safetensors":
        return read_weights(path)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"{path} cannot be read as a file of tensors ({reason}). Is its download complete, and is it that file?"
        ) from error
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        inside = ", ".join(map(str, list(weights)[:5])) if isinstance(weights, dict) else type(weights).__name__
        raise CheckpointError(f"{path} holds {inside} where a flat dict of tensors was expected.")
    return weights
