"""Protocols by name: each is everything that makes its numbers comparable."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.extractors import ctclip, frames, i3d, plain, planes
from ctflow.evaluation.metrics.figure import Figure
from ctflow.evaluation.metrics.of_cases import LabelAgreement, NearestTraining, VolumeMeans
from ctflow.evaluation.metrics.of_pairs import ClipImageImage, ClipMean, ClipTextImage
from ctflow.evaluation.metrics.of_sets import Frechet, Inception, Kernel, Precision, Recall
from ctflow.evaluation.metrics.sets import Sets


class Measure(Protocol):
    """What a protocol measures: a frozen dataclass whose fields are all of its settings."""

    @property
    def extractor(self) -> str: ...

    def figures(self, sets: Sets) -> Iterator[Figure]: ...


@dataclass(frozen=True)
class MetricProtocol:
    """`status`: whether it is ours, published by others, or inferred from what they publish. `about`: in a sentence.

    `summary`: the figures of a short table. `most_volumes`: how many of each set count, the first by name; None for
    all. `published_weights`: by extractor, how the SHA-256 of the weights begins that the published figures were
    measured with, where it is known.
    """

    name: str
    version: int
    status: Literal["ours", "published", "inferred"]
    about: str
    measures: tuple[Measure, ...]
    summary: tuple[str, ...]
    most_volumes: int | None = None
    published_weights: Mapping[str, str] = field(default_factory=dict)

    @property
    def extractors(self) -> tuple[str, ...]:
        """The names of the extractors that it needs, each once."""
        return tuple(dict.fromkeys(measure.extractor for measure in self.measures))

    def settings(self) -> dict[str, Any]:
        """All of it as JSON has it, so that it equals what is read back."""
        measures = [{"measure": type(one).__name__, **vars(one)} for one in self.measures]
        settings = {"name": self.name, "version": self.version, "status": self.status, "measures": measures}
        return json.loads(json.dumps(settings))


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
    ClipMean(name="CLIP score, mean", extractor=ctclip.NAME, kind=ctclip.LATENT),
    LabelAgreement(name="AUROC", extractor=ctclip.NAME, kind=ctclip.PRESENT),
)


_RESAMPLES = 10  # of thousands of slices: each takes a minute
_OF_CLIP = ("CLIP score, text-image", "CLIP score, image-image", "CLIP score, mean", "AUROC, mean of labels")


def _vlm3d(year: int, extractor: str, published_weights: Mapping[str, str]) -> MetricProtocol:
    """Of the VLM3D challenge, text to CT. Its FVD is by CT-Net, whose weights are public as a truncated stub only."""
    fid = Frechet(
        name="FID 2.5D",
        extractor=extractor,
        kinds=planes.PLANES,
        each=tuple(f"FID {plane}" for plane in planes.PLANES),
        resamples=_RESAMPLES,
    )
    return MetricProtocol(
        f"vlm3d-{year}",
        3,
        "published",
        f"The VLM3D challenge of {year}, by {extractor} and CT-CLIP; without its FVD, since CT-Net is not public.",
        (fid, *_CLIP, *_PLAIN),
        summary=("FID 2.5D", *_OF_CLIP),
        most_volumes=100,
        published_weights=published_weights,
    )


DEMO = MetricProtocol(
    "demo",
    3,
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
    summary=("FID, slices", "FVD, volumes", "IS, labels", "precision", "recall", *_OF_CLIP),
)
MOST_FRAMES = 50_000
MOST_VIDEOS = 2048


def _fvd(slices: int) -> Frechet:
    """As StyleGAN-V counts it: of real volumes a drawn run of slices each, of fake ones the first slices."""
    return Frechet(
        name=f"FVD, {slices} slices",
        extractor=i3d.NAME,
        kinds=(i3d.first(slices),),
        real_kinds=(i3d.window(slices),),
        biased=True,
        limit_real=MOST_VIDEOS,
        limit_fake=MOST_VIDEOS,
        head_alone=slices == SHORT_VIDEO,
    )


SHORT_VIDEO, LONG_VIDEO = i3d.LENGTHS
CTFLOW_PAPER = MetricProtocol(
    "ctflow-paper",
    3,
    "inferred",
    "What the authors' group computes in a sister project, since the paper's own code has no metrics.",
    (
        _fvd(SHORT_VIDEO),
        _fvd(LONG_VIDEO),
        Frechet(
            name="FID",
            extractor=frames.NAME,
            kinds=(frames.FEATURES,),
            resamples=_RESAMPLES,
            biased=True,
            limit_fake=MOST_FRAMES,
        ),
        Kernel(
            name="KID", extractor=frames.NAME, kinds=(frames.FEATURES,), resamples=_RESAMPLES, limit_fake=MOST_FRAMES
        ),
        Inception(
            name="IS",
            extractor=frames.NAME,
            kinds=(frames.PROBABILITIES,),
            resamples=_RESAMPLES,
            limit_fake=MOST_FRAMES,
        ),
        *_PLAIN,
    ),
    summary=("FID", "FVD, 16 slices", "FVD, 128 slices", "IS", "seam index"),
    published_weights={frames.NAME: "6726825d"},
)
VLM3D_2025 = _vlm3d(2025, planes.RADIMAGENET, {})
VLM3D_2026 = _vlm3d(2026, planes.SQUEEZENET, {planes.SQUEEZENET: "b8a52dc0"})
PROTOCOLS: Mapping[str, MetricProtocol] = {one.name: one for one in (DEMO, CTFLOW_PAPER, VLM3D_2025, VLM3D_2026)}


def protocol_named(name: str) -> MetricProtocol:
    """Raises RequestError for a name that is none."""
    try:
        return PROTOCOLS[name]
    except KeyError:
        raise RequestError(f"No protocol {name!r}: choose one of {', '.join(PROTOCOLS)}.") from None
