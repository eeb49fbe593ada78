"""Which device a model runs on, and that float32 stays float32 there."""

import pytest
import torch

from ctflow.runtime.device import resolve_device


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_resolving_a_device_switches_the_rounding_to_tf32_off(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    resolve_device(name)
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.gpu
def test_on_a_gpu_a_convolution_in_float32_is_not_rounded_to_tf32() -> None:
    """Only GPUs of compute capability 8 or more have TF32."""
    device = resolve_device("cuda")
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(1, 64, 32, 32, generator=generator), torch.randn(64, 64, 3, 3, generator=generator)
    exact = torch.nn.functional.conv2d(x.double(), weight.double())
    found = torch.nn.functional.conv2d(x.to(device), weight.to(device)).cpu()
    assert (found - exact).abs().max() / exact.abs().max() < 1e-5
