"""The measures of an A-VAE, of one that the tests know the answers of."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ctflow.checkpoint.folder import load_autoencoder
from ctflow.demo.avae import new_avae
from ctflow.evaluation.avae import AvaeComparison, AvaeMeasures, TowerFeatures, measure_avae
from ctflow.hu import IntensityMap
from ctflow.models.autoencoder_kl import AutoencoderKL, Posterior
from tests.tiny import CARD, tiny_checkpoint


class Shifted(AutoencoderKL):
    """Its code is the slice, and what it decodes is `off` in intensity too bright."""

    def __init__(self, off: float) -> None:
        super().__init__(new_avae((4, 4), 2).config)
        self.off = off

    def encode(self, images: Tensor) -> Posterior:
        return Posterior(images, torch.zeros_like(images))

    def decode(self, latents: Tensor) -> Tensor:
        return latents + self.off


class Means:
    """`SliceFeatures` that are known: mean HU of the left and of the right half."""

    name, weights_sha256 = "means", "none"

    def __call__(self, hu: np.ndarray) -> NDArray[np.float32]:
        return np.stack([half.mean((1, 2)) for half in np.split(hu, 2, axis=2)], axis=1).astype(np.float32)


def volumes() -> Iterator[np.ndarray]:
    """Two volumes of three pairs; HU inside the range of the card, and far enough from its ends."""
    rng = np.random.default_rng(0)
    for _ in range(2):
        yield rng.integers(-400, 400, (3, 2, 8, 8)).astype(np.int16)


def test_psnr_is_that_of_the_error_and_fid_that_of_the_shift() -> None:
    off_hu = 24
    found = measure_avae(Shifted(off_hu / 2400), CARD, volumes(), Means())
    assert found.psnr_db == pytest.approx(20 * math.log10(2400 / off_hu), abs=0.01)
    assert found.fid_reconstructions == pytest.approx(2 * off_hu**2, rel=1e-3), "means differ, and spreads do not"
    assert found.fid_midpoints is not None
    assert found.fid_midpoints > 2 * off_hu**2, "means of two slices are less spread than slices"


def test_midpoints_of_equal_neighbours_are_reconstructions() -> None:
    twice = [np.repeat(pairs[:, :1], 2, axis=1) for pairs in volumes()]
    found = measure_avae(Shifted(0.01), CARD, twice, Means())
    assert found.fid_midpoints is not None and found.fid_reconstructions is not None
    assert found.fid_midpoints == pytest.approx(found.fid_reconstructions, rel=0.2)


def test_hu_outside_the_range_of_the_model_are_no_errors_of_it() -> None:
    outside = [np.full((1, 2, 8, 8), 3000, np.int16)]
    card = replace(CARD, intensity=IntensityMap(black=-1.0, white=1.0, hu_black=-1000, hu_white=1000))
    assert measure_avae(Shifted(-0.012), card, outside, None).psnr_db == pytest.approx(
        20 * math.log10(2000 / 12), abs=0.01
    )


def test_without_a_network_fid_is_said_to_be_not_measured(tmp_path: Path) -> None:
    before, after = (measure_avae(Shifted(off), CARD, volumes(), None) for off in (0.01, 0.001))
    comparison = AvaeComparison(before=before, after=after, features="no network", weights_sha256="")
    table = comparison.markdown()
    assert "| PSNR, dB, higher is better | 40.00 | " in table and table.count("not measured") == 4
    comparison.write(tmp_path / "measures.json")
    written = json.loads((tmp_path / "measures.json").read_text())
    assert AvaeMeasures(**written["after"]) == after and after.slices == 12


def test_fid_of_too_few_slices_is_said_to_be_too_large() -> None:
    found = measure_avae(Shifted(0.01), CARD, volumes(), Means())
    for few, said in ((found, False), (replace(found, slices=2), True)):
        comparison = AvaeComparison(before=found, after=few, features="means", weights_sha256="none")
        assert ("FID is too large" in comparison.markdown()) == said


def test_the_towers_features_of_a_slice_do_not_depend_on_its_company(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "model", heads=True)
    tower = TowerFeatures.load(folder, CARD.geometry)
    hu = np.random.default_rng(0).integers(-900, 900, (5, 32, 32)).astype(np.int16)
    found = tower(hu)
    assert found.shape == (5, 16) and np.isfinite(found).all()
    alone = np.concatenate([tower(one[None]) for one in hu])
    assert np.allclose(np.sort(found, axis=0), np.sort(alone, axis=0), atol=1e-5), "in whatever order"
    assert np.ptp(found, axis=0).max() > 1e-3, "and tell slices apart"


def test_measuring_takes_a_checkpoints_own_network(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "model", heads=True)
    hu = np.random.default_rng(0).integers(-900, 900, (2, 2, 32, 32)).astype(np.int16)
    found = measure_avae(load_autoencoder(folder / "avae"), CARD, [hu], TowerFeatures.load(folder, CARD.geometry))
    assert 0 < found.psnr_db < 60 and found.fid_reconstructions is not None and found.fid_reconstructions > 0
