"""Phantoms as they were made, and as an A-VAE shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.evaluation.obedience.phantom_views import AvaeView, PlainView
from ctflow.model_grid import ModelGrid
from ctflow.phantom import Truth, make_phantom
from tests.evaluation.obedience.phantoms import SEED
from tests.tiny import CARD, tiny_checkpoint


def test_phantoms_are_seen_through_the_models_own_avae(tmp_path: Path) -> None:
    phantom, model = make_phantom(SEED, truth=Truth()), tiny_checkpoint(tmp_path / "tiny")
    plain = PlainView().show(phantom)
    assert np.array_equal(plain.hu, phantom.clean)
    seen = AvaeView(model).show(phantom)
    assert seen.hu.shape[1:] == (32, 32), "on the model's grid"
    grid, checkpoint = ModelGrid(CARD.geometry), load_checkpoint(model)
    slices = torch.from_numpy(CARD.intensity.to_intensity(grid.bring(plain).hu))
    with torch.inference_mode():
        decoded = checkpoint.avae.decode(checkpoint.avae.encode(slices)).numpy()
    assert np.array_equal(seen.hu, CARD.intensity.to_hu(decoded))


def test_checkpoints_that_share_an_avae_share_the_name_of_the_view(tmp_path: Path) -> None:
    tiny, other = (tiny_checkpoint(tmp_path / name) for name in ("tiny", "other"))
    assert AvaeView(tiny).name == AvaeView(other).name != PlainView().name
    weights = other / "avae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-2] + b"ab")
    assert AvaeView(tiny).name != AvaeView(other).name
