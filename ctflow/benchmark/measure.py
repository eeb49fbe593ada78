"""The product against the reference, taking turns in one run, so that a busy machine slows both."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ctflow.benchmark.chunks import drained, product_chunks, reference_chunks
from ctflow.benchmark.memory import Memory
from ctflow.benchmark.reference import reference_decode, reference_velocity
from ctflow.benchmark.subject import Subject
from ctflow.request import PRESETS

STEPS = PRESETS["quality"]["steps"]
# Size, and how many products in a row: on a GPU enough of them that starting the first is nothing beside it.
MATRICES = {"cpu": (2048, 1), "cuda": (8192, 20)}
WARM_UPS = {"cpu": 0, "cuda": 1}  # untimed: there kernels are chosen, blocks compiled and graphs recorded first


@dataclass(frozen=True)
class Row:
    """`how`: measured, or computed from rows that were. `max_error`: of the largest value."""

    name: str
    reference_s: float
    product_s: float
    ratio: float
    max_error: float | None
    how: str


@dataclass(frozen=True)
class Facts:
    """What one step costs, what the machine gives, and `memory_gb`, see `Memory.peaks_gb`."""

    step_gflop: float
    matrix_gflop_per_s: float
    share_of_matrix_peak: float
    memory_gb: tuple[float, float] | None


class Bench:
    """Measures a subject. `say` takes the progress, in words."""

    def __init__(self, subject: Subject, say: Callable[[str], None]) -> None:
        self._subject, self._say, self._memory = subject, say, Memory(subject.device, subject.own_bytes)

    @torch.inference_mode()
    def measure(self, budget_s: float) -> tuple[list[Row], Facts]:
        """Rows for a step, the decoding of a slice, the first chunk, the next, and a volume, in about `budget_s`."""
        end_s = time.monotonic() + budget_s
        step, decode = self._step(0.15 * budget_s), self._decode(0.05 * budget_s)
        facts = self._facts(step.product_s, 0.05 * budget_s)
        chunks = self._chunks(step, decode, end_s - time.monotonic())
        volume = self._volume(chunks, end_s - time.monotonic())
        rows = [step, decode, *chunks, volume, self._published(step, decode, volume)]
        return rows, replace(facts, memory_gb=self._memory.peaks_gb)

    def _step(self, budget_s: float) -> Row:
        subject, engine = self._subject, self._subject.engine.transformer
        x, t = subject.noise_of(0), torch.tensor([0.5], device=subject.device)
        condition, modulation = engine.condition(subject.previous, subject.text), engine.at(0.5)
        return self._turns(
            "step",
            lambda: reference_velocity(subject.transformer, x, subject.previous, subject.text, t),
            lambda: engine.step(x, condition, modulation),
            budget_s,
        )

    def _decode(self, budget_s: float) -> Row:
        subject = self._subject
        latents = subject.noise_of(0)[0].transpose(0, 1)[: subject.slices_at_once]
        count = len(latents)
        row = self._turns(
            "decoding a slice",
            lambda: reference_decode(subject.avae, latents).cpu(),
            lambda: subject.engine.decode(latents).wait(),
            budget_s,
        )
        return replace(row, reference_s=row.reference_s / count, product_s=row.product_s / count)

    def _chunks(self, step: Row, decode: Row, left_s: float) -> list[Row]:
        """The first chunk and the next, for real: with fewer steps, or not at all, where time does not allow."""
        slices = self._subject.previous.shape[2]
        step_s, decode_s = step.reference_s + step.product_s, decode.reference_s + decode.product_s
        steps = min(STEPS, int((0.7 * left_s / 2 - slices * decode_s) / step_s) // 2 * 2)
        rows = self._race(steps) if steps >= 2 else []
        if steps < STEPS:
            self._say("chunks of all steps are computed: for real they take longer than --minutes allows")
            rows.append(_sum(f"a chunk, {STEPS} steps and decoding", [(step, STEPS), (decode, slices)]))
        return rows

    def _race(self, steps: int) -> list[Row]:
        """Both sides make two chunks, and take turns after each step."""
        sides = reference_chunks(self._subject, 2, steps), product_chunks(self._subject, 2, steps)
        rows = []
        for name in ("first", "next"):
            spent_s, slices = [0.0, 0.0], []
            for _ in range(steps):
                for side, made in enumerate(sides):
                    spent_s[side] += self._timed(side, lambda made=made: next(made))[1]
            for side, made in enumerate(sides):
                found, seconds = self._timed(side, lambda made=made: next(made).wait())
                spent_s[side] += seconds
                slices.append(found)
            ratio, error = spent_s[0] / spent_s[1], _error(*reversed(slices))
            how = "measured once, decoding waited for"
            rows.append(Row(f"{name} chunk, {steps} steps and decoding", *spent_s, ratio, error, how))
            self._say(f"{name} chunk: {ratio:.2f} x")
        return rows

    def _volume(self, chunks: list[Row], left_s: float) -> Row:
        count = self._subject.max_chunks
        name = f"volume, {count} chunks of {STEPS} steps"
        first, later = chunks[0], chunks[-1]
        # A chunk that was computed, for want of time, stands for all of them.
        volume = _sum(name, [(later, count)] if later.how == "computed" else [(first, 1), (later, count - 1)])
        if 1.2 * (volume.reference_s + volume.product_s) > left_s:
            return volume
        return self._turns(
            name,
            lambda: drained(reference_chunks(self._subject, count, STEPS)),
            lambda: drained(product_chunks(self._subject, count, STEPS)),
            0,
        )

    def _published(self, step: Row, decode: Row, volume: Row) -> Row:
        """The published way takes 200 steps, which is another solution."""
        chunks, slices = self._subject.max_chunks, self._subject.previous.shape[2]
        published_s = chunks * (200 * step.reference_s + slices * decode.reference_s)
        ratio = published_s / volume.product_s
        return Row(f"volume, 200 steps against {STEPS}", published_s, volume.product_s, ratio, None, "computed")

    def _turns(self, name: str, reference: Callable[[], Tensor], product: Callable[[], Tensor], budget_s: float) -> Row:
        """At least one turn each; the best of them."""
        for _ in range(WARM_UPS[self._subject.device.type]):
            reference(), product()
        began, best, turns, error = time.monotonic(), [float("inf"), float("inf")], 0, float("nan")
        while not turns or time.monotonic() - began + sum(best) < budget_s:
            (expected, first), (found, second) = self._timed(0, reference), self._timed(1, product)
            best, turns, error = [min(best[0], first), min(best[1], second)], turns + 1, _error(found, expected)
        self._say(f"{name}: {best[0] / best[1]:.2f} x")
        return Row(name, *best, best[0] / best[1], error, f"measured, best of {turns}")

    def _timed(self, side: int, run: Callable[[], Tensor]) -> tuple[Tensor, float]:
        with self._memory.of(side):
            self._subject.synchronise()
            began = time.perf_counter()
            answer = run()
            self._subject.synchronise()
            return answer, time.perf_counter() - began

    def _facts(self, step_s: float, budget_s: float) -> Facts:
        subject = self._subject
        condition, modulation = (
            subject.transformer.condition(subject.previous, subject.text),
            subject.transformer.at(0.5),
        )
        # As plain products, because the counter does not know the CPU's own attention.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            subject.transformer.step(subject.noise_of(0), condition, modulation)
        gflop = counter.get_total_flops() / 1e9
        dtype = subject.engine.transformer.condition(subject.previous, subject.text).tokens.dtype
        size, times = MATRICES[subject.device.type]
        one = torch.randn(size, size, device=subject.device, dtype=dtype)
        out = torch.empty_like(one)

        def products() -> Tensor:
            for _ in range(times):
                torch.mm(one, one, out=out)
            return out

        row = self._turns("product of matrices", products, products, budget_s)
        peak = 2 * size**3 * times / 1e9 / min(row.reference_s, row.product_s)
        return Facts(gflop, peak, gflop / step_s / peak, None)


def _sum(name: str, parts: list[tuple[Row, int]]) -> Row:
    reference_s = sum(row.reference_s * times for row, times in parts)
    product_s = sum(row.product_s * times for row, times in parts)
    return Row(name, reference_s, product_s, reference_s / product_s, None, "computed")


def _error(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).abs().max() / expected.abs().max()).item()
