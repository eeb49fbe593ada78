"""How much of a chip a training used: the rate of its products, beside that of products of large matrices there."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ctflow.benchmark.floor import gflop_of, peak_gflop_per_s
from ctflow.io.files import write_atomic
from ctflow.models.stdit import STDiT
from ctflow.runtime.device import bf16_is_fast, hardware_of


@dataclass(frozen=True, kw_only=True)
class ChipShare:
    """What the training of a transformer used of a chip. A GFLOP is 10^9 operations of its products."""

    hardware: str
    precision: str
    chunks_per_step: int
    steps_per_s: float
    gflop_per_chunk: float
    peak_gflop_per_s: float

    @property
    def gflop_per_s(self) -> float:
        """The rate of the training."""
        return self.steps_per_s * self.chunks_per_step * self.gflop_per_chunk

    @property
    def share(self) -> float:
        """Of the peak."""
        return self.gflop_per_s / self.peak_gflop_per_s

    def __str__(self) -> str:
        return (
            f"{self.steps_per_s:.3g} steps of {self.chunks_per_step} chunks a second, which are "
            f"{self.gflop_per_s:,.0f} GFLOP/s: {100 * self.share:.1f} % of the {self.peak_gflop_per_s:,.0f} that "
            f"products of large matrices reach in {self.precision} on {self.hardware}"
        )


def measure_chip_share(model: STDiT, chunks_per_step: int, steps_per_s: float, device: torch.device) -> ChipShare:
    """Counts the products of a step of the loop, which trains in bf16 where that is fast, and measures the peak."""
    dtype = torch.bfloat16 if bf16_is_fast(device.type) else torch.float32
    return ChipShare(
        hardware=hardware_of(device),
        precision=str(dtype).removeprefix("torch."),
        chunks_per_step=chunks_per_step,
        steps_per_s=steps_per_s,
        gflop_per_chunk=chunk_gflop(model),
        peak_gflop_per_s=peak_gflop_per_s(device, dtype),
    )


def write_chip_share(found: ChipShare, path: Path) -> None:
    """Writes all numbers as JSON."""
    numbers = asdict(found) | {"gflop_per_s": found.gflop_per_s, "share": found.share}
    write_atomic(path, (json.dumps(numbers, indent=1) + "\n").encode())


def chunk_gflop(model: STDiT) -> float:
    """The products with which a model learns from one chunk, forwards and backwards."""
    config, one = model.config, next(model.parameters())
    chunk = one.new_zeros(1, config.out_channels, *config.input_size)
    text, t = one.new_zeros(1, 1, config.caption_channels), one.new_ones(1)
    was_trained = [parameter.requires_grad for parameter in model.parameters()]
    model.requires_grad_(True)
    gflop = gflop_of(
        lambda: torch.autograd.grad(model(chunk, chunk, text, t).sum(), list(model.parameters()), allow_unused=True)
    )
    for parameter, trained in zip(model.parameters(), was_trained, strict=True):
        parameter.requires_grad_(trained)
    return gflop
