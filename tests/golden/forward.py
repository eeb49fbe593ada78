"""The golden transformer and its cases, for tests of everything that steps it."""

from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ctflow.benchmark.reference import reference_answer
from ctflow.checkpoint.folder import load_transformer
from ctflow.models.stdit import STDiT
from tests.golden.rounding import RUNS, Exact, beside_neighbours, exact, rms

GOLDEN = Path(__file__).parent / "ctflow_v1"
CASES = ("case0", "case1", "case2")
# The error of a single step in bf16, root mean square, as a share of the answer: with ordinary weights, and with the
# golden ones. Those were made so that all of them matter, and amplify rounding (rounding the weights alone gives 0.07).
ORDINARY_RMS = 0.03
GOLDEN_RMS = 0.2


def golden_transformer() -> STDiT:
    """The transformer that the cases were computed with."""
    return load_transformer(GOLDEN / "denoiser_ema").eval().requires_grad_(False)


def golden(case: str) -> list[Tensor]:
    """x, previous, text, t and the published velocity."""
    values = load_file(GOLDEN / "forward.safetensors")
    return [values[f"{case}.{name}"] for name in ("x", "previous", "text", "t", "velocity")]


@cache
def exact_velocity(case: str) -> Exact:
    """What the literal reference answers to a case."""
    *inputs, t, _ = golden(case)
    return exact(lambda *near: _released(*near, t), inputs)


@cache
def half_precision_limit(case: str, dtype: torch.dtype) -> float:
    """The error (see `rms`) allowed to a step whose large products are in `dtype`.

    Where weights amplify rounding so much that the literal reference, all in `dtype`, misses GOLDEN_RMS, it is what
    that one gives: we keep more in float32 and may not be worse.
    """
    *inputs, t, _ = golden(case)
    answers = _released(*(tensor.to(dtype) for tensor in beside_neighbours(inputs)), t).float()
    expected = exact_velocity(case).answer
    return max(GOLDEN_RMS, rms(answers, expected.repeat(RUNS, 1, 1, 1, 1)))


def _released(x: Tensor, previous: Tensor, text: Tensor, t: Tensor) -> Tensor:
    """`t` may be of fewer samples, which it is repeated for."""
    return reference_answer(golden_transformer().to(x.dtype), x, previous, text, t.repeat(len(x) // len(t)).to(x.dtype))
