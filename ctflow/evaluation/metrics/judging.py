"""From two folders of volumes to a result: finds, extracts, tests the orientation, measures."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.beginnings import mode_of_set
from ctflow.evaluation.metrics.case_reports import Reports
from ctflow.evaluation.metrics.extraction import ExtractAll, FeatureSet, Outcome, Task, extract
from ctflow.evaluation.metrics.extractor import identity, identity_sha256
from ctflow.evaluation.metrics.extractors.catalog import Source, load_extractor
from ctflow.evaluation.metrics.extractors.ctclip import ClipExtractor
from ctflow.evaluation.metrics.figure import Figure
from ctflow.evaluation.metrics.of_cases import NearestTraining
from ctflow.evaluation.metrics.orientation import MOST_MADE, MOST_VOLUMES, check_orientation, warning_of_made
from ctflow.evaluation.metrics.pictures import Case, shared_cases
from ctflow.evaluation.metrics.precision_recall import NEIGHBOURS
from ctflow.evaluation.metrics.protocols import MetricProtocol
from ctflow.evaluation.metrics.results import Result, check_comparable
from ctflow.evaluation.metrics.sets import Latents, Sets
from ctflow.evaluation.metrics.volume_set import VolumeFile
from ctflow.io.scan import read_volume
from ctflow.io.sidecar import versions

LEAST_VOLUMES = NEIGHBOURS + 1  # as precision and recall need
NOT_GIVEN = "none given"
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked.

    `reports`, `asked`: by case, its report and the labels that it asks for. `modes`: by case, how its fake volume was
    made. `weights`: by extractor. `device`: where extractors compute. `features`: the folder where they are kept.
    `extract_all`: who makes them.
    """

    title: str
    protocol: MetricProtocol
    real: Sequence[VolumeFile]
    fake: Sequence[VolumeFile]
    training: Sequence[VolumeFile]
    reports: Reports
    asked: Mapping[str, frozenset[str]]
    modes: Mapping[str, str]
    weights: Mapping[str, Path]
    device: str
    features: Path
    extract_all: ExtractAll
    seed: int


