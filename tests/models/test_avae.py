"""The A-VAE decodes slices in batches, and rounds no more than it must."""

import torch

from ctflow.benchmark.reference import reference_decode
from ctflow.checkpoint.folder import load_autoencoder
from ctflow.models.avae import AVAE
from tests.golden.forward import GOLDEN


def test_the_a_vae_decodes_in_batches_as_slice_by_slice() -> None:
    network = load_autoencoder(GOLDEN / "vae").eval().requires_grad_(False)
    avae = AVAE(network, 0.3611, 0.1159)
    latents = torch.randn(7, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = reference_decode(avae, latents)
    for layout in (torch.contiguous_format, torch.channels_last):
        avae.network.to(memory_format=layout)
        torch.testing.assert_close(avae.decode(latents), expected, rtol=1e-4, atol=1e-4)
    assert avae.slices_at_once(64, 64) == 4
    frugal = AVAE(network, 0.3611, 0.1159, memory_bytes=1)
    assert frugal.slices_at_once(64, 64) == 1
    torch.testing.assert_close(frugal.decode(latents), expected, rtol=1e-4, atol=1e-4)


def test_the_channels_of_a_slice_in_bf16_are_averaged_in_float32() -> None:
    """Their mean used to be rounded to bf16 too: in steps of 5 HU in soft tissue and 9 HU in bone."""
    avae = AVAE(load_autoencoder(GOLDEN / "vae").eval().requires_grad_(False).bfloat16(), 0.3611, 0.1159)
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    channels = avae.network.decode((latents / avae.scale + avae.shift).bfloat16())
    found = avae.decode(latents)
    assert found.dtype == torch.float32 and torch.equal(found, channels.float().mean(1))
    assert not torch.equal(found, found.bfloat16().float())
