"""KID, IS, precision and recall: what they must be on sets whose answer is known, and beside torchmetrics."""

import numpy as np
import pytest
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.clip import clip_scores
from ctflow.evaluation.metrics.inception_score import inception_score
from ctflow.evaluation.metrics.kernel import kernel_distance
from ctflow.evaluation.metrics.precision_recall import PrecisionRecall, precision_recall
from tests.evaluation.metrics.given import GivenFeatures, as_images


def drawn(samples: int, dimensions: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(samples, dimensions)) + shift


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def test_kid_agrees_with_torchmetrics() -> None:
    real, fake = drawn(60, 16, 0), drawn(60, 16, 1, shift=0.3)
    theirs = KernelInceptionDistance(feature=GivenFeatures(16), subsets=1, subset_size=60, normalize=True)
    theirs.update(as_images(real).float(), real=True)
    theirs.update(as_images(fake).float(), real=False)
    assert kernel_distance(real, fake) == pytest.approx(theirs.compute()[0].item(), rel=1e-4)


def test_kid_of_drawn_subsets_is_near_that_of_all() -> None:
    real, fake = drawn(400, 8, 2), drawn(300, 8, 3, shift=0.5)
    assert kernel_distance(real, fake, subset_size=200) == pytest.approx(kernel_distance(real, fake), rel=0.05)


def test_kid_of_sets_that_are_alike_is_about_nothing() -> None:
    repeats = [kernel_distance(drawn(40, 8, 2 * seed), drawn(40, 8, 2 * seed + 1)) for seed in range(40)]
    assert abs(np.mean(repeats)) < 3 * np.std(repeats) / np.sqrt(len(repeats))


def test_the_inception_score_agrees_with_torchmetrics() -> None:
    """Theirs applies a softmax itself, and shuffles, which one split does not mind."""
    logits = drawn(50, 7, 4) * 2
    theirs = InceptionScore(feature=GivenFeatures(7), splits=1)
    theirs.update(as_images(logits).float())
    assert inception_score(softmax(logits), splits=1) == pytest.approx(theirs.compute()[0].item(), rel=1e-4)


def test_the_inception_score_counts_classes() -> None:
    assert inception_score(np.tile(np.eye(5), (4, 1)), splits=2) == pytest.approx(5)
    assert inception_score(np.tile([0.2, 0.8], (20, 1))) == pytest.approx(1)


@pytest.mark.parametrize(("rows", "says"), [(np.ones((20, 3)), "add up to 1"), (np.eye(3), "10 splits needs as many")])
def test_what_has_no_inception_score_is_refused(rows: np.ndarray, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        inception_score(rows)


def test_a_set_is_all_in_its_own_region_and_nothing_of_a_far_one() -> None:
    here, far = drawn(50, 4, 5), drawn(50, 4, 6, shift=100)
    assert precision_recall(here, here) == PrecisionRecall(1, 1)
    assert precision_recall(here, far) == PrecisionRecall(0, 0)


def test_one_repeated_sample_is_precise_and_recalls_next_to_nothing() -> None:
    """Its region is that one point."""
    real = drawn(100, 4, 7)
    repeated = precision_recall(real, np.tile(real[:1], (100, 1)))
    assert repeated == PrecisionRecall(1.0, 0.01)


def test_recall_counts_what_is_covered() -> None:
    """Two real clusters, of which the fake set has one."""
    real = np.concatenate([drawn(60, 3, 8), drawn(40, 3, 9, shift=50)])
    fake = drawn(200, 3, 10)
    assert precision_recall(real, fake).recall == pytest.approx(0.6, abs=0.06)


def test_too_few_samples_for_neighbours_are_refused() -> None:
    with pytest.raises(RequestError, match="need 4 samples of each set or more; got 3 and 9"):
        precision_recall(drawn(3, 4, 0), drawn(9, 4, 1))


def test_clip_scores_are_cosines_and_never_negative() -> None:
    one = np.array([[1.0, 0.0], [3.0, 0.0], [1.0, 0.0]])
    other = np.array([[2.0, 0.0], [1.0, 1.0], [-1.0, 0.1]])
    assert clip_scores(one, other) == pytest.approx([100, 100 / np.sqrt(2), 0])


def test_clip_scores_of_nothing_are_refused() -> None:
    with pytest.raises(RequestError, match="in pairs"):
        clip_scores(np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(RequestError, match="length 0"):
        clip_scores(np.ones((2, 3)), np.zeros((2, 3)))
