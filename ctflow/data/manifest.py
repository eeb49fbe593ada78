"""What a prepared data set says of itself: `set.json`, one line a volume in `manifest.jsonl`, and what was left out."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ctflow.card import Geometry, Latent, Text
from ctflow.checkpoint.folder import files_sha256
from ctflow.data.ctrate import Split
from ctflow.errors import DatasetError
from ctflow.hu import IntensityMap
from ctflow.io.files import write_atomic
from ctflow.validation import wrong_fields

SET, MANIFEST, REJECTED, CODES, VERIFIED = (
    "set.json",
    "manifest.jsonl",
    "rejected.jsonl",
    "codes.safetensors",
    "verified",
)
SET_FORMAT = 1
_strict = ConfigDict(extra="forbid", allow_inf_nan=False)
Natural = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True, config=_strict)
class SetFacts:
    """What a data set was made from and by: two sets of the same facts hold the same.

    `split`: of CT-RATE, or None for volumes of one's own. `reports_sha256`: of the names, patients and reports that
    were asked for. `encoders_sha256`: of the files of the A-VAE and the text encoder. `scale` and `shift` of `latent`
    are not applied to what is stored.
    """

    format: Literal[1]
    split: Split | None
    one_per_patient: bool
    reports_sha256: str
    model: str
    encoders_sha256: str
    precision: str
    geometry: Geometry
    intensity: IntensityMap
    latent: Latent
    text: Text
    shard_bytes: Count


@dataclass(frozen=True, kw_only=True, config=_strict)
class ManifestRow:
    """A volume, and where it lies: `slices` of them, from slice number `offset` of a shard on.

    `source_sha256`: of the scan's file, or of the files of its folder. `sha256`: of what is stored of the volume.
    """

    name: str
    patient: str
    slices: Count
    source_sha256: str
    shard: str
    offset: Natural
    sha256: str


@dataclass(frozen=True, kw_only=True, config=_strict)
class Rejection:
    """A volume that was left out, and why."""

    name: str
    reason: str


# Making one takes longer than reading a line.
_ADAPTERS: dict[type, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (SetFacts, ManifestRow, Rejection)}


def write_facts(folder: Path, facts: SetFacts) -> None:
    """Writes `set.json`. Raises CTFlowError."""
    write_atomic(folder / SET, _ADAPTERS[SetFacts].dump_json(facts, indent=2) + b"\n")


def read_facts(folder: Path) -> SetFacts:
    """Raises DatasetError that names the file and each field at fault."""
    path = folder / SET
    return _parsed(SetFacts, _bytes_of(path), str(path))


def write_rows(path: Path, rows: Sequence[ManifestRow] | Sequence[Rejection]) -> None:
    """Writes one line of JSON for each row. Raises CTFlowError."""
    write_atomic(path, b"".join(_ADAPTERS[type(row)].dump_json(row) + b"\n" for row in rows))


def read_manifest(folder: Path) -> list[ManifestRow]:
    """Raises DatasetError that names the line at fault."""
    return _read_rows(folder / MANIFEST, ManifestRow)


def read_rejections(folder: Path) -> list[Rejection]:
    """Raises DatasetError that names the line at fault."""
    return _read_rows(folder / REJECTED, Rejection)


def set_sha256(folder: Path) -> str:
    """The hash of a data set: of all that it says of itself, with a hash of each volume in it."""
    names = (SET, CODES, MANIFEST, REJECTED)
    try:
        return files_sha256(folder, (folder / name for name in names))
    except OSError as error:
        raise _not_a_set(Path(error.filename), error) from error


def _read_rows(path: Path, kind: type[R]) -> list[R]:
    lines = _bytes_of(path).splitlines()
    rows = [_parsed(kind, line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]
    if twice := _first_double(row.name for row in rows):  # type: ignore[attr-defined]  # both kinds have a name
        raise DatasetError(f"{path} names {twice} twice. Prepare the data set again, in a new folder.")
    return rows


def _first_double(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _not_a_set(path, error) from error


def _not_a_set(path: Path, error: OSError) -> DatasetError:
    return DatasetError(
        f"{path} cannot be read ({error.strerror}). A data set written by `python -m ctflow prepare` was expected."
    )


def _parsed(kind: type[R], data: bytes, where: str) -> R:
    try:
        return _ADAPTERS[kind].validate_json(data)
    except ValidationError as error:
        raise DatasetError(f"{where} is not what `python -m ctflow prepare` writes: {wrong_fields(error)}.") from error
