"""The only place that reads pickled weights, and it accepts nothing but tensors."""

import pickle
import struct
from pathlib import Path

import torch
from torch import Tensor

from ctflow.checkpoint.config import TRIPS
from ctflow.checkpoint.weights import read_weights
from ctflow.errors import CheckpointError

_PLAIN = "plain"
# In a file that is cut or damaged torch's reader can fail anywhere.
_TRIPS = (*TRIPS, AssertionError, EOFError, pickle.UnpicklingError, struct.error)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """A flat dict of tensors from a safetensors or a pickled file, of which no code is run (`weights_only`).

    Raises CheckpointError for anything else.
    """
    if path.suffix == ".safetensors":
        return read_weights(path)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except _TRIPS as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(
            f"{path} cannot be read as a file of tensors ({reason}). Is its download complete, and is it that file?"
        ) from error
    if not isinstance(weights, dict) or not all(map(_is_named_tensor, weights.items())):
        inside = ", ".join(map(str, list(weights)[:5])) if isinstance(weights, dict) else type(weights).__name__
        raise CheckpointError(f"{path} holds {inside} where a flat dict of tensors was expected.")
    if odd := next((name for name, tensor in weights.items() if _kind_of(tensor) != _PLAIN), None):
        raise CheckpointError(
            f"{path} holds {odd} as a {_kind_of(weights[odd])} tensor; a plain one was expected. Save it again as that."
        )
    return weights


def _kind_of(tensor: Tensor) -> str:
    """In a word, what would be lost if the values alone were written."""
    if tensor.is_meta:
        return "meta (empty)"
    if tensor.is_quantized:
        return "quantised"
    if tensor.layout is not torch.strided:
        return str(tensor.layout).removeprefix("torch.").replace("_", " ")
    return "complex" if tensor.is_complex() else _PLAIN


def _is_named_tensor(item: tuple[object, object]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)
