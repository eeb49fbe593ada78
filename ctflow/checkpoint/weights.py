"""Weight files are found, read and fitted into a network strictly: no tensor missing, left over or reshaped."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ctflow.errors import CheckpointError

CONFIG = "config.json"
Shape = tuple[int, ...]
_PLAIN = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
_LFS_POINTER = b"version https://git-lfs"


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises CheckpointError that names the file."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds a {type(values).__name__} where an object was expected.")
    return values


def weight_files(path: Path) -> list[Path]:
    """`path` itself, or the files that the index beside it names, as the hub's libraries cut large weights."""
    index = index_of(path)
    if path.exists() or not index.exists():
        return [path]
    named = read_json(index).get("weight_map")
    names = list(named.values()) if isinstance(named, dict) else []
    if not names or any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise CheckpointError(f"{index} names no weight files beside it. Fetch or copy it again.")
    return [path.with_name(name) for name in sorted(set(names))]


def index_of(path: Path) -> Path:
    """Where the index lies of weights that are cut into several files."""
    return path.with_name(f"{path.name}.index.json")


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of the files that its index names. Raises CheckpointError."""
    return _gathered(path, load_file)


def read_shapes(path: Path) -> dict[str, Shape]:
    """As `read_weights`, but from the headers alone: the weights themselves are not read."""
    return _gathered(path, _shapes)


def read_some(path: Path, names: Collection[str]) -> dict[str, Tensor]:
    """As `read_weights`, but only the tensors of these names."""

    def some(part: Path) -> dict[str, Tensor]:
        with safe_open(part, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys() if name in names}  # noqa: SIM118

    return _gathered(path, some)


def _shapes(part: Path) -> dict[str, Shape]:
    with safe_open(part, "pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def _gathered(path: Path, read: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in weight_files(path):
        try:
            values = read(part)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{part} cannot be read as safetensors: {error}.{_advice(part)}") from error
        if twice := found.keys() & values.keys():
            raise CheckpointError(f"{part} holds {min(twice)}, and so does another of the files. Fetch them again.")
        found.update(values)
    return found


def _advice(part: Path) -> str:
    if not part.exists():
        return " Fetch it again: the download is not complete."
    try:
        with part.open("rb") as file:
            begins = file.read(len(_LFS_POINTER))
    except OSError:
        return " Name a file that may be read, or change its permissions."
    if begins == _LFS_POINTER:
        return " It is a Git LFS pointer, not the weights: run `git lfs pull` where it came from."
    return " Fetch it again if its download was cut; a pickle is never opened."


def check_fit(expected: Mapping[str, Shape], found: Mapping[str, Shape], path: Path) -> None:
    """Raises CheckpointError that names the first tensors at fault if weights do not fit their config."""
    wrong = [f"missing {name}" for name in expected if name not in found]
    wrong += [f"unknown {name}" for name in found if name not in expected]
    wrong += [
        f"{name} is {found[name]} instead of {shape}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise CheckpointError(f"{path} does not fit its {CONFIG}: {'; '.join(wrong[:5])}{more}.")


def check_said(path: Path, said: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raises CheckpointError if the config at `path` says anything else than what is `known` of its weights.

    This is for what the weights' shapes do not show. What the config does not say is not compared.
    """
    for name, value in known.items():
        if said.get(name, value) != value:
            raise CheckpointError(
                f"{path} says {name} {said[name]!r} instead of {value!r}, as it was released. "
                "Fetch it again, from where the weights came."
            )


def shapes_of(tensors: Mapping[str, Tensor] | Iterable[tuple[str, Tensor]]) -> dict[str, Shape]:
    """Names and shapes, as `check_fit` compares them."""
    return {name: tuple(tensor.shape) for name, tensor in dict(tensors).items()}


class _NothingDrawn(TorchFunctionMode):
    """New tensors hold what the memory happens to hold, where their values would be drawn at random."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (Tensor.normal_, Tensor.uniform_):
            return args[0]
        return (torch.empty if func is torch.randn else func)(*args, **kwargs or {})


def without_weights(new_network: Callable[[], Any]) -> Any:
    """The network with shapes, to compare with a file or to be filled from one; its weights are not drawn.

    Memory that nobody writes to costs nothing. (The device "meta" would do as well, but drawing on it imports a third
    of torch.)
    """
    with _NothingDrawn():
        return new_network()


def fill(network: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Gives the network every one of `weights`, in its own dtype.

    The tensors are taken over and not copied, so that a large model lies in memory only once. Raises CheckpointError
    if they do not fit, or if they mean something only with a scale that lies elsewhere, as in quantised files.
    """
    expected = network.state_dict()
    check_fit(shapes_of(expected), shapes_of(weights), path)
    for name, tensor in expected.items():
        if tensor.is_floating_point() and weights[name].dtype not in _PLAIN:
            raise CheckpointError(f"{path} holds {name} as {weights[name].dtype}: float32, bf16 or fp16 was expected.")
    taken = {name: weights[name].to(tensor.dtype) for name, tensor in expected.items()}
    network.load_state_dict(taken, assign=True)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
