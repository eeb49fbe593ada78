"""The product against the reference, taking turns in one run, so that a busy machine slows both."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ctflow.benchmark.reference import reference_decode, reference_velocity
from ctflow.benchmark.subject import Subject
from ctflow.events import PRESETS

STEPS = PRESETS["quality"]["steps"]
MATRIX = 2048


@dataclass(frozen=True)
class Row:
    """`how`: measured (best of n turns), or computed from rows that were. `max_error`: of the largest value."""

    name: str
    reference_s: float
    product_s: float
    ratio: float
    max_error: float | None
    how: str


@dataclass(frozen=True)
class Facts:
    """What one step costs, and what the machine gives."""

    step_gflop: float
    matrix_gflop_per_s: float
    share_of_matrix_peak: float
    peak_memory_gb: float


@torch.inference_mode()
def measure(subject: Subject, budget_s: float, say: Callable[[str], None]) -> tuple[list[Row], Facts]:
    """Rows for a step, the decoding of a slice, a chunk and a volume. Takes about `budget_s`."""
    step = _step_row(subject, 0.6 * budget_s)
    say(f"step: {step.ratio:.2f} x")
    decode = _decode_row(subject, 0.3 * budget_s)
    say(f"decoding: {decode.ratio:.2f} x")
    slices = subject.transformer.config.input_size[0]
    chunk = _sum(f"chunk, {STEPS} steps and decoding", [(step, STEPS), (decode, slices)])
    volume = _sum(f"volume, {subject.max_chunks} chunks", [(chunk, subject.max_chunks)])
    published = _published(step, decode, slices, subject.max_chunks)
    return [step, decode, chunk, volume, published], _facts(subject, step.product_s, 0.1 * budget_s)


def _step_row(subject: Subject, budget_s: float) -> Row:
    model, x = subject.transformer, subject.noise
    t = torch.tensor([0.5], device=x.device)
    condition, modulation = model.condition(subject.previous, subject.text), model.modulation(t)
    return _turns(
        "step",
        lambda: reference_velocity(model, x, subject.previous, subject.text, t),
        lambda: model.step(x, condition, modulation),
        budget_s,
    )


def _decode_row(subject: Subject, budget_s: float) -> Row:
    """Layouts differ between the two, so each finds its own weights before it is timed."""
    avae, latents = subject.avae, subject.noise[0].transpose(0, 1)
    halvings = len(avae.kl.config.block_out_channels) - 1
    latents = latents[: avae.slices_at_once(latents.shape[2] << halvings, latents.shape[3] << halvings)]

    def product() -> Tensor:
        return avae.decode(latents)

    def laid_out(layout: torch.memory_format, decode: Callable[[], Tensor]) -> Callable[[], Tensor]:
        def run() -> Tensor:
            avae.kl.to(memory_format=layout)
            return decode()

        return run

    fast = torch.channels_last if latents.device.type == "cpu" else torch.contiguous_format
    row = _turns(
        "decoding a slice",
        laid_out(torch.contiguous_format, lambda: reference_decode(avae, latents)),
        laid_out(fast, product),
        budget_s,
    )
    count = len(latents)
    return replace(row, reference_s=row.reference_s / count, product_s=row.product_s / count)


def _turns(name: str, reference: Callable[[], Tensor], product: Callable[[], Tensor], budget_s: float) -> Row:
    """At least one turn each, after one that warms up where there is time for it."""
    began, best, turns = time.monotonic(), [float("inf"), float("inf")], 0
    error = float("nan")
    while not turns or time.monotonic() - began + sum(best) < budget_s:
        (expected, first), (found, second) = _timed(reference), _timed(product)
        best = [min(best[0], first), min(best[1], second)]
        error = ((found - expected).abs().max() / expected.abs().max()).item()
        turns += 1
    return Row(name, *best, best[0] / best[1], error, f"measured, best of {turns}")


def _timed(run: Callable[[], Tensor]) -> tuple[Tensor, float]:
    _synchronise()
    began = time.perf_counter()
    answer = run()
    _synchronise()
    return answer, time.perf_counter() - began


def _synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _sum(name: str, parts: list[tuple[Row, int]]) -> Row:
    reference_s = sum(row.reference_s * times for row, times in parts)
    product_s = sum(row.product_s * times for row, times in parts)
    return Row(name, reference_s, product_s, reference_s / product_s, None, "computed")


def _published(step: Row, decode: Row, slices: int, chunks: int) -> Row:
    """The published way takes 200 steps; the product's quality preset 24, which is another solution."""
    reference_s = chunks * (200 * step.reference_s + slices * decode.reference_s)
    product_s = chunks * (STEPS * step.product_s + slices * decode.product_s)
    return Row(f"volume, 200 steps against {STEPS}", reference_s, product_s, reference_s / product_s, None, "computed")


def _facts(subject: Subject, step_s: float, budget_s: float) -> Facts:
    model, t = subject.transformer, torch.tensor([0.5], device=subject.noise.device)
    condition, modulation = model.condition(subject.previous, subject.text), model.modulation(t)
    with FlopCounterMode(display=False) as counter:
        model.step(subject.noise, condition, modulation)
    gflop = counter.get_total_flops() / 1e9
    one = torch.randn(MATRIX, MATRIX, device=subject.noise.device)
    row = _turns("product of matrices", lambda: one @ one, lambda: one @ one, budget_s)
    peak = 2 * MATRIX**3 / 1e9 / min(row.reference_s, row.product_s)
    return Facts(gflop, peak, gflop / step_s / peak, _peak_memory_gb(subject.noise.device))


def _peak_memory_gb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
