"""Networks and settings made of config files, where whatever such a file makes impossible is the file's fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from diffusers import AutoencoderKL, AutoencoderTiny
from huggingface_hub.errors import StrictDataclassError
from pydantic import TypeAdapter, ValidationError

from ctflow.checkpoint.weights import read_json, without_memory
from ctflow.errors import CheckpointError
from ctflow.validation import wrong_fields

# What the libraries that build a network raise for a config that makes none: each has its own idea of that.
TRIPS = (
    ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, StrictDataclassError, TypeError, ValueError,
)  # fmt: skip
C = TypeVar("C", bound=Any)  # a dataclass
A = TypeVar("A", AutoencoderKL, AutoencoderTiny)


def read_config(kind: type[C], path: Path) -> C:
    """A dataclass of whole numbers and the like from a JSON file that may say more. Raises CheckpointError."""
    values = read_json(path)
    required = {field.name: field.default is MISSING for field in fields(kind)}
    if missing := {name for name, needed in required.items() if needed} - values.keys():
        raise CheckpointError(f"{path} lacks {', '.join(sorted(missing))}.")
    try:
        return TypeAdapter(kind).validate_python({name: values[name] for name in required.keys() & values.keys()})
    except ValidationError as error:
        raise CheckpointError(f"{path} is no {kind.__name__}: {wrong_fields(error)}.") from error


@contextmanager
def read_by_others(path: Path, makes: str) -> Iterator[None]:
    """Around another library's code that builds something of a file: what it trips over is the file's fault."""
    try:
        yield
    except TRIPS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"{path} makes {makes} ({reason}). Fetch or copy it again, whole.") from error


def new_diffusers(kind: type[A], config: dict[str, Any]) -> A:
    """A network without memory (see `without_memory`) of a config that diffusers has written."""
    # It writes down what AutoencoderTiny derives from the rest, and warns of it when it reads it again.
    derived = {"block_out_channels"} if kind is AutoencoderTiny else set()
    given = {name: value for name, value in config.items() if name not in derived}
    return without_memory(lambda: kind.from_config(given))


def check_class(path: Path, expected: str) -> None:
    """Raises CheckpointError for a config of diffusers that says it is of another class."""
    found = read_json(path).get("_class_name")
    if found != expected:
        raise CheckpointError(f"{path} is the config of {found!r}; that of {expected!r} was expected here.")
