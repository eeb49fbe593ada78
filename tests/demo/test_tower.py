"""Training of the image tower: its fitted side tells what is there."""

import numpy as np
import pytest
import torch

from ctflow.data.phantoms import PhantomSet
from ctflow.demo.sizes import SMOKE
from ctflow.demo.tower import fit_images, tower_image
from ctflow.evaluation.statistics import auroc
from ctflow.models.ctclip import CTClip
from ctflow.phantom import KINDS, SLOTS, Finding, Truth

TOWER = SMOKE.tower


@pytest.fixture(scope="module")
def phantoms() -> PhantomSet:
    """A dark box, and in every second one a bright block on the right: all that there is to be learnt."""
    rng = np.random.default_rng(0)
    hu = np.full((16, 96, 256, 256), -1000, np.int16)
    hu[:, :, 60:200, 40:216] = -800
    truths = []
    for index, volume in enumerate(hu):
        volume += rng.integers(-20, 20, size=(96, 1, 1), dtype=np.int16)
        there = index % 2 == 0
        if there:
            volume[20:60, 100:160, 60:110] = 40
        finding = Finding(kind="Pleural effusion", side="right", size="large", ml=1000.0)
        truths.append(Truth(findings=(finding,) if there else ()))
    return PhantomSet(hu, [96] * len(hu), truths)


@pytest.fixture(scope="module")
def fitted(phantoms: PhantomSet) -> tuple[CTClip, torch.Tensor]:
    clip, latents = fit_images(TOWER, phantoms, 0)
    return clip.requires_grad_(False), latents


def test_a_fitted_tower_tells_what_is_there(phantoms: PhantomSet, fitted: tuple[CTClip, torch.Tensor]) -> None:
    clip, latents = fitted
    label = len(SLOTS) + KINDS.index("Pleural effusion")
    there = np.arange(len(latents)) % 2 == 0
    for said in (latents, torch.cat([clip.image_latent(tower_image(phantoms, i, TOWER)[None]) for i in range(16)])):
        assert said.norm(dim=-1).allclose(torch.ones(16))
        assert auroc(said[there, label], said[~there, label]).value > 0.9


def test_its_codes_are_used(fitted: tuple[CTClip, torch.Tensor], phantoms: PhantomSet) -> None:
    tower = fitted[0].visual_transformer
    tokens = tower.along_slices(tower.in_planes(tower.patches(tower_image(phantoms, 0, TOWER)[None])))
    codes = tower.vq(tokens)
    assert len(tower.vq._codebook.indices(tokens).unique()) > 2
    assert (codes - tokens).square().mean() < 0.5 * tokens.square().mean()
