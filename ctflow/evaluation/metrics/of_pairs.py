"""CLIP scores: of volumes with their reports, and of generated ones with the real ones of the same cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ctflow.evaluation.metrics.clip import LIMITS, clip_scores
from ctflow.evaluation.metrics.extraction import FeatureSet
from ctflow.evaluation.metrics.figure import Better, Figure
from ctflow.evaluation.metrics.of_cases import Values, figure_of_means, stacked
from ctflow.evaluation.metrics.sets import Latents, Sets


@dataclass(frozen=True, kw_only=True)
class ClipTextImage:
    """The CLIP score of volumes with their reports, and, as a floor, with the reports of other cases."""

    name: str
    extractor: str
    kind: str

    def figures(self, sets: Sets) -> Iterator[Figure]:
        """Two; none where no fake volume has a report."""
        fake, real = self._pairs(sets.fake, sets.texts), self._pairs(sets.real, sets.texts)
        if not len(fake[0]):
            return
        own, others = clip_scores(*fake), _with_others(*fake)
        references = (clip_scores(*real), _with_others(*real)) if len(real[0]) else (np.zeros(0), np.zeros(0))
        names = (self.name, f"{self.name}, with another case's report")
        patients = [volume.patient for volume in sets.fake.volumes if volume.name in sets.texts]
        for name, scores, reference in zip(names, (own, others), references, strict=True):
            if np.isfinite(scores).any():
                better: Better = "higher" if scores is own else "—"
                reference_is = "the real volumes, with their reports"
                figure = _figure_of_scores(name, scores, patients, reference, better, reference_is)
                yield _noting(figure, len(patients), sets.fake, "the others have no report")

    def _pairs(self, of: FeatureSet, texts: Latents) -> tuple[Values, Values]:
        """Latents of reports and of images, row by row, of the volumes that have a report."""
        there = [i for i, volume in enumerate(of.volumes) if volume.name in texts]
        images = of.rows(self.extractor, self.kind)
        return (
            stacked([texts[of.volumes[i].name] for i in there]),
            stacked([images[i] for i in there]),
        )


def _with_others(texts: Values, images: Values) -> Values:
    """Each image's mean score with all reports but those that read the same to the tower; NaN where there are none."""
    scores = [
        clip_scores(texts[other], np.broadcast_to(image, texts[other].shape)).mean() if other.any() else np.nan
        for text, image in zip(texts, images, strict=True)
        for other in [~(texts == text).all(1)]
    ]
    return np.array(scores)


@dataclass(frozen=True, kw_only=True)
class ClipImageImage:
    """The CLIP score of fake volumes with the real ones of the same name.

    Without reports the orientation cannot be tested, and there is no CLIP score of any kind.
    """

    name: str
    extractor: str
    kind: str

    def figures(self, sets: Sets) -> Iterator[Figure]:
        """One; none where no two volumes have one name, or no report is known."""
        real, fake = (_by_name(of, self.extractor, self.kind) for of in (sets.real, sets.fake))
        shared = [name for name in fake if name in real]
        if not (shared and sets.texts):
            return
        scores = clip_scores(stacked([fake[n] for n in shared]), stacked([real[n] for n in shared]))
        all_real = stacked(list(real.values()))
        chance = _with_others(all_real, all_real)
        patients = _patients(sets.fake, shared)
        figure = _figure_of_scores(self.name, scores, patients, chance, "higher", "real volumes with other real ones")
        yield _noting(figure, len(shared), sets.fake, "no real volume has the name of the others")


@dataclass(frozen=True, kw_only=True)
class ClipMean:
    """The mean of both CLIP scores, of the cases that have both."""

    name: str
    extractor: str
    kind: str

    def figures(self, sets: Sets) -> Iterator[Figure]:
        """One, without a reference; none where no case has both."""
        real, fake = (_by_name(of, self.extractor, self.kind) for of in (sets.real, sets.fake))
        both = [name for name in fake if name in real and name in sets.texts]
        if not both:
            return
        images = stacked([fake[name] for name in both])
        with_texts = clip_scores(stacked([sets.texts[name] for name in both]), images)
        with_real = clip_scores(stacked([real[name] for name in both]), images)
        scores, patients = (with_texts + with_real) / 2, _patients(sets.fake, both)
        figure = _figure_of_scores(self.name, scores, patients, np.zeros(0), "higher", "none")
        yield _noting(figure, len(both), sets.fake, "the others have no report, or no real volume of their name")


def _noting(figure: Figure, counted: int, fake: FeatureSet, why: str) -> Figure:
    """The figure, which says so where not all fake volumes count in it, such as one left over from other reports."""
    every = len(fake.volumes)
    return figure if counted == every else replace(figure, warnings=(f"of {counted} of {every} fake volumes: {why}",))


def _patients(of: FeatureSet, names: Sequence[str]) -> list[str]:
    known = {volume.name: volume.patient for volume in of.volumes}
    return [known[name] for name in names]


def _figure_of_scores(
    name: str, fake: Values, patients: Sequence[str], real: Values, better: Better, reference_is: str
) -> Figure:
    """Of CLIP scores: the interval ends where they do."""
    figure = figure_of_means(name, fake, patients, real, better, reference_is)
    low, high = np.clip([figure.low, figure.high], *LIMITS)
    return replace(figure, low=float(low), high=float(high))


def _by_name(of: FeatureSet, extractor: str, kind: str) -> dict[str, NDArray[np.float32]]:
    return {volume.name: rows for volume, rows in zip(of.volumes, of.rows(extractor, kind), strict=True)}
