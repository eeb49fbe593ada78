"""Protocols by name: each is everything that makes its numbers comparable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.extractors import ctclip, plain
from ctflow.evaluation.metrics.figure import Figure
from ctflow.evaluation.metrics.of_cases import (
    ClipImageImage,
    ClipTextImage,
    LabelAgreement,
    NearestTraining,
    VolumeMeans,
)
from ctflow.evaluation.metrics.of_sets import Frechet, Inception, Kernel, Precision, Recall
from ctflow.evaluation.metrics.sets import Sets


class Measure(Protocol):
    """What a protocol measures: a frozen dataclass whose fields are all of its settings."""

    @property
    def extractor(self) -> str: ...

    def figures(self, sets: Sets) -> Iterator[Figure]: ...


@dataclass(frozen=True)
class MetricProtocol:
    """`status`: whether it is ours, published by others, or inferred from what they publish. `about`: in a sentence."""

    name: str
    version: int
    status: Literal["ours", "published", "inferred"]
    about: str
    measures: tuple[Measure, ...]

    @property
    def extractors(self) -> tuple[str, ...]:
        """The names of the extractors that it needs, each once."""
        return tuple(dict.fromkeys(measure.extractor for measure in self.measures))

    def settings(self) -> dict[str, Any]:
        """All of it as plain values."""
        measures = [{"measure": type(one).__name__, **asdict(one)} for one in self.measures]  # type: ignore[call-overload] # all are dataclasses
        return {"name": self.name, "version": self.version, "status": self.status, "measures": measures}


_TISSUES = (
    *(f"{tissue}, % of voxels" for tissue in plain.TISSUE_HU),
    *(f"{tissue}, mean HU" for tissue in plain.TISSUE_HU),
)
# Of the voxels alone, so every protocol can have them.
_PLAIN: tuple[Measure, ...] = (
    VolumeMeans(names=_TISSUES, extractor=plain.NAME, kind=plain.TISSUES),
    VolumeMeans(names=("change from slice to slice, HU",), extractor=plain.NAME, kind=plain.SLICE_CHANGE),
    VolumeMeans(names=("seam index",), extractor=plain.NAME, kind=plain.SEAM),
    NearestTraining(name="HU to the nearest training volume", extractor=plain.NAME, kind=plain.THUMBNAIL),
)
_CLIP: tuple[Measure, ...] = (
    ClipTextImage(name="CLIP score, text-image", extractor=ctclip.NAME, kind=ctclip.LATENT),
    ClipImageImage(name="CLIP score, image-image", extractor=ctclip.NAME, kind=ctclip.LATENT),
    LabelAgreement(name="AUROC", extractor=ctclip.NAME, kind=ctclip.PRESENT),
)
DEMO = MetricProtocol(
    "demo",
    1,
    "ours",
    "By the image tower of a checkpoint, by default the bundled one. Comparable with nothing published.",
    (
        Frechet(name="FID, slices", extractor=ctclip.NAME, kinds=(ctclip.SLICES,)),
        Kernel(name="KID, slices", extractor=ctclip.NAME, kinds=(ctclip.SLICES,)),
        Frechet(name="FVD, volumes", extractor=ctclip.NAME, kinds=(ctclip.LATENT,)),
        Inception(name="IS, labels", extractor=ctclip.NAME, kinds=(ctclip.CLASSES,), splits=1),
        Precision(name="precision", extractor=ctclip.NAME, kinds=(ctclip.LATENT,)),
        Recall(name="recall", extractor=ctclip.NAME, kinds=(ctclip.LATENT,)),
        *_CLIP,
        *_PLAIN,
    ),
)
PROTOCOLS: Mapping[str, MetricProtocol] = {protocol.name: protocol for protocol in (DEMO,)}


def protocol_named(name: str) -> MetricProtocol:
    """Raises RequestError for a name that is none."""
    try:
        return PROTOCOLS[name]
    except KeyError:
        raise RequestError(f"No protocol {name!r}: choose one of {', '.join(PROTOCOLS)}.") from None
