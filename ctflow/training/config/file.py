"""Configs of trainings as TOML files: dataclasses of tables of fields, with presets, described field by field."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from ctflow.errors import RequestError
from ctflow.validation import wrong_fields

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    C = TypeVar("C", bound=DataclassInstance)
else:
    C = TypeVar("C")

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Size = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Tracker = Literal["tensorboard", "wandb", "comet_ml", "mlflow", "trackio", "none"]
BelowOne = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class ConfigFile(Generic[C]):
    """How the config of `command` is read. `kind`: a dataclass of pydantic, of tables that are such dataclasses."""

    kind: type[C]
    command: str
    _adapter: TypeAdapter[C] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_adapter", TypeAdapter(self.kind))

    def of(self, values: Mapping[str, Mapping[str, Any]], where: str) -> C:
        """Tables of fields -> the config. Raises RequestError that names `where` and each field at fault."""
        try:
            return self._adapter.validate_python(values)
        except ValidationError as error:
            raise RequestError(
                f"{where} is no config of `{self.command}`: {wrong_fields(error)}. `--help` lists what there is."
            ) from error

    def read(self, path: Path, presets: Mapping[str, C]) -> C:
        """A TOML file; where it says `preset = NAME`, it needs to hold only what differs from that.

        Raises RequestError.
        """
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RequestError(f"{path} cannot be read as TOML ({error}).") from error
        name = given.pop("preset", None)
        if name is None and not given.keys() >= {table.name for table in fields(self.kind)}:
            raise RequestError(
                f"{path} lacks tables, and names no preset to take them from: begin it with `preset = NAME`, where "
                f"NAME is {json.dumps(list(presets))[1:-1]}."
            )
        if name is None:
            return self.of(given, str(path))
        if name not in presets:
            raise RequestError(f"{path} names the preset {name!r}; there are {', '.join(presets)}.")
        tables: dict[str, Any] = asdict(presets[name])
        for table, values in given.items():
            known = table in tables and isinstance(values, dict)
            tables[table] = {**tables[table], **values} if known else values
        return self.of(tables, str(path))

    def described_fields(self) -> Iterator[tuple[str, str]]:
        """Each table, and each field by its dotted name, with what it means, in their order."""
        schema = self._adapter.json_schema()
        for table, reference in schema["properties"].items():
            definition = schema["$defs"][reference["$ref"].rpartition("/")[2]]
            yield table, definition["description"]
            for name, facts in definition["properties"].items():
                yield f"{table}.{name}", " ".join(facts["description"].split())


def as_toml(config: "DataclassInstance") -> str:
    """A file that `ConfigFile.read` reads back equal."""
    tables = (
        "\n".join([f"[{name}]", *(f"{field} = {json.dumps(value)}" for field, value in table.items())])
        for name, table in asdict(config).items()
    )
    return "\n\n".join(tables) + "\n"


def planned(config: "DataclassInstance") -> dict[str, Any]:
    """What must stay the same when a training goes on, by dotted names: all but the table `run`."""
    tables = {name: table for name, table in asdict(config).items() if name != "run"}
    return {f"{name}.{field}": value for name, table in tables.items() for field, value in table.items()}
