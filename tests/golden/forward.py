"""The golden transformer and its cases, for tests of everything that steps it."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from ctflow.checkpoint.folder import load_transformer
from ctflow.models.stdit import STDiT

GOLDEN = Path(__file__).parent / "ctflow_v1"
CASES = ("case0", "case1", "case2")
# The error of a single step in bf16, root mean square, as a share of the answer: with ordinary weights, and with the
# golden ones. Those were made so that all of them matter, and amplify rounding (rounding the weights alone gives 0.07).
ORDINARY_RMS = 0.03
GOLDEN_RMS = 0.2


def golden_transformer() -> STDiT:
    """The transformer that the cases were computed with."""
    return load_transformer(GOLDEN / "denoiser_ema").eval().requires_grad_(False)


def golden(case: str) -> list[torch.Tensor]:
    """x, previous, text, t and the published velocity."""
    values = load_file(GOLDEN / "forward.safetensors")
    return [values[f"{case}.{name}"] for name in ("x", "previous", "text", "t", "velocity")]


def rms(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The root mean square error, as a share of what was expected."""
    return ((found - expected).square().mean() / expected.square().mean()).sqrt().item()
