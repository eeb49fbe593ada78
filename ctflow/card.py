"""ModelCard: everything that a checkpoint must say about itself. No defaults: what is missing is an error."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ctflow.errors import CheckpointError, RequestError, faults
from ctflow.hu import IntensityMap
from ctflow.report import Report, fields_of
from ctflow.request import GenerationRequest, Solver

_strict = ConfigDict(extra="forbid", allow_inf_nan=False)
Direction = Literal["L", "R", "P", "A", "S", "I"]
Axes = tuple[Direction, Direction, Direction]
Proof = Literal["proved", "inferred"]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
CARD_FORMAT = 1
# What each field of `Evidence` is of, in words.
_CLAIMS = {
    "axes": "left and right",
    "spacing": "slice spacing",
    "intensity": "Hounsfield units",
    "text": "text format",
}
CARD = "card.json"


def _upright(axes: Axes) -> Axes:
    if axes[0] not in "SI" or not any(axes[1] in a and axes[2] in b for a, b in (("LR", "PA"), ("PA", "LR"))):
        raise ValueError(
            f"slices go to S or I, rows and columns one to L or R and the other to P or A; got {', '.join(axes)}"
        )
    return axes


def _of_a_report(parts: tuple[str, ...]) -> tuple[str, ...]:
    """A part with a field that no report has would be left out of every text, and nobody would see it."""
    report = asdict(Report("findings", "impression", "F", 50))
    for part in parts:
        if unknown := fields_of(part) - report.keys():
            raise ValueError(f"{part!r} names {', '.join(sorted(unknown))}, and a report has {', '.join(report)}")
        try:
            part.format(**report)
        except LookupError as error:
            raise ValueError(f"{part!r} cannot be filled in") from error
    if not any("findings" in fields_of(part) for part in parts):
        raise ValueError("no part names {findings}, so that the report would not be read")
    return parts


@dataclass(frozen=True, config=_strict)
class Geometry:
    """`axes`: the directions in which the model's slice, row and column index grow."""

    slices_per_chunk: Count
    max_chunks: Count
    rows: Count
    columns: Count
    slice_spacing_mm: Positive
    pixel_spacing_mm: Positive
    axes: Annotated[Axes, AfterValidator(_upright)]


@dataclass(frozen=True, config=_strict)
class Evidence:
    """Whether what the weights do not say themselves was seen in their volumes or told by their makers, or not."""

    axes: Proof
    spacing: Proof
    intensity: Proof
    text: Proof


@dataclass(frozen=True, config=_strict)
class Latent:
    """Latent the transformer sees = (A-VAE mean - shift) * scale, of shape (channels, slices, rows, columns)."""

    channels: Count
    rows: Count
    columns: Count
    scale: Positive
    shift: float


@dataclass(frozen=True, config=_strict)
class Stop:
    """A slice is white where more than `share` of its elements differ from the white code by less than `tolerance`."""

    tolerance: float
    share: float


@dataclass(frozen=True, config=_strict)
class Text:
    """`parts`: see `ctflow.report.encoder_text`."""

    encoder: str
    parts: Annotated[tuple[str, ...], AfterValidator(_of_a_report)]
    max_tokens: Annotated[int, Field(ge=2)]

    @property
    def reads(self) -> frozenset[str]:
        """The fields of a report that any part names. The others change nothing."""
        return frozenset(field for part in self.parts for field in fields_of(part))


@dataclass(frozen=True, config=_strict)
class Guidance:
    """`trained`: whether the model has seen reports dropped, so that guidance means something."""

    trained: bool
    default: float


@dataclass(frozen=True, config=_strict)
class Defaults:
    """What a request says where nobody said otherwise."""

    solver: Solver
    steps: int
    shift: float
    chunks: int


@dataclass(frozen=True, config=_strict)
class ModelCard:
    """A model's card, `card.json` in its folder. `prediction`: what the transformer answers with."""

    format: Literal[1]
    name: str
    title: str
    notice: str
    geometry: Geometry
    intensity: IntensityMap
    latent: Latent
    prediction: Literal["velocity", "data"]
    first_previous: Literal["black", "zeros"]
    stop: Stop
    text: Text
    guidance: Guidance
    defaults: Defaults
    evidence: Evidence
    provenance: str
    licence: str
    good_for: str
    not_good_for: str

    @property
    def caution(self) -> str:
        """What everyone who looks at a volume must know: the notice, and what of the model is only inferred."""
        inferred = ", ".join(_CLAIMS[name] for name, proof in vars(self.evidence).items() if proof == "inferred")
        return self.notice + f" Inferred, not proved: {inferred}." * bool(inferred)

    def request(self, report: Report, seed: int, **overrides: Any) -> GenerationRequest:
        """A request with this model's defaults; `overrides` that are None keep the default.

        Raises RequestError where a value is beyond what this model can do.
        """
        default = self.defaults
        values = {
            "solver": default.solver,
            "steps": default.steps,
            "shift": default.shift,
            "chunks": default.chunks,
            "guidance": self.guidance.default,
        }
        values.update({name: value for name, value in overrides.items() if value is not None})
        request = GenerationRequest(report=report, seed=seed, **values)
        self.check(request)
        return request

    def check(self, request: GenerationRequest) -> None:
        """Raises RequestError for a request that this model cannot carry out."""
        if request.chunks > self.geometry.max_chunks:
            raise RequestError(
                f"{self.name} makes at most {self.geometry.max_chunks} chunks of {self.geometry.slices_per_chunk} "
                f"slices; got {request.chunks} chunks. Ask for fewer."
            )
        if request.guidance != 1 and not self.guidance.trained:
            raise RequestError(f"{self.name} was not trained for guidance: leave it at 1; got {request.guidance:g}.")


_adapter = TypeAdapter(ModelCard)


def read_card(path: Path) -> ModelCard:
    """Reads a `card.json`. Raises CheckpointError naming the file and each field that is missing, wrong or unknown."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}). A checkpoint folder needs its card.json.") from error
    try:
        return _adapter.validate_json(text, strict=True)
    except ValidationError as error:
        raise CheckpointError(f"{path} is not a model card of format {CARD_FORMAT}: {faults(error)}.") from error


def write_card(card: ModelCard, path: Path) -> None:
    """Writes a card as JSON that `read_card` reads back equal."""
    path.write_bytes(_adapter.dump_json(card, indent=2) + b"\n")
