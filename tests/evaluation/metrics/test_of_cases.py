"""Measures of volumes one by one, on features whose answer is known."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.extraction import FeatureSet
from ctflow.evaluation.metrics.figure import Figure
from ctflow.evaluation.metrics.kept_features import keep, kept_path
from ctflow.evaluation.metrics.nearest import nearest_distances
from ctflow.evaluation.metrics.of_cases import LabelAgreement, NearestTraining, VolumeMeans
from ctflow.evaluation.metrics.of_pairs import ClipImageImage, ClipMean, ClipTextImage
from ctflow.evaluation.metrics.of_sets import Frechet, Recall
from ctflow.evaluation.metrics.protocols import Measure
from ctflow.evaluation.metrics.sets import Sets
from ctflow.evaluation.metrics.volume_set import VolumeFile

EXTRACTOR = {"e": "0" * 64}


def features(folder: Path, kind: str, rows: Mapping[str, list[float]]) -> FeatureSet:
    """A set whose volumes have one row of features each. A name is `patient/name`."""
    volumes = []
    for name, row in rows.items():
        patient, _, own = name.rpartition("/")
        volumes.append(VolumeFile(own, patient or own, folder / own, f"{folder.name}{own}"))
        keep(kept_path(folder, EXTRACTOR["e"], volumes[-1].sha256), {kind: np.array([row], np.float32)})
    return FeatureSet(volumes, folder, EXTRACTOR)


def figures(measure: Measure, tmp_path: Path, kind: str, real: object, fake: object, **known: object) -> list[Figure]:
    training = known.pop("training", None)
    sets = Sets(
        real=features(tmp_path / "r", kind, real),
        fake=features(tmp_path / "f", kind, fake),
        training=features(tmp_path / "t", kind, training) if training else None,
        **{"texts": {}, "asked": {}, "labels": (), "modes": {}, "seed": 0, **known},
    )
    return list(measure.figures(sets))


def latent(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_volumes_are_scored_with_their_own_reports_and_with_others(tmp_path: Path) -> None:
    measure = ClipTextImage(name="CLIP", extractor="e", kind="k")
    images = {"a": [1.0, 0.0], "b": [0.0, 1.0]}
    texts = {"a": latent(1, 0), "b": latent(1, 1)}
    own, others = figures(measure, tmp_path, "k", images, images, texts=texts)
    diagonal = 100 / np.sqrt(2)
    assert own.value == own.reference == pytest.approx((100 + diagonal) / 2)
    assert others.value == pytest.approx((diagonal + 0) / 2)  # a with b's report, b with a's


def test_images_are_scored_with_the_real_ones_of_their_name(tmp_path: Path) -> None:
    measure = ClipImageImage(name="CLIP", extractor="e", kind="k")
    real, fake = {"a": [1.0, 0.0], "b": [0.0, 1.0]}, {"b": [0.0, 2.0], "c": [1.0, 0.0]}
    (found,) = figures(measure, tmp_path, "k", real, fake, texts={"b": latent(1, 0)})
    assert (found.value, found.reference, found.samples[1]) == (100, 0, 1)


def test_the_mean_of_both_scores_is_of_the_cases_that_have_both(tmp_path: Path) -> None:
    measure = ClipMean(name="CLIP", extractor="e", kind="k")
    real, fake = {"a": [1.0, 0.0], "b": [0.0, 1.0]}, {"a": [1.0, 0.0], "b": [0.0, 2.0], "c": [1.0, 0.0]}
    (found,) = figures(measure, tmp_path, "k", real, fake, texts={"b": latent(1, 0), "c": latent(1, 0)})
    assert (found.value, found.samples[1]) == (50, 1)  # b: 0 with its report, 100 with the real one
    assert found.warnings == ("of 1 of 3 fake volumes: the others have no report, or no real volume of their name",)


def test_without_reports_there_is_no_clip_score_of_any_kind(tmp_path: Path) -> None:
    images = {"a": [1.0, 0.0]}
    for measure in (ClipTextImage, ClipImageImage, ClipMean):
        assert figures(measure(name="CLIP", extractor="e", kind="k"), tmp_path, "k", images, images) == []


def test_labels_agree_where_the_classifier_sees_them_in_the_cases_that_have_them(tmp_path: Path) -> None:
    """It sees the first label where it is, the second one only where it is not; the third is too rare to count."""
    seen = {f"c{i}": [i / 10, 1 - i / 10, 0.5] for i in range(10)}
    asked = {f"c{i}": frozenset(["high", "low"] if i >= 5 else ["rare"] if i == 0 else []) for i in range(10)}
    mean, *each = figures(
        LabelAgreement(name="AUROC", extractor="e", kind="k"),
        tmp_path,
        "k",
        seen,
        seen,
        asked=asked,
        labels=("high", "low", "rare"),
    )
    assert {figure.name: figure.value for figure in each} == {"AUROC: high": 1, "AUROC: low": 0}
    assert (mean.name, mean.value, mean.reference) == ("AUROC, mean of labels", 0.5, 0.5)
    assert 0 <= mean.low <= mean.value <= mean.high <= 1


def test_the_mean_over_labels_is_of_the_same_labels_in_both_sets(tmp_path: Path) -> None:
    """The reference was over all labels that the larger, real set could count, and so of other labels."""
    real = {f"c{i}": [i / 10, 1 - i / 10] for i in range(10)}
    asked = {f"c{i}": frozenset(["high", "low"] if i >= 7 else ["high"] if i >= 4 else []) for i in range(10)}
    fake = {name: real[name] for name in ("c0", "c1", "c2", "c4", "c5", "c6", "c8")}  # of low, one case alone
    measure = LabelAgreement(name="AUROC", extractor="e", kind="k")
    mean, *each = figures(measure, tmp_path, "k", real, fake, asked=asked, labels=("high", "low"))
    assert [figure.name for figure in each] == ["AUROC: high"]
    assert (mean.value, mean.reference) == (1, 1)
    assert mean.warnings == ("of 1 of 2 labels, since 3 cases with the label and 3 without are needed in both sets",)


def test_two_volumes_of_each_patient_do_not_make_the_mean_auroc_more_certain(tmp_path: Path) -> None:
    def found(folder: Path, copies: str) -> Figure:
        seen = {f"p{i}/c{i}{copy}": [float(i * 7 % 20)] for i in range(20) for copy in copies}
        asked = {f"c{i}{copy}": frozenset(["high"] if i >= 10 else []) for i in range(20) for copy in copies}
        measure = LabelAgreement(name="AUROC", extractor="e", kind="k")
        return figures(measure, folder, "k", seen, seen, asked=asked, labels=("high",))[0]

    one, two = found(tmp_path / "one", "a"), found(tmp_path / "two", "ab")
    assert (two.value, two.samples) == (one.value, (40, 40))
    assert two.high - two.low == pytest.approx(one.high - one.low)


def test_means_leave_out_what_a_volume_does_not_have(tmp_path: Path) -> None:
    measure = VolumeMeans(names=("bone",), extractor="e", kind="k")
    (found,) = figures(measure, tmp_path, "k", {"a": [10.0]}, {"b": [20.0], "c": [np.nan], "d": [40.0]})
    assert (found.value, found.reference, found.samples) == (30, 10, (1, 2))


def test_a_copy_of_a_training_volume_is_nearer_than_patients_are_to_each_other(tmp_path: Path) -> None:
    measure = NearestTraining(name="nearest", extractor="e", kind="k")
    training = {"p/a": [0.0, 0.0], "p/b": [0.1, 0.1], "q/c": [4.0, 4.0]}
    (found,) = figures(measure, tmp_path, "k", {"r": [9.0, 9.0]}, {"copy": [4.0, 4.0]}, training=training)
    assert found.value == 0
    assert found.reference == pytest.approx((4 + 3.9 + 3.9) / 3)  # never to the same patient


def test_nearest_neighbours_need_two_patients() -> None:
    with pytest.raises(RequestError, match="two or more patients"):
        nearest_distances(np.zeros((2, 3)), ["p", "q"], [("p", np.zeros(3)), ("p", np.zeros(3))])


def test_sets_whose_halves_are_too_small_have_a_value_and_no_interval(tmp_path: Path) -> None:
    rows = {f"v{i}": [float(i), 0.0] for i in range(6)}
    (found,) = figures(Recall(name="recall", extractor="e", kinds=("k",)), tmp_path, "k", rows, rows)
    assert found.value == 1 and np.isnan([found.low, found.high, found.reference]).all()


def heads(tmp_path: Path, head_alone: bool) -> list[Figure]:
    real = {f"r{i}": [float(i), 0.0] for i in range(4)}
    fake = {f"f{i}": [0.0, float(i)] for i in range(4)}
    modes = {"f0": "gt-head", "f1": "full-body"}
    measure = Frechet(name="FVD", extractor="e", kinds=("k",), head_alone=head_alone)
    return figures(measure, tmp_path, "k", real, fake, modes=modes)


def test_what_sees_a_copied_head_alone_is_marked_uninformative(tmp_path: Path) -> None:
    (marked,) = heads(tmp_path, head_alone=True)
    assert "uninformative: it sees the first slices alone, and 1 fake volume(s) copy them" in str(marked.warnings)
    (whole,) = heads(tmp_path, head_alone=False)
    assert "uninformative" not in str(whole.warnings)


def test_several_kinds_of_features_have_a_mean_and_a_figure_each(tmp_path: Path) -> None:
    """Of planes, of which one is three times as far off as the other."""
    draw = np.random.default_rng(0)
    sets = {}
    for name in ("r", "f"):
        volumes = [VolumeFile(f"{name}{i}", f"{name}{i}", tmp_path, f"{name}{i}") for i in range(6)]
        for one in volumes:
            rows = draw.normal(size=(3, 2)) + (name == "f")
            keep(kept_path(tmp_path, EXTRACTOR["e"], one.sha256), {"a": rows, "b": rows * np.sqrt(3)})
        sets[name] = FeatureSet(volumes, tmp_path, EXTRACTOR)
    known = {"training": None, "texts": {}, "asked": {}, "labels": (), "modes": {}, "seed": 0}
    measure = Frechet(name="FID", extractor="e", kinds=("a", "b"), each=("FID a", "FID b"))
    mean, a, b = measure.figures(Sets(real=sets["r"], fake=sets["f"], **known))
    assert (mean.name, a.name, b.name) == ("FID", "FID a", "FID b")
    for field in ("value", "high", "reference", "beside_reference"):
        of_mean, of_a, of_b = (getattr(one, field) for one in (mean, a, b))
        assert of_b == pytest.approx(3 * of_a) and of_mean == pytest.approx(2 * of_a)


def test_a_real_set_of_taught_patients_is_said(tmp_path: Path) -> None:
    """There a model that copies has the best FID."""
    rows = {"p/a": [0.0, 1.0], "q/b": [1.0, 0.0], "r/c": [1.0, 1.0]}
    measure = Frechet(name="FID", extractor="e", kinds=("k",))
    (found,) = figures(measure, tmp_path, "k", rows, rows, training={"p/other": [0.0, 0.0], "s/d": [1.0, 1.0]})
    assert "1 of 3 real volumes are of patients of the training set" in found.warnings
