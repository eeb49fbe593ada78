"""Packed layers compute what the layers did whose place they take."""

import pytest
import torch
from torch import nn

from ctflow.models.stdit_layers import GeluLinear
from ctflow.runtime.packed import PackedLinear, can_pack, pack
from tests.golden.forward import CASES, golden, golden_transformer, rms

packs_float32 = pytest.mark.skipif(not can_pack(torch.float32), reason="this torch has no oneDNN for this processor")
packs_bf16 = pytest.mark.skipif(not can_pack(torch.bfloat16), reason="oneDNN has no bf16 on this processor")


@packs_float32
@pytest.mark.parametrize("kind", [nn.Linear, GeluLinear])
@pytest.mark.parametrize("shape", [(5, 32), (2, 3, 32), (2, 1024, 32)])
def test_a_packed_layer_is_the_same_function_of_any_number_of_rows(
    kind: type[nn.Linear], shape: tuple[int, ...]
) -> None:
    layer, x = kind(32, 48), torch.randn(shape)
    torch.testing.assert_close(PackedLinear(layer)(x), layer(x).detach(), rtol=1e-5, atol=1e-5)


@packs_float32
def test_a_packed_layer_takes_a_view_too() -> None:
    layer, x = nn.Linear(32, 48), torch.randn(4, 7, 32).transpose(0, 1)
    torch.testing.assert_close(PackedLinear(layer)(x), layer(x).detach(), rtol=1e-5, atol=1e-5)


@packs_bf16
def test_a_packed_layer_in_bf16_rounds_once() -> None:
    layer, x = GeluLinear(32, 48).bfloat16(), torch.randn(64, 32).bfloat16()
    expected = nn.functional.gelu(
        nn.functional.linear(*(part.float() for part in (x, layer.weight, layer.bias))), approximate="tanh"
    )
    found = PackedLinear(layer)(x)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected.detach(), rtol=2**-8, atol=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_a_packed_transformer_gives_the_same_answer(case: str) -> None:
    """The golden weights amplify rounding, so the limit is what other rounding may do to the answer."""
    *inputs, _ = golden(case)
    plain, packed = golden_transformer(), golden_transformer()
    pack(packed)
    assert rms(packed(*inputs), plain(*inputs)) < 1e-4
