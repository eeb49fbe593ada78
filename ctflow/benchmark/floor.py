"""What a computation needs at least: its products, at the rate that products of large matrices reach here."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ctflow.benchmark.clock import best
from ctflow.benchmark.subject import Subject

# Size, and how many products in a row: on a GPU so many that the start of the first one hardly counts.
MATRICES = {"cpu": (2048, 1), "cuda": (8192, 20)}
TURNS = 5


def gflop_of(run: Callable[[], object]) -> float:
    """The products in it, in 10^9 operations."""
    # As plain products, because the counter does not know the CPU's own attention.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 1e9


def step_gflop(subject: Subject) -> float:
    """Of one evaluation, without what is computed once for a chunk or a time."""
    transformer = subject.transformer
    condition, modulation = transformer.condition(subject.previous, subject.text), transformer.modulation_at(0.5)
    return gflop_of(lambda: transformer.step(subject.noise_of(0), condition, modulation))


def decode_gflop(subject: Subject) -> float:
    """Of one slice."""
    latents = subject.noise_of(0)[0].transpose(0, 1)[:1]
    return gflop_of(lambda: subject.avae.decode(latents))


def volume_gflop(subject: Subject) -> float:
    """Of all evaluations of a volume, those for guidance included, and of all its slices."""
    request, slices = subject.request, subject.previous.shape[2]
    chunk = request.evaluations * step_gflop(subject) + slices * decode_gflop(subject)
    return request.chunks * chunk


def peak_gflop_per_s(device: torch.device, dtype: torch.dtype) -> float:
    """What products of large matrices reach here."""
    size, times = MATRICES[device.type]
    matrix = torch.randn(size, size, device=device, dtype=dtype)
    out = torch.empty_like(matrix)

    def products() -> Tensor:
        for _ in range(times):
            torch.mm(matrix, matrix, out=out)
        return out

    return 2 * size**3 * times / 1e9 / best(device, products, TURNS)
