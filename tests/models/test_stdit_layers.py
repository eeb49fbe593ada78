"""Layers with a faster form compute what the plain form does."""

from typing import Literal

import pytest
import torch

from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.stdit_layers import Attention, LineAttention, Mlp, PatchEmbed, attention_along_lines

Merge = Literal["released", "usual"]
merges = pytest.mark.parametrize("merge", ["released", "usual"])


@merges
@pytest.mark.parametrize("tokens", [2, 3, 8])
def test_attention_along_lines_is_that_of_each_line_alone(tokens: int, merge: Merge) -> None:
    """Two tokens have a form of their own."""
    layer = LineAttention(32, 4, merge).double()
    x = torch.randn(2, tokens, 6, 32, dtype=torch.float64)
    alone = Attention(32, 4, merge).double()
    alone.load_state_dict(layer.state_dict())
    expected = torch.stack([alone(x[:, :, line]) for line in range(6)], dim=2)
    torch.testing.assert_close(layer(x), expected)


@merges
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lines_that_share_a_sequence_do_not_see_each_other(merge: Merge, dtype: torch.dtype) -> None:
    """As on a GPU, where 16 lines of 8 tokens are one sequence."""
    layer = LineAttention(64, 4, merge)
    parts = torch.randn(3, 2, 64, 8, 4, 16).to(dtype)
    together, alone = (layer.merged(attention_along_lines(*parts, lines)) for lines in (16, 1))
    assert together.shape == (2, 64, 8, 64)
    limit = 1e-6 if dtype == torch.float32 else 2**-7
    torch.testing.assert_close(together, alone, rtol=limit, atol=limit)
    parts[:, :, 1] = 100  # another line
    torch.testing.assert_close(layer.merged(attention_along_lines(*parts, 16))[:, 0], together[:, 0])


def test_gradients_reach_the_lines_that_share_a_sequence() -> None:
    """The mask is made once, perhaps in inference mode, and then training uses it."""
    with torch.inference_mode():
        attention_along_lines(*torch.randn(3, 1, 4, 5, 2, 8), 4)
    parts = torch.randn(3, 1, 4, 5, 2, 8, requires_grad=True)
    attention_along_lines(*parts, 4).square().sum().backward()
    assert parts.grad is not None and parts.grad.abs().min() > 0


def test_patches_are_those_of_the_convolution() -> None:
    config = STDiTConfig(
        input_size=(8, 6, 4),
        patch_size=(4, 2, 2),
        in_channels=6,
        out_channels=3,
        hidden_size=16,
        depth=1,
        num_heads=2,
        mlp_ratio=1.0,
        caption_channels=8,
    )
    layer = PatchEmbed(config).double()
    x, previous = torch.randn(2, 2, 3, 8, 6, 4, dtype=torch.float64)
    expected = layer.proj(torch.cat([x, previous], dim=1)).flatten(2).transpose(1, 2)
    torch.testing.assert_close(layer(x) + layer.previous(previous), expected)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_a_gpu_gelu_at_the_end_of_a_product_is_its_tanh_form(dtype: torch.dtype) -> None:
    """It is another kernel, which is there without gradients alone."""
    mlp = Mlp(64, 128, 64).to("cuda", dtype)
    x = torch.randn(2, 1024, 64, device="cuda", dtype=dtype)
    with torch.inference_mode():
        found = mlp(x)
    torch.testing.assert_close(found, mlp(x).detach(), rtol=2e-2, atol=2e-2)


@pytest.mark.gpu
@merges
def test_on_a_gpu_lines_give_what_they_give_on_a_cpu(merge: Merge) -> None:
    layer, x = LineAttention(64, 4, merge), torch.randn(2, 8, 256, 64)
    expected = layer(x).detach()
    torch.testing.assert_close(layer.cuda()(x.cuda()).detach().cpu(), expected, rtol=1e-4, atol=1e-4)
