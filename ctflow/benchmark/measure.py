"""The product against the reference, taking turns in one run, so that a busy machine slows both."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ctflow.benchmark.chunks import Steps, all_slices, product_chunks, reference_chunks
from ctflow.benchmark.memory import PeakMemory
from ctflow.benchmark.reference import reference_answer, reference_decode
from ctflow.benchmark.subject import Subject
from ctflow.request import SOLVER_PRESETS

CHUNK_STEPS = SOLVER_PRESETS["quality"]["steps"]
PUBLISHED_STEPS = 200
# Size, and how many products in a row: on a GPU so many that the start of the first one hardly counts.
MATRICES = {"cpu": (2048, 1), "cuda": (8192, 20)}
# Untimed turns before the timed ones: on a GPU they choose kernels, compile blocks and record graphs.
UNTIMED_TURNS = {"cpu": 0, "cuda": 1}
REFERENCE, PRODUCT = 0, 1
Result = TypeVar("Result")


@dataclass(frozen=True)
class Comparison:
    """How long reference and product take for the same.

    `how`: measured, or computed from comparisons that were. `max_error`: as a share of the largest value.
    """

    name: str
    reference_s: float
    product_s: float
    ratio: float
    max_error: float | None
    how: str


@dataclass(frozen=True)
class Facts:
    """What one step costs and what the machine can do. `memory_gb`: see `PeakMemory.peaks_gb`."""

    step_gflop: float
    matrix_gflop_per_s: float
    share_of_matrix_peak: float
    memory_gb: tuple[float, float] | None


class Bench:
    """Measures a subject. `say` receives the progress, in words."""

    def __init__(self, subject: Subject, say: Callable[[str], None], untimed_turns: int | None = None) -> None:
        self._subject, self._say = subject, say
        self._memory = PeakMemory(subject.device, subject.own_bytes)
        self._untimed_turns = UNTIMED_TURNS[subject.device.type] if untimed_turns is None else untimed_turns

    @torch.inference_mode()
    def measure(self, budget_s: float) -> tuple[list[Comparison], Facts]:
        """Compares a step, the decoding of a slice, the first chunk, the next, and a volume, in about `budget_s`."""
        end_s = time.monotonic() + budget_s
        step, decode = self._step(0.15 * budget_s), self._decode(0.05 * budget_s)
        facts = self._facts(step.product_s, 0.05 * budget_s)
        chunks = self._chunks(step, decode, end_s - time.monotonic())
        volume = self._volume(chunks, end_s - time.monotonic())
        comparisons = [step, decode, *chunks, volume, self._published(step, decode, volume)]
        return comparisons, replace(facts, memory_gb=self._memory.peaks_gb)

    def take_turns(
        self, name: str, reference: Callable[[], Tensor], product: Callable[[], Tensor], budget_s: float
    ) -> Comparison:
        """The best of as many turns as fit into `budget_s`, of one at least."""
        for _ in range(self._untimed_turns):
            reference()
            product()
        began, turns, error = time.monotonic(), 0, float("nan")
        reference_s = product_s = float("inf")
        while not turns or time.monotonic() - began + reference_s + product_s < budget_s:
            expected, took_s = self._timed(REFERENCE, reference)
            reference_s = min(reference_s, took_s)
            found, took_s = self._timed(PRODUCT, product)
            product_s = min(product_s, took_s)
            turns, error = turns + 1, _error(found, expected)
        self._say(f"{name}: {reference_s / product_s:.2f} x")
        return _comparison(name, reference_s, product_s, error, f"measured, best of {turns}")

    def _step(self, budget_s: float) -> Comparison:
        subject, transformer = self._subject, self._subject.engine.transformer
        x, t = subject.noise_of(0), torch.tensor([0.5], device=subject.device)
        condition = transformer.condition(subject.previous, subject.text)
        modulation = transformer.modulation_at(0.5)
        return self.take_turns(
            "step",
            lambda: reference_answer(subject.transformer, x, subject.previous, subject.text, t),
            lambda: transformer.step(x, condition, modulation),
            budget_s,
        )

    def _decode(self, budget_s: float) -> Comparison:
        subject = self._subject
        latents = subject.noise_of(0)[0].transpose(0, 1)[: subject.slices_at_once]
        batch = self.take_turns(
            "decoding a slice",
            lambda: reference_decode(subject.avae, latents).cpu(),
            lambda: subject.engine.decode(latents).wait(),
            budget_s,
        )
        count = len(latents)
        return replace(batch, reference_s=batch.reference_s / count, product_s=batch.product_s / count)

    def _chunks(self, step: Comparison, decode: Comparison, left_s: float) -> list[Comparison]:
        """The first chunk and the next, for real: with fewer steps, or not at all, if time is short."""
        slices = self._subject.previous.shape[2]
        step_s, decode_s = step.reference_s + step.product_s, decode.reference_s + decode.product_s
        steps = min(CHUNK_STEPS, int((0.7 * left_s / 2 - slices * decode_s) / step_s) // 2 * 2)
        chunks = self._race(steps) if steps >= 2 else []
        if steps < CHUNK_STEPS:
            self._say("chunks of all steps are computed: for real they take longer than --minutes allows")
            chunks.append(_sum(f"a chunk, {CHUNK_STEPS} steps and decoding", [(step, CHUNK_STEPS), (decode, slices)]))
        return chunks

    def _race(self, steps: int) -> list[Comparison]:
        """Both sides make two chunks, and take turns after each step."""
        sides = reference_chunks(self._subject, 2, steps), product_chunks(self._subject, 2, steps)
        chunks = []
        for name in ("first", "next"):
            spent_s = [0.0, 0.0]
            for _ in range(steps):
                for side in (REFERENCE, PRODUCT):
                    spent_s[side] += self._timed(side, partial(next, sides[side]))[1]
            slices = []
            for side in (REFERENCE, PRODUCT):
                found, took_s = self._timed(side, partial(_next_slices, sides[side]))
                spent_s[side] += took_s
                slices.append(found)
            error = _error(found=slices[PRODUCT], expected=slices[REFERENCE])
            how = "measured once, decoding waited for"
            title = f"{name} chunk, {steps} steps and decoding"
            chunks.append(_comparison(title, spent_s[REFERENCE], spent_s[PRODUCT], error, how))
            self._say(f"{name} chunk: {chunks[-1].ratio:.2f} x")
        return chunks

    def _volume(self, chunks: list[Comparison], left_s: float) -> Comparison:
        count = self._subject.max_chunks
        name = f"volume, {count} chunks of {CHUNK_STEPS} steps"
        first, later = chunks[0], chunks[-1]
        # If the chunk of all steps was computed, for lack of time, it stands for each of them.
        volume = _sum(name, [(later, count)] if later.how == "computed" else [(first, 1), (later, count - 1)])
        if 1.2 * (volume.reference_s + volume.product_s) > left_s:
            return volume
        return self.take_turns(
            name,
            lambda: all_slices(reference_chunks(self._subject, count, CHUNK_STEPS)),
            lambda: all_slices(product_chunks(self._subject, count, CHUNK_STEPS)),
            0,
        )

    def _published(self, step: Comparison, decode: Comparison, volume: Comparison) -> Comparison:
        """The published code takes more steps, to another solution, so there is no error to give."""
        chunks, slices = self._subject.max_chunks, self._subject.previous.shape[2]
        published_s = chunks * (PUBLISHED_STEPS * step.reference_s + slices * decode.reference_s)
        name = f"volume, {PUBLISHED_STEPS} steps against {CHUNK_STEPS}"
        return _comparison(name, published_s, volume.product_s, None, "computed")

    def _timed(self, side: int, run: Callable[[], Result]) -> tuple[Result, float]:
        with self._memory.of(side):
            self._subject.synchronise()
            began = time.perf_counter()
            result = run()
            self._subject.synchronise()
            return result, time.perf_counter() - began

    def _facts(self, step_s: float, budget_s: float) -> Facts:
        subject, transformer = self._subject, self._subject.transformer
        condition, modulation = transformer.condition(subject.previous, subject.text), transformer.modulation_at(0.5)
        # As plain products, because the counter does not know the CPU's own attention.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            transformer.step(subject.noise_of(0), condition, modulation)
        gflop = counter.get_total_flops() / 1e9
        gflop_per_s = self._matrix_gflop_per_s(budget_s)
        return Facts(
            step_gflop=gflop,
            matrix_gflop_per_s=gflop_per_s,
            share_of_matrix_peak=gflop / step_s / gflop_per_s,
            memory_gb=None,
        )

    def _matrix_gflop_per_s(self, budget_s: float) -> float:
        """What products of large matrices reach here, in the precision of a step."""
        subject = self._subject
        dtype = subject.precision.transformer
        size, times = MATRICES[subject.device.type]
        matrix = torch.randn(size, size, device=subject.device, dtype=dtype)
        out = torch.empty_like(matrix)

        def products() -> Tensor:
            for _ in range(times):
                torch.mm(matrix, matrix, out=out)
            return out

        turns = self.take_turns("product of matrices", products, products, budget_s)
        return 2 * size**3 * times / 1e9 / min(turns.reference_s, turns.product_s)


def _next_slices(steps: Steps) -> Tensor:
    pending = next(steps)
    assert pending is not None, "slices come after the steps of their chunk"
    return pending.wait()


def _comparison(name: str, reference_s: float, product_s: float, max_error: float | None, how: str) -> Comparison:
    return Comparison(
        name=name,
        reference_s=reference_s,
        product_s=product_s,
        ratio=reference_s / product_s,
        max_error=max_error,
        how=how,
    )


def _sum(name: str, parts: list[tuple[Comparison, int]]) -> Comparison:
    """Each part so many times."""
    reference_s = sum(part.reference_s * times for part, times in parts)
    product_s = sum(part.product_s * times for part, times in parts)
    return _comparison(name, reference_s, product_s, None, "computed")


def _error(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).abs().max() / expected.abs().max()).item()
