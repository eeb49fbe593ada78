"""Our A-VAE computes what diffusers' AutoencoderKL computes, from the same weights."""

import json
from pathlib import Path

import diffusers
import pytest
import torch

from ctflow.checkpoint.folder import load_autoencoder
from ctflow.errors import CheckpointError
from tests.golden.test_ctflow_v1 import GOLDEN
from tests.tiny import tiny_checkpoint


@pytest.fixture(params=["with attention", "without"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The golden A-VAE, which has what FLUX's has, and one as the demo's, which we have written ourselves."""
    return GOLDEN / "vae" if request.param == "with attention" else tiny_checkpoint(tmp_path / "tiny") / "avae"


@torch.inference_mode()
def test_it_encodes_and_decodes_as_diffusers(folder: Path) -> None:
    ours = load_autoencoder(folder).eval()
    theirs = diffusers.AutoencoderKL.from_pretrained(folder).eval()
    images = torch.randn(2, ours.config.in_channels, 32, 32, generator=torch.Generator().manual_seed(0))
    found, expected = ours.encode(images), theirs.encode(images).latent_dist
    for one, other in ((found.mean, expected.mean), (found.std, expected.std), (found.kl(), expected.kl())):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(ours.decode(found.mean), theirs.decode(expected.mean).sample)


def test_a_config_of_another_kind_of_network_is_refused(tmp_path: Path) -> None:
    """Its weights might fit, and would mean something else."""
    folder = tiny_checkpoint(tmp_path / "tiny") / "avae"
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"act_fn": "relu"}))
    with pytest.raises(CheckpointError, match="says act_fn 'relu' instead of 'silu'"):
        load_autoencoder(folder)
