"""The product, in each of its ways, against the reference: they take turns, so that a busy machine slows both."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ctflow.benchmark.chunks import Steps, all_slices, product_chunks, reference_chunks
from ctflow.benchmark.clock import PRODUCT, REFERENCE, Result, Timed, take_turns, timed
from ctflow.benchmark.floor import peak_gflop_per_s, step_gflop, volume_gflop
from ctflow.benchmark.memory import PeakMemory
from ctflow.benchmark.product import Product, Way, bytes_of, product_of
from ctflow.benchmark.reference import reference_answer, reference_decode
from ctflow.benchmark.subject import Subject

PUBLISHED_STEPS = 200
# Untimed turns before the timed ones: on a GPU they choose kernels, compile blocks and record graphs.
UNTIMED_TURNS = {"cpu": 0, "cuda": 1}


@dataclass
class Figures:
    """Of the reference, or of the product in one way. None for what does not apply, or what there was no time for.

    `ready_s`: until a step could be timed, with what only the first one does. `step_s`: of one evaluation, on the
    device; `host_s`: until Python could go on. `decode_s`: of a slice. Errors are root mean square, as a share of what
    the reference gives. `thread_first_slices_s`: in a new thread, and once more there. `computed`: the names of those
    that are sums of others. `peak_gflop_per_s`: see `floor`. `memory_gb`: see `PeakMemory`.
    """

    name: str
    ready_s: float | None = None
    step_s: float = float("inf")
    host_s: float = float("inf")
    step_error: float | None = None
    decode_s: float = float("inf")
    decode_error: float | None = None
    chunk_s: float = float("inf")
    chunk_error: float | None = None
    first_slices_s: float | None = None
    thread_first_slices_s: tuple[float, float] | None = None
    volume_s: float | None = None
    published_volume_s: float | None = None
    computed: tuple[str, ...] = ()
    peak_gflop_per_s: float | None = None
    share_of_peak: float | None = None
    floor_s: float | None = None
    memory_gb: float | None = None


class Bench:
    """Measures a subject. `say` receives the progress, in words."""

    def __init__(self, subject: Subject, say: Callable[[str], None]) -> None:
        self._subject, self._say = subject, say
        self._untimed_turns = UNTIMED_TURNS[subject.device.type]
        self._reference = Figures("published computation")

    @torch.inference_mode()
    def measure(self, ways: Sequence[Way], budget_s: float) -> list[Figures]:
        """The reference, then each way, in about `budget_s`; one turn of each step and slice at least."""
        began = time.monotonic()
        found = []
        for number, way in enumerate(ways, start=1):
            found.append(self._way(way, began + number * budget_s / len(ways)))
            self._subject.synchronise()
        self._add_sums(self._reference, published=True)
        return [self._reference, *found]

    def _way(self, way: Way, until: float) -> Figures:
        subject, began = self._subject, time.monotonic()
        product = product_of(subject, way)
        self._memory = PeakMemory(subject.device, (bytes_of(subject.transformer, subject.avae), product.own_bytes))
        figures = Figures(way.name)
        self._step(product, figures, 0.15 * (until - began))
        figures.ready_s = product.ready_s + figures.ready_s if figures.ready_s else product.ready_s
        self._decode(product, figures, 0.05 * (until - began))
        figures.peak_gflop_per_s = peak_gflop_per_s(subject.device, way.precision.transformer)
        figures.share_of_peak = step_gflop(subject) / figures.step_s / figures.peak_gflop_per_s
        figures.floor_s = volume_gflop(subject) / figures.peak_gflop_per_s
        self._chunks(product, figures, until)
        self._add_sums(figures)
        if self._memory.peaks_gb:
            self._reference.memory_gb, figures.memory_gb = self._memory.peaks_gb
        self._say(f"{way.name}: a step {self._reference.step_s / figures.step_s:.2f} x as fast as published")
        return figures

    def _step(self, product: Product, figures: Figures, budget_s: float) -> None:
        subject, transformer = self._subject, product.engine.transformer
        x, t = subject.noise_of(0), torch.tensor([0.5], device=subject.device)
        condition, modulation = transformer.condition(subject.previous, subject.text), transformer.modulation_at(0.5)
        expected, found, figures.ready_s = self._take_turns(
            lambda: reference_answer(subject.transformer, x, subject.previous, subject.text, t),
            lambda: transformer.step(x, condition, modulation),
            budget_s,
        )
        for side, turn in ((self._reference, expected), (figures, found)):
            side.step_s, side.host_s = min(side.step_s, turn.device_s), min(side.host_s, turn.host_s)
        figures.step_error = _error(found.result, expected.result)

    def _decode(self, product: Product, figures: Figures, budget_s: float) -> None:
        subject = self._subject
        latents = subject.noise_of(0)[0].transpose(0, 1)[: product.slices_at_once]
        expected, found, _ = self._take_turns(
            lambda: reference_decode(subject.avae, latents).cpu(),
            lambda: product.engine.decode(latents).wait(),
            budget_s,
        )
        for side, turn in ((self._reference, expected), (figures, found)):
            side.decode_s = min(side.decode_s, turn.device_s / len(latents))
        figures.decode_error = _error(found.result, expected.result)

    def _chunks(self, product: Product, figures: Figures, until: float) -> None:
        """Chunks and a volume for real, as far as there is time: what is left out is computed or stays None."""
        request, reference = self._subject.request, self._reference
        computed_s = self._computed_chunk(figures)

        def affordable(seconds: float) -> bool:
            return time.monotonic() + 1.2 * seconds < until

        if affordable(self._computed_chunk(reference) + computed_s):
            self._race(product, figures)
        if affordable((1 + self._untimed_turns) * computed_s):
            for _ in range(1 + self._untimed_turns):
                figures.first_slices_s, chunk_s = self._free_chunk(product)
            figures.chunk_s = min(figures.chunk_s, chunk_s)
        if affordable(request.chunks * min(computed_s, figures.chunk_s)):
            volume = partial(all_slices, product_chunks(self._subject, product, request))
            figures.volume_s = self._timed(PRODUCT, volume).device_s
        if affordable(2 * min(computed_s, figures.chunk_s)):
            figures.thread_first_slices_s = self._in_a_new_thread(product)

    def _race(self, product: Product, figures: Figures) -> None:
        """Both sides make a chunk, and take turns after each step."""
        one = replace(self._subject.request, chunks=1)
        sides = reference_chunks(self._subject, one), product_chunks(self._subject, product, one)
        spent_s = [0.0, 0.0]
        slices: tuple[list[Tensor], list[Tensor]] = [], []
        more = True
        while more:
            more = False
            for side, steps in enumerate(sides):
                turn = self._timed(side, partial(_next, steps))
                if turn.result is not None:
                    spent_s[side] += turn.device_s
                    slices[side].extend(turn.result)
                    more = True
        for raced, spent in zip((self._reference, figures), spent_s, strict=True):
            raced.chunk_s = min(raced.chunk_s, spent)
        figures.chunk_error = _error(*(torch.cat(slices[side]) for side in (PRODUCT, REFERENCE)))

    def _free_chunk(self, product: Product) -> tuple[float, float]:
        """A chunk as fast as it goes. -> seconds until its first slices are there, and until all are."""
        began, first_s = time.perf_counter(), None
        for wait in product_chunks(self._subject, product, replace(self._subject.request, chunks=1)):
            if wait:
                wait()
                first_s = first_s or time.perf_counter() - began
        assert first_s, "a chunk has slices"
        return first_s, time.perf_counter() - began

    def _in_a_new_thread(self, product: Product) -> tuple[float, float]:
        """What a library prepares for each thread apart shows in the first of two chunks."""
        firsts: list[float] = []

        def run() -> None:
            with torch.inference_mode():
                firsts.extend(self._free_chunk(product)[0] for _ in range(2))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        first, again = firsts
        return first, again

    def _computed_chunk(self, figures: Figures) -> float:
        request, slices = self._subject.request, self._subject.previous.shape[2]
        return request.evaluations * figures.step_s + slices * figures.decode_s

    def _add_sums(self, figures: Figures, published: bool = False) -> None:
        chunks, slices = self._subject.request.chunks, self._subject.previous.shape[2]
        if figures.chunk_s == float("inf"):
            figures.chunk_s, figures.computed = self._computed_chunk(figures), (*figures.computed, "chunk_s")
        if figures.volume_s is None:
            figures.volume_s, figures.computed = chunks * figures.chunk_s, (*figures.computed, "volume_s")
        if published:
            figures.published_volume_s = chunks * (PUBLISHED_STEPS * figures.step_s + slices * figures.decode_s)
            figures.computed = (*figures.computed, "published_volume_s")

    def _take_turns(
        self, reference: Callable[[], Tensor], product: Callable[[], Tensor], budget_s: float
    ) -> tuple[Timed[Tensor], Timed[Tensor], float]:
        return take_turns(self._timed, reference, product, budget_s, self._untimed_turns)

    def _timed(self, side: int, run: Callable[[], Result]) -> Timed[Result]:
        with self._memory.of(side):
            return timed(self._subject.device, run)


def _next(steps: Steps) -> list[Tensor] | None:
    """What the next step brings: no slices, or some; None when all is done."""
    for wait in steps:
        return [wait()] if wait else []
    return None


def _error(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).square().mean() / expected.square().mean()).sqrt().item()
