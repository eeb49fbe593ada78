"""ModelCard: everything that a checkpoint must say about itself. No defaults: what is missing is an error."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ctflow.choices import DECODERS
from ctflow.errors import CheckpointError, RequestError
from ctflow.hu import IntensityMap
from ctflow.report import Report, fields_of
from ctflow.request import GenerationRequest, Solver
from ctflow.validation import wrong_fields

_strict = ConfigDict(extra="forbid", allow_inf_nan=False, validate_by_name=True)
Direction = Literal["L", "R", "P", "A", "S", "I"]
Axes = tuple[Direction, Direction, Direction]
Proof = Literal["proved", "inferred"]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
CARD_FORMAT = 1
# What each field of `Evidence` is about, in words.
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
            f"slices go to S or I; of rows and columns one goes to L or R, the other to P or A; got {', '.join(axes)}"
        )
    return axes


def _fit_a_report(parts: tuple[str, ...]) -> tuple[str, ...]:
    """A part that names a field that no report has would be left out of every text, and nobody would notice."""
    report = asdict(Report("findings", "impression", "F", 50))
    for part in parts:
        if unknown := fields_of(part) - report.keys():
            raise ValueError(f"{part!r} names {', '.join(sorted(unknown))}, and a report has {', '.join(report)}")
        try:
            part.format(**report)
        except LookupError as error:
            raise ValueError(f"{part!r} cannot be filled in") from error
    if not any("findings" in fields_of(part) for part in parts):
        raise ValueError("no part contains {findings}, so the report would not be read")
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
    """What the weights do not say themselves: proved (seen in volumes, or told by their makers) or inferred."""

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
class EndRule:
    """What ends a volume, as published: a white slice.

    A latent slice is white if more than `share` of its elements differ from the white slice's by less than `tolerance`.
    """

    tolerance: float
    share: float


@dataclass(frozen=True, config=_strict)
class LearntEndRule:
    """What ends a volume of a model that learnt to turn white after it: a slice that begins to.

    A latent slice begins to if its border has gone more than `border_whiteness` of the way from the black slice's to
    the white slice's. Chests lie in air, which is black.
    """

    border_whiteness: Annotated[float, Field(gt=0, lt=1)]


def _kind_of_end_rule(value: object) -> str:
    """Which of the two is meant: in a file they have no field in common."""
    is_learnt = "border_whiteness" in value if isinstance(value, dict) else isinstance(value, LearntEndRule)
    return "learnt" if is_learnt else "published"


AnyEndRule = Annotated[
    Annotated[EndRule, Tag("published")] | Annotated[LearntEndRule, Tag("learnt")], Discriminator(_kind_of_end_rule)
]


@dataclass(frozen=True, config=_strict)
class Text:
    """`parts`: see `ctflow.report.encoder_text`."""

    encoder: str
    parts: Annotated[tuple[str, ...], AfterValidator(_fit_a_report)]
    max_tokens: Annotated[int, Field(ge=2)]

    @property
    def reads(self) -> frozenset[str]:
        """The fields of a report that any part names. The others change nothing."""
        return frozenset(field for part in self.parts for field in fields_of(part))


@dataclass(frozen=True, config=_strict)
class Guidance:
    """Guidance that counts at all times t.

    `trained`: whether reports were left out at times in training, without which guidance means nothing.
    """

    trained: bool
    default: float

    @property
    def above_t(self) -> float:
        """As of `PartialGuidance`."""
        return 0.0


@dataclass(frozen=True, config=_strict)
class PartialGuidance:
    """Guidance that by default counts at times t above `above_t`: each step there takes two evaluations."""

    trained: Literal[True]
    default: float
    above_t: Annotated[float, Field(gt=0, lt=1)]


def _kind_of_guidance(value: object) -> str:
    is_partial = "above_t" in value if isinstance(value, dict) else isinstance(value, PartialGuidance)
    return "partial" if is_partial else "whole"


AnyGuidance = Annotated[
    Annotated[Guidance, Tag("whole")] | Annotated[PartialGuidance, Tag("partial")], Discriminator(_kind_of_guidance)
]


@dataclass(frozen=True, config=_strict)
class Defaults:
    """What a request asks for where nobody says otherwise."""

    solver: Solver
    steps: int
    shift: float
    chunks: int


@dataclass(frozen=True, config=_strict)
class ModelCard:
    """A model's card, `card.json` in its folder. `prediction`: what the transformer answers with.

    `first_previous`: what stands before the first chunk, the latent of black slices or zeros.
    """

    format: Literal[1]
    name: str
    title: str
    notice: str
    geometry: Geometry
    intensity: IntensityMap
    latent: Latent
    prediction: Literal["velocity", "data"]
    first_previous: Literal["black", "zeros"]
    end: Annotated[AnyEndRule, Field(alias="stop")]  # its name in files of format 1
    text: Text
    guidance: AnyGuidance
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
        return f"{self.notice} Inferred, not proved: {inferred}." if inferred else self.notice

    def name_with(self, decoder: str) -> str:
        """The name that its volumes bear where this one of `ctflow.choices.DECODERS` makes their slices."""
        return self.name if decoder == DECODERS[0] else f"{self.name} with {decoder.upper()}"

    def request(self, report: Report, seed: int, **overrides: Any) -> GenerationRequest:
        """A request with this model's defaults; `overrides` that are None keep the default.

        Raises RequestError where a value is beyond what this model can do.
        """
        guidance = {"guidance": self.guidance.default, "guidance_above_t": self.guidance.above_t}
        values: dict[str, Any] = {**vars(self.defaults), **guidance}
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
        raise CheckpointError(f"{path} cannot be read ({error}). A checkpoint folder needs its {CARD}.") from error
    try:
        return _adapter.validate_json(text, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        raise CheckpointError(f"{path} is not a model card of format {CARD_FORMAT}: {wrong_fields(error)}.") from error


def write_card(card: ModelCard, path: Path) -> None:
    """Writes a card as JSON that `read_card` reads back equal."""
    path.write_bytes(_adapter.dump_json(card, indent=2, by_alias=True) + b"\n")