class Judging:
    """Loads the extractors, so that what they are is known before hours are spent. Raises CTFlowError."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._real = question.real[: question.protocol.most_volumes]
        self._fake = question.fake[: question.protocol.most_volumes]
        for what, volumes in (("real", self._real), ("fake", self._fake)):
            if len(volumes) < LEAST_VOLUMES:
                raise RequestError(
                    f"The {what} set has {len(volumes)} volume(s): the metrics of a set need {LEAST_VOLUMES} or more, "
                    "and say little below some hundreds. Add volumes."
                )
        names = question.protocol.extractors
        if unused := question.weights.keys() - set(names):
            raise RequestError(
                f"The protocol {question.protocol.name} has no extractor {min(unused)!r}: its extractors are "
                f"{', '.join(names)}."
            )
        self._sources = {name: Source(name, question.weights.get(name), question.device) for name in names}
        self._extractors = {name: load_extractor(source) for name, source in self._sources.items()}

    @property
    def protocol(self) -> dict[str, Any]:
        """All that makes the figures comparable: results are only put beside those of an equal one."""
        asked = self._question
        return {
            **asked.protocol.settings(),
            "extractors": {name: identity(one) for name, one in self._extractors.items()},
            "counts": {"real volumes": len(self._real), "fake volumes": len(self._fake)},
            "real_set_sha256": _set_sha256(self._real),
            "training_set_sha256": _set_sha256(asked.training) if asked.training else NOT_GIVEN,
            "labels_sha256": _labels_sha256(asked.asked) if asked.asked else NOT_GIVEN,
            "seed": asked.seed,
        }

    def check_comparable(self, beside: Sequence[Result]) -> None:
        """Raises RequestError where one of these results was measured otherwise than this one will be."""
        check_comparable([self.result_of(()), *beside])

    def steps(self) -> int:
        """How many outcomes `extract` yields, or fewer where volumes are the same."""
        return len(self._tasks())

    def extract(self) -> Iterator[Outcome]:
        """Makes the features that are not kept yet, and says of each volume when they are there. Raises CTFlowError."""
        self._check_orientation()
        yield from extract(self._tasks(), self._question.features, self._question.extract_all)

    def measure(self) -> Result:
        """The result, once all features are there. Raises RequestError for what has no such number."""
        asked, sets = self._question, self._sets()
        figures = [figure for measure in asked.protocol.measures for figure in measure.figures(sets)]
        return self.result_of(tuple(figures))

    def cases(self) -> list[Case]:
        """Those that both sets have, from the most alike on, once all features are there."""
        return shared_cases(self._features(self._real), self._features(self._fake))

    def result_of(self, figures: tuple[Figure, ...]) -> Result:
        """A result with these figures: with none it says, before anything is measured, what it will be of."""
        return Result(
            title=self._question.title,
            mode=mode_of_set(self._question.modes, self._fake),
            fake_set_sha256=_set_sha256(self._fake),
            protocol=self.protocol,
            figures=figures,
            made=versions(),
        )

    def _tasks(self) -> list[Task]:
        """Training volumes, of which there may be many, are only looked at for what is asked of them."""
        taught = {one.extractor for one in self._question.protocol.measures if isinstance(one, NearestTraining)}
        every, some = tuple(self._sources.values()), tuple(self._sources[name] for name in sorted(taught))
        return [
            *(Task(volume, every, scan=True) for volume in self._real),
            *(Task(volume, every) for volume in self._fake),
            *(Task(volume, some, scan=True) for volume in self._question.training),
        ]

    def _sets(self) -> Sets:
        asked, clip = self._question, self._clip
        return Sets(
            real=self._features(self._real),
            fake=self._features(self._fake),
            training=self._features(asked.training) if asked.training else None,
            texts=self._texts(),
            asked=asked.asked,
            labels=clip.labels if clip else (),
            modes={one.name: asked.modes[one.name] for one in self._fake if one.name in asked.modes},
            seed=asked.seed,
        )

    def _features(self, volumes: Sequence[VolumeFile]) -> FeatureSet:
        hashes = {name: identity_sha256(extractor) for name, extractor in self._extractors.items()}
        return FeatureSet(volumes, self._question.features, hashes)

    @property
    def _clip(self) -> ClipExtractor | None:
        return next((one for one in self._extractors.values() if isinstance(one, ClipExtractor)), None)

    def _texts(self) -> Latents:
        """Empty where no fake volume has a report: then the orientation was not tested."""
        clip, named = self._clip, {volume.name for volume in (*self._real, *self._fake)}
        if clip is None or not any(volume.name in self._question.reports for volume in self._fake):
            return {}
        return {name: clip.report_latent(report) for name, report in self._question.reports.items() if name in named}

    def _check_orientation(self) -> None:
        clip, reports = self._clip, self._question.reports
        if clip is None:
            return
        if not any(volume.name in reports for volume in self._fake):
            log.warning("No report of a fake volume is known, so there is no CLIP score: give --reports.")
            return
        known = [volume for volume in self._real if volume.name in reports][:MOST_VOLUMES]
        found = check_orientation(clip, ((read_volume(one.path), reports[one.name]) for one in known))
        turned = ", ".join(f"{way} {score:.1f}" for way, score in found.turned.items())
        log.info("CLIP score of %d real volumes as they lie %.1f, %s", found.volumes, found.upright, turned)
        made = [volume for volume in self._fake if volume.name in reports][:MOST_MADE]
        if warning := warning_of_made(clip, ((read_volume(one.path), reports[one.name]) for one in made)):
            log.warning("By the CLIP score, %s.", warning)


def _set_sha256(volumes: Sequence[VolumeFile]) -> str:
    """Of the contents of a set, whatever its files are called."""
    return hashlib.sha256(" ".join(sorted(volume.sha256 for volume in volumes)).encode()).hexdigest()


def _labels_sha256(asked: Mapping[str, frozenset[str]]) -> str:
    """Of all labels of all cases, in whatever order they are given."""
    content = {name: sorted(labels) for name, labels in asked.items()}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
