"""Upsampling by phases is upsampling and a convolution."""

import pytest
import torch

from ctflow.checkpoint.folder import load_autoencoder
from ctflow.models.autoencoder_kl import Upsampler
from ctflow.runtime.upsampling import PhaseUpsample, upsample_by_phases
from tests.golden.forward import GOLDEN


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 4)])
def test_four_phases_are_the_convolution_of_the_doubled_picture(rows: int, columns: int) -> None:
    layer = Upsampler(3).double().requires_grad_(False)
    x = torch.randn(2, 3, rows, columns, dtype=torch.float64)
    found = PhaseUpsample(layer)(x)
    torch.testing.assert_close(found, layer(x))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_a_decoder_gives_the_same_slices_and_has_no_other_upsampling_left() -> None:
    decoder = load_autoencoder(GOLDEN / "vae").double().requires_grad_(False).decoder
    latents = torch.randn(2, 4, 8, 8, dtype=torch.float64)
    expected = decoder(latents)
    upsample_by_phases(decoder)
    torch.testing.assert_close(decoder(latents), expected)
    kinds = [type(part) for part in decoder.modules()]
    assert Upsampler not in kinds and kinds.count(PhaseUpsample) == len(decoder.up_blocks) - 1
