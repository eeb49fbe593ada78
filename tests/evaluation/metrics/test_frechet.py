"""The Fréchet distance is exact where the answer is known, and agrees with torchmetrics' where it is not."""

import numpy as np
import pytest
import torch
from torchmetrics.image.fid import FrechetInceptionDistance

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.frechet import frechet_distance
from tests.evaluation.metrics.given import GivenFeatures, as_images


def gaussian(mean: np.ndarray, root: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Samples whose own mean and covariance (root rootᵀ) are exactly these."""
    drawn = np.random.default_rng(seed).normal(size=(samples, len(mean)))
    centred = drawn - drawn.mean(0)
    white = centred @ np.linalg.inv(np.linalg.cholesky(np.cov(centred.T))).T
    return mean + white @ root.T


def drawn(samples: int, dimensions: int, seed: int, stretch: float = 1.0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return draw.normal(size=(samples, dimensions)) @ draw.normal(size=(dimensions, dimensions)) * stretch


def test_of_gaussians_with_axes_in_common_it_is_the_closed_form() -> None:
    real = gaussian(np.zeros(3), np.diag([1.0, 2.0, 3.0]), 500, 0)
    fake = gaussian(np.array([1.0, 0.0, 2.0]), np.diag([2.0, 2.0, 1.0]), 300, 1)
    assert frechet_distance(real, fake) == pytest.approx(5 + 1 + 0 + 4, rel=1e-9)


def test_of_gaussians_with_other_axes_it_is_the_closed_form() -> None:
    """In two dimensions the root has the trace √(tr AB + 2 √det AB)."""
    one, other = np.array([[2.0, 0.0], [1.5, 0.5]]), np.array([[1.0, 0.0], [-0.7, 1.2]])
    product = one @ one.T @ other @ other.T
    root_trace = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = np.trace(one @ one.T) + np.trace(other @ other.T) - 2 * root_trace
    real, fake = gaussian(np.zeros(2), one, 50, 2), gaussian(np.zeros(2), other, 40, 3)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("samples", "dimensions"), [(20, 300), (300, 20), (64, 64)])
def test_a_set_has_no_distance_from_itself(samples: int, dimensions: int) -> None:
    features = drawn(samples, dimensions, 4, stretch=10)
    assert frechet_distance(features, features) <= 1e-6


def test_dimensions_in_which_nothing_varies_change_nothing() -> None:
    """The same sets, turned into a space with more dimensions than samples, take the other way through the code."""
    real, fake = drawn(50, 6, 5), drawn(40, 6, 6, stretch=1.5)
    turn = np.linalg.qr(np.random.default_rng(7).normal(size=(200, 6)))[0]
    assert frechet_distance(real @ turn.T, fake @ turn.T) == pytest.approx(frechet_distance(real, fake), rel=1e-9)


def test_many_samples_are_reduced_in_parts_to_the_same() -> None:
    real, fake = drawn(9000, 5, 8), drawn(40, 5, 9)
    covariance, other = np.cov(real.T), np.cov(fake.T)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values) @ vectors.T
    trace = np.sqrt(np.linalg.eigvalsh(root @ other @ root)).sum()
    means = np.square(real.mean(0) - fake.mean(0)).sum()
    expected = means + np.trace(covariance) + np.trace(other) - 2 * trace
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_the_biased_covariance_is_smaller_by_one_sample() -> None:
    real, fake = drawn(10, 4, 10), drawn(10, 4, 11)
    apart = np.square(real.mean(0) - fake.mean(0)).sum()
    spread = frechet_distance(real, fake) - apart
    assert frechet_distance(real, fake, biased=True) == pytest.approx(apart + spread * 9 / 10, rel=1e-9)


@pytest.mark.parametrize("samples", [30, 400])
def test_it_agrees_with_torchmetrics(samples: int) -> None:
    real, fake = drawn(samples, 48, 12), drawn(samples, 48, 13, stretch=1.2)
    theirs = FrechetInceptionDistance(feature=GivenFeatures(48), normalize=True).set_dtype(torch.float64)
    theirs.update(as_images(real), real=True)
    theirs.update(as_images(fake), real=False)
    assert frechet_distance(real, fake) == pytest.approx(theirs.compute().item(), rel=1e-4)


@pytest.mark.parametrize(
    ("real", "fake", "says"),
    [
        (np.zeros((1, 4)), np.zeros((5, 4)), "The real set has 1 sample"),
        (np.zeros((5, 4)), np.zeros((1, 4)), "The fake set has 1 sample"),
        (np.zeros((5, 1)), np.zeros((5, 1)), "2 dimensions or more"),
        (np.zeros(5), np.zeros(5), "(samples, dimensions) was expected"),
        (np.zeros((5, 4)), np.zeros((5, 3)), "different extractors"),
        (np.zeros((5, 4)), np.full((5, 4), np.nan), "not finite numbers, first of sample 0"),
    ],
)
def test_what_has_no_distance_is_refused(real: np.ndarray, fake: np.ndarray, says: str) -> None:
    with pytest.raises(RequestError) as refused:
        frechet_distance(real, fake)
    assert says in str(refused.value)
