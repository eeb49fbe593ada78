"""The convolutions of demo models, by whichever kernel they are computed."""

import pytest
import torch
import torch.nn.functional as F

from ctflow.models.stdit_detail import convolve


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
def test_one_sample_and_two_are_convolved_alike(samples: int, stride: int) -> None:
    """A single sample takes a way of its own on a CPU, where torch's took nine times as long."""
    torch.manual_seed(0)
    size, padding = (3, 1) if stride == 1 else (2, 0)
    x, weight, bias = torch.randn(samples, 5, 4, 8, 8), torch.randn(7, 5, size, size, size), torch.randn(7)
    expected = F.conv3d(x, weight, bias, stride=stride, padding=padding)
    with torch.inference_mode():
        for seen in (x, x.contiguous(memory_format=torch.channels_last_3d)):
            found = convolve(seen, weight, bias, stride=stride, padding=padding)
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


def test_precisions_that_onednn_lacks_are_convolved_too() -> None:
    x, weight = torch.randn(1, 2, 3, 4, 4, dtype=torch.float64), torch.randn(3, 2, 3, 3, 3, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(convolve(x, weight, None), F.conv3d(x, weight, padding=1))


def test_a_convolution_can_be_trained() -> None:
    x, weight = torch.randn(1, 2, 3, 4, 4), torch.randn(3, 2, 3, 3, 3, requires_grad=True)
    convolve(x, weight, None).sum().backward()
    assert weight.grad is not None and weight.grad.abs().sum() > 0
