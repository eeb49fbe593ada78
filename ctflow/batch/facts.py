"""What all volumes of a batch's folder are made by, so that nobody goes on with other settings and mixes the two."""

from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ctflow.batch.job import BatchJob
from ctflow.errors import RequestError
from ctflow.io.files import write_atomic
from ctflow.io.sidecar import Model
from ctflow.validation import wrong_fields

FACTS = "batch.json"
_strict = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True, config=_strict)
class BatchFacts:
    """`seed`: of the batch, from which those of the cases follow. `settings`: what is asked beside a report and a seed.

    `start_slices`: of a real volume, for gt-head; None for one chunk.
    """

    format: Literal[1]
    seed: int
    settings: dict[str, Any]
    model: Model
    precision: str
    layout: str
    start_slices: int | None


_adapter = TypeAdapter(BatchFacts)


def begin_with(facts: BatchFacts, folder: Path) -> None:
    """Writes the facts of a new batch into `folder`, in that of its volumes; compares those of one that has volumes.

    Raises RequestError that names what differs.
    """
    path = folder / FACTS
    if not path.exists() or not any(folder.parent.rglob("*.nii.gz")):
        write_atomic(path, _adapter.dump_json(facts, indent=2) + b"\n")
    found, asked = _flat(_read(path)), _flat(facts)
    differences = [
        f"{name} is {found.get(name)}, not {asked.get(name)}"
        for name in found | asked
        if found.get(name) != asked.get(name)
    ]
    if differences:
        raise RequestError(
            f"{folder.parent} holds volumes of another batch: {'; '.join(differences)}. Name another folder."
        )


def _flat(facts: BatchFacts) -> dict[str, Any]:
    return {
        **vars(facts),
        "model": facts.model.name,
        "model's hash": facts.model.sha256,
        **facts.settings,
        "settings": 0,
    }


def check_model(sha256: str, job: BatchJob) -> None:
    """Raises RequestError where the model that a worker has loaded is not the one that the batch was begun with."""
    if sha256 != _read(job.own / FACTS).model.sha256:
        raise RequestError(
            f"{job.model} was written anew since this batch began, perhaps by a training that goes on, and volumes of "
            "two models would be mixed. Copy the model, and generate from the copy into another folder."
        )


def _read(path: Path) -> BatchFacts:
    try:
        return _adapter.validate_json(path.read_bytes())
    except OSError as error:
        raise RequestError(f"{path} cannot be read ({error.strerror}). Name another folder.") from error
    except ValidationError as error:
        raise RequestError(
            f"{path} is not what `generate --reports` writes: {wrong_fields(error)}. Name another folder."
        ) from error
