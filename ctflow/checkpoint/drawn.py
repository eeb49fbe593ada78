"""What `evaluate obedience` found out about a model, in `measured/obedience.json` of its folder.

{"format": 1,
 "model": "<SHA-256 of the checkpoint>", "precision": "float32", "date": "2026-11-28",
 "settings": {"n": 96, "seed": 0, "phantoms": 360},
 "findings": {"Pleural effusion": {"asserted": {"share": 0.71, "low": 0.47, "high": 0.87, "n": 17},
                                   "denied": {...}, "phantoms": {...}}, ...}}

`findings` are `ctflow.drawn.Drawn`. The file is no part of the checkpoint's hash.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ctflow.drawn import Drawn
from ctflow.errors import CheckpointError
from ctflow.io.files import write_atomic
from ctflow.validation import wrong_fields

MEASURED = "measured"
OBEDIENCE = "obedience.json"
FORMAT: Literal[1] = 1


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MeasuredObedience:
    """What the file holds. `model`: the checkpoint's SHA-256; `settings`: how much was measured; `date`: ISO 8601."""

    format: Literal[1]
    model: str
    precision: str
    date: str
    settings: dict[str, int]
    findings: dict[str, Drawn]


_adapter = TypeAdapter(MeasuredObedience)


def write_drawn(folder: Path, measured: MeasuredObedience) -> None:
    """Writes the file into a checkpoint's folder. Raises VolumeError where that cannot be."""
    (folder / MEASURED).mkdir(exist_ok=True)
    write_atomic(folder / MEASURED / OBEDIENCE, _adapter.dump_json(measured, indent=1) + b"\n")


def keep_drawn(folder: Path, before: str, after: str) -> None:
    """What was measured of the checkpoint with the hash `before` is of `after`: only words of its card have changed."""
    path = folder / MEASURED / OBEDIENCE
    if path.is_file() and (measured := _adapter.validate_json(path.read_bytes(), strict=True)).model == before:
        write_drawn(folder, replace(measured, model=after))


def read_drawn(folder: Path, sha256: str) -> Mapping[str, Drawn]:
    """By finding, of the checkpoint with this hash; empty where it was never measured.

    Raises CheckpointError for a file that is damaged, or that another checkpoint left there.
    """
    path = folder / MEASURED / OBEDIENCE
    if not path.is_file():
        return MappingProxyType({})
    again = "Delete it, and measure again with `python -m ctflow evaluate obedience`."
    try:
        measured = _adapter.validate_json(path.read_bytes(), strict=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error}). {again}") from error
    except ValidationError as error:
        raise CheckpointError(
            f"{path} is no measured obedience of format {FORMAT}: {wrong_fields(error)}. {again}"
        ) from error
    if measured.model != sha256:
        raise CheckpointError(f"{path} is of model {measured.model[:8]}, and this is {sha256[:8]}. {again}")
    return MappingProxyType(measured.findings)
