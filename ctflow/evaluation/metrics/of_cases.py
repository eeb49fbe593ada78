"""Measures of volumes one by one: CLIP scores, labels, HU by tissue, change from slice to slice, nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ctflow.evaluation.drawn_cases import drawn_aurocs, drawn_cases, estimate, mean_of_findings
from ctflow.evaluation.metrics.clip import LIMITS as CLIP_LIMITS
from ctflow.evaluation.metrics.clip import clip_scores
from ctflow.evaluation.metrics.extraction import FeatureSet
from ctflow.evaluation.metrics.figure import Better, Figure
from ctflow.evaluation.metrics.nearest import nearest_distances
from ctflow.evaluation.metrics.sets import Latents, Sets
from ctflow.evaluation.statistics import NOTHING, Estimate, auroc, mean

Values = NDArray[np.float64]
NO_PATIENT = ""  # whose a generated volume is


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
        for name, scores, reference in zip(names, (own, others), references, strict=True):
            if scores.size:
                better: Better = "higher" if scores is own else "—"
                yield _figure_of_scores(name, scores, reference, better, "the real volumes, with their reports")

    def _pairs(self, of: FeatureSet, texts: Latents) -> tuple[Values, Values]:
        """Latents of reports and of images, row by row, of the volumes that have a report."""
        there = [i for i, volume in enumerate(of.volumes) if volume.name in texts]
        images = of.rows(self.extractor, self.kind)
        return (
            _stacked([texts[of.volumes[i].name] for i in there]),
            _stacked([images[i] for i in there]),
        )


def _with_others(texts: Values, images: Values) -> Values:
    """Each image's mean score with all reports but those that read the same to the tower."""
    scores = [
        clip_scores(texts[other], np.broadcast_to(image, texts[other].shape)).mean()
        for text, image in zip(texts, images, strict=True)
        if (other := ~(texts == text).all(1)).any()
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
        real = _by_name(sets.real, self.extractor, self.kind)
        fake = _by_name(sets.fake, self.extractor, self.kind)
        shared = [name for name in fake if name in real]
        if not (shared and sets.texts):
            return
        scores = clip_scores(_stacked([fake[n] for n in shared]), _stacked([real[n] for n in shared]))
        all_real = _stacked(list(real.values()))
        chance = _with_others(all_real, all_real)
        yield _figure_of_scores(self.name, scores, chance, "higher", "real volumes with other real ones")


@dataclass(frozen=True, kw_only=True)
class LabelAgreement:
    """Whether a classifier sees the labels that a report asks for: AUROC of each, and the mean of them.

    `least`: cases with the label, and without it, below which a label is not counted.
    """

    name: str
    extractor: str
    kind: str
    least: int = 3

    def figures(self, sets: Sets) -> Iterator[Figure]:
        """The mean and then one for each label that can be counted; none where nothing is known of the cases."""
        fake, real = self._seen(sets.fake, sets), self._seen(sets.real, sets)
        if not fake:
            return
        yield self._figure(f"{self.name}, mean of labels", _mean_area(fake), _mean_area(real))
        for label, seen in fake.items():
            reference = _area(real[label]) if label in real else NOTHING
            yield self._figure(f"{self.name}: {label}", _area(seen), reference)

    def _figure(self, name: str, ours: Estimate, theirs: Estimate) -> Figure:
        return Figure(
            name=name,
            value=ours.value,
            low=ours.low,
            high=ours.high,
            better="higher",
            reference=theirs.value,
            reference_is="the real volumes",
            beside_reference=ours.value,
            samples=(theirs.n, ours.n),
        )

    def _seen(self, of: FeatureSet, sets: Sets) -> dict[str, Seen]:
        """By label, of those that can be counted."""
        known = [i for i, volume in enumerate(of.volumes) if volume.name in sets.asked]
        if not known:
            return {}
        present = _stacked(of.rows(self.extractor, self.kind))[known]
        asked = [sets.asked[of.volumes[i].name] for i in known]
        seen: dict[str, Seen] = {}
        for column, label in enumerate(sets.labels):
            there = np.array([label in labels for labels in asked])
            if min(there.sum(), (~there).sum()) >= self.least:
                seen[label] = Seen(present[:, column], there)
        return seen


@dataclass(frozen=True, eq=False)
class Seen:
    """Of a label, for each case: how present the classifier finds it, and whether the case has it."""

    present: Values
    there: NDArray[np.bool_]


def _area(seen: Seen) -> Estimate:
    return auroc(seen.present[seen.there], seen.present[~seen.there])


def _mean_area(labels: Mapping[str, Seen]) -> Estimate:
    """Over all labels, with an interval from drawing cases; it counts the cases."""
    if not labels:
        return NOTHING
    cases = len(next(iter(labels.values())).there)
    weights = drawn_cases(cases)
    return estimate(mean_of_findings([drawn_aurocs(one.present, one.there, weights) for one in labels.values()]), cases)


@dataclass(frozen=True, kw_only=True)
class VolumeMeans:
    """Means over the volumes of what is measured in each: one figure a column of a kind. NaN are left out."""

    names: tuple[str, ...]
    extractor: str
    kind: str

    def figures(self, sets: Sets) -> Iterator[Figure]:
        """One for each name."""
        real, fake = (_stacked(of.rows(self.extractor, self.kind)) for of in (sets.real, sets.fake))
        for column, name in enumerate(self.names):
            a, b = real[:, column], fake[:, column]
            yield figure_of_means(name, b[np.isfinite(b)], a[np.isfinite(a)], "as real", "the real volumes")


@dataclass(frozen=True, kw_only=True)
class NearestTraining:
    """How near the nearest training volume is to each fake one, beside how near training patients are to each other.

    `most`: of how many training volumes, evenly taken, the latter is found.
    """

    name: str
    extractor: str
    kind: str
    most: int = 500

    def figures(self, sets: Sets) -> Iterator[Figure]:
        """One; none where no training volumes are given."""
        if sets.training is None:
            return
        taught, some = sets.training, _some(sets.training, self.most)
        ours = self._nearest(sets.fake, taught, [NO_PATIENT] * len(sets.fake.volumes))
        theirs = self._nearest(some, taught, [volume.patient for volume in some.volumes])
        yield figure_of_means(self.name, ours, theirs, "as real", "training volumes, to another patient's")

    def _nearest(self, of: FeatureSet, taught: FeatureSet, patients: Sequence[str]) -> Values:
        others = zip((one.patient for one in taught.volumes), taught.each(self.extractor, self.kind), strict=True)
        return nearest_distances(np.concatenate(of.rows(self.extractor, self.kind)), patients, others)


def _some(of: FeatureSet, most: int) -> FeatureSet:
    every = -(-len(of.volumes) // most)
    return replace(of, volumes=of.volumes[::every])


def figure_of_means(name: str, fake: Values, real: Values, better: Better, reference_is: str) -> Figure:
    """The mean over fake cases with Student's interval, and the mean over real ones."""
    ours, theirs = mean(fake), mean(real)
    return Figure(
        name=name,
        value=ours.value,
        low=ours.low,
        high=ours.high,
        better=better,
        reference=theirs.value,
        reference_is=reference_is,
        beside_reference=ours.value,
        samples=(theirs.n, ours.n),
    )


def _figure_of_scores(name: str, fake: Values, real: Values, better: Better, reference_is: str) -> Figure:
    """Of CLIP scores: the interval ends where they do."""
    figure = figure_of_means(name, fake, real, better, reference_is)
    low, high = np.clip([figure.low, figure.high], *CLIP_LIMITS)
    return replace(figure, low=float(low), high=float(high))


def _by_name(of: FeatureSet, extractor: str, kind: str) -> dict[str, NDArray[np.float32]]:
    return {volume.name: rows for volume, rows in zip(of.volumes, of.rows(extractor, kind), strict=True)}


def _stacked(rows: Sequence[NDArray[np.float32]]) -> Values:
    """Rows (1, dimensions) of several volumes -> (volumes, dimensions)."""
    return np.concatenate(rows).astype(np.float64) if rows else np.zeros((0, 1))
