"""Linear layers whose weights lie as oneDNN multiplies them, so that no step of a chunk has to reorder them again.

The products are the same up to rounding, for inference on a CPU.
"""

import torch
from torch import Tensor, nn

from ctflow.models.stdit import STDiT
from ctflow.models.stdit_layers import GeluLinear

# What oneDNN does with a product before it writes it: nothing, or the tanh form of GELU.
_PLAIN, _GELU = ("none", ""), ("gelu", "tanh")


class PackedLinear(nn.Module):
    """In place of an `nn.Linear` or a `GeluLinear`. Its weight is opaque: it can be multiplied with, and no more."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight: Tensor
        self.bias: Tensor
        self.register_buffer("weight", torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach()))
        self.register_buffer("bias", linear.bias.detach())
        self._then, self._form = _GELU if isinstance(linear, GeluLinear) else _PLAIN

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, self._then, [], self._form)


def can_pack(dtype: torch.dtype) -> bool:
    """Whether this CPU and this build of torch multiply packed weights of `dtype`: oneDNN on x86."""
    if not torch.backends.mkldnn.is_available() or "AVX" not in torch.backends.cpu.get_cpu_capability():
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def pack(transformer: STDiT) -> None:
    """Packs the products of a step, where that can be done. The transformer cannot be trained or saved after it."""
    for block in transformer.blocks:
        for part in (block.attn, block.attn_temp, block.mlp):
            _pack_in(part)
    _pack_in(transformer.final_layer)


def _pack_in(part: nn.Module) -> None:
    for name, layer in part.named_children():
        if isinstance(layer, nn.Linear) and can_pack(layer.weight.dtype):
            setattr(part, name, PackedLinear(layer))
