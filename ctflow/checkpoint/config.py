"""Networks and settings made of config files, where whatever such a file makes impossible is the file's fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ctflow.checkpoint.weights import check_said, read_json, without_weights
from ctflow.errors import CheckpointError
from ctflow.models import autoencoder_kl, bert
from ctflow.models.autoencoder_kl import DOWN_BLOCK, UP_BLOCK, AutoencoderKL, AutoencoderKLConfig
from ctflow.models.bert import Bert, BertConfig
from ctflow.validation import wrong_fields

# What building a network raises for a config that makes none: torch and diffusers each have their own idea of that.
TRIPS = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
C = TypeVar("C", bound=Any)  # a dataclass


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


def new_autoencoder(path: Path) -> AutoencoderKL:
    """An A-VAE's network without weights (see `without_weights`) of its config at `path`. Raises CheckpointError."""
    check_class(path, "AutoencoderKL")
    check_said(path, read_json(path), autoencoder_kl.FIXED_CONFIG)
    config = read_config(AutoencoderKLConfig, path)
    with read_by_others(path, "no AutoencoderKL"):
        return without_weights(lambda: AutoencoderKL(config))


def new_bert(path: Path) -> Bert:
    """A text encoder's network without weights of its config at `path`. Raises CheckpointError."""
    check_said(path, read_json(path), bert.FIXED_CONFIG)
    config = read_config(BertConfig, path)
    with read_by_others(path, "no text encoder"):
        return without_weights(lambda: Bert(config))


def new_tiny(path: Path) -> Any:
    """An AutoencoderTiny of diffusers without weights of its config at `path`. Raises CheckpointError."""
    from diffusers import AutoencoderTiny  # here, because it takes seconds, and few models have one

    check_class(path, "AutoencoderTiny")
    # diffusers writes down what it derives from the rest, and warns of it when it reads it again.
    config = {name: value for name, value in read_json(path).items() if name != "block_out_channels"}
    with read_by_others(path, "no AutoencoderTiny"):
        return without_weights(lambda: AutoencoderTiny.from_config(config))


def autoencoder_json(config: AutoencoderKLConfig) -> dict[str, Any]:
    """What diffusers needs in an A-VAE's config."""
    levels = len(config.block_out_channels)
    blocks = {"down_block_types": [DOWN_BLOCK] * levels, "up_block_types": [UP_BLOCK] * levels}
    return {
        **autoencoder_kl.FIXED_CONFIG,
        **asdict(config),
        "block_out_channels": list(config.block_out_channels),
        **blocks,
    }


def bert_json(config: BertConfig) -> dict[str, Any]:
    """What transformers needs in a text encoder's config."""
    return {**bert.FIXED_CONFIG, **asdict(config)}


def check_class(path: Path, expected: str) -> None:
    """Raises CheckpointError for a config of diffusers that says it is of another class."""
    found = read_json(path).get("_class_name")
    if found != expected:
        raise CheckpointError(f"{path} is the config of {found!r}; that of {expected!r} was expected here.")
