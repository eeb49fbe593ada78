"""Measures of volumes one by one: labels, HU by tissue, change from slice to slice, nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ctflow.evaluation.drawn_cases import drawn_aurocs, drawn_cases, estimate, mean_of_findings
from ctflow.evaluation.metrics.extraction import FeatureSet
from ctflow.evaluation.metrics.figure import Better, Figure
from ctflow.evaluation.metrics.nearest import nearest_distances
from ctflow.evaluation.metrics.sets import Sets
from ctflow.evaluation.statistics import NOTHING, Estimate, auroc, mean

Values = NDArray[np.float64]
NO_PATIENT = ""  # whose a generated volume is


@dataclass(frozen=True, kw_only=True)
class LabelAgreement:
    """Whether a classifier sees the labels that a report asks for: AUROC of each, and the mean of them.

    `least`: cases with the label, and without it, below which a label is not counted. The mean is over the labels that
    both sets can count, where the real one has any: means over other labels say nothing of each other.
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
        shared = {label: seen for label, seen in fake.items() if label in real} if real else fake
        theirs = {label: real[label] for label in shared if label in real}
        mean = self._figure(f"{self.name}, mean of labels", _mean_area(shared), _mean_area(theirs))
        yield replace(mean, warnings=self._of_so_many(len(shared), len(sets.labels)))
        for label, seen in fake.items():
            reference = _area(real[label]) if label in real else NOTHING
            yield self._figure(f"{self.name}: {label}", _area(seen), reference)

    def _of_so_many(self, counted: int, known: int) -> tuple[str, ...]:
        if counted == known:
            return ()
        return (
            f"of {counted} of {known} labels, since {self.least} cases with the label and {self.least} without are "
            "needed in both sets",
        )

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
        patients = [of.volumes[i].patient for i in known]
        present = stacked(of.rows(self.extractor, self.kind))[known]
        asked = [sets.asked[of.volumes[i].name] for i in known]
        seen: dict[str, Seen] = {}
        for column, label in enumerate(sets.labels):
            there = np.array([label in labels for labels in asked])
            if min(there.sum(), (~there).sum()) >= self.least:
                seen[label] = Seen(present[:, column], there, patients)
        return seen


@dataclass(frozen=True, eq=False)
class Seen:
    """Of a label, for each case: how present the classifier finds it, whether the case has it, and whose it is."""

    present: Values
    there: NDArray[np.bool_]
    patients: Sequence[str]


def _area(seen: Seen) -> Estimate:
    return auroc(seen.present[seen.there], seen.present[~seen.there])


def _mean_area(labels: Mapping[str, Seen]) -> Estimate:
    """Over all labels, with an interval from drawing patients with all their cases; it counts the cases."""
    if not labels:
        return NOTHING
    names, of = np.unique(next(iter(labels.values())).patients, return_inverse=True)
    weights = drawn_cases(len(names))[:, of]
    areas = [drawn_aurocs(one.present, one.there, weights) for one in labels.values()]
    return estimate(mean_of_findings(areas), len(of))


@dataclass(frozen=True, kw_only=True)
class VolumeMeans:
    """Means over the volumes of what is measured in each: one figure a column of a kind. NaN are left out."""

    names: tuple[str, ...]
    extractor: str
    kind: str

    def figures(self, sets: Sets) -> Iterator[Figure]:
        """One for each name."""
        real, fake = (stacked(of.rows(self.extractor, self.kind)) for of in (sets.real, sets.fake))
        patients = [volume.patient for volume in sets.fake.volumes]
        for column, name in enumerate(self.names):
            yield figure_of_means(name, fake[:, column], patients, real[:, column], "as real", "the real volumes")


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
        patients = [volume.patient for volume in sets.fake.volumes]
        yield figure_of_means(self.name, ours, patients, theirs, "as real", "training volumes, to another patient's")

    def _nearest(self, of: FeatureSet, taught: FeatureSet, patients: Sequence[str]) -> Values:
        others = zip((one.patient for one in taught.volumes), taught.each(self.extractor, self.kind), strict=True)
        return nearest_distances(np.concatenate(of.rows(self.extractor, self.kind)), patients, others)


def _some(of: FeatureSet, most: int) -> FeatureSet:
    every = -(-len(of.volumes) // most)
    return replace(of, volumes=of.volumes[::every])


def figure_of_means(
    name: str, fake: Values, patients: Sequence[str], real: Values, better: Better, reference_is: str
) -> Figure:
    """The mean over fake cases, which are of these patients, with Student's interval, and the mean over real ones.

    Cases without a number are left out.
    """
    there = np.isfinite(fake)
    ours, theirs = mean(fake[there], np.asarray(patients)[there].tolist()), mean(real[np.isfinite(real)])
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


def stacked(rows: Sequence[NDArray[np.float32]]) -> Values:
    """Rows (1, dimensions) of several volumes -> (volumes, dimensions)."""
    return np.concatenate(rows).astype(np.float64) if rows else np.zeros((0, 1))
