"""What a GPU can do beyond plain PyTorch; none of it is on unless it is asked for.

Written by the book and tested as far as a CPU goes; the rest is in the tests marked `gpu`, which have not been run yet.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from ctflow.models.stdit import Condition, Modulation, STDiT

WARM_UPS = 3
Capture = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]
Decode = Callable[[Tensor], Tensor]
Part = Tensor | tuple[Tensor, ...] | None
Given = TypeVar("Given", Condition, Modulation)
# The state, what else changes, what replays the step, and where its answer is.
Recorded = tuple[Tensor, list[Tensor], Callable[[], None], Tensor]


@dataclass(frozen=True, eq=False)
class PendingSlices:
    """Decoded slices (N, rows, columns) on the CPU, perhaps later. `wait` gives them; `ready`: whether at once."""

    ready: Callable[[], bool]
    wait: Callable[[], Tensor]


def on_side_stream(decode: Decode, device: torch.device) -> Callable[[Tensor], PendingSlices]:
    """Decodes beside what the current stream does next, into pinned memory."""
    side = torch.cuda.Stream(device)

    def run(latents: Tensor) -> PendingSlices:
        side.wait_stream(torch.cuda.current_stream(device))
        latents.record_stream(side)
        with torch.cuda.stream(side):
            slices = decode(latents).float()
            host = torch.empty(slices.shape, pin_memory=True)
            host.copy_(slices, non_blocking=True)
            copied = side.record_event()

        def wait() -> Tensor:
            copied.synchronize()
            return host

        return PendingSlices(copied.query, wait)

    return run


class Pace:
    """Keeps Python at most one step ahead of the GPU, so that Stop is heard within one."""

    def __init__(self) -> None:
        self._last: torch.cuda.Event | None = None

    def __call__(self) -> None:
        """Called after each step."""
        event = torch.cuda.current_stream().record_event()
        if self._last:
            self._last.synchronize()
        self._last = event


def capture(run: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Records as a CUDA graph what `run` does. Returns what replays it, and where its answer is afterwards."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):  # kernels are chosen and workspaces made, which no graph may do
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        answer = run()
    return graph.replay, answer


class Replayed:
    """An `STDiT` whose step is recorded once for each batch size, and then replayed from fixed buffers.

    One thread owns the graphs, whoever asks. `capture`: see the function of that name.
    """

    def __init__(self, transformer: STDiT, capture: Capture = capture) -> None:
        self.condition, self.at = transformer.condition, transformer.at
        self._step, self._capture = transformer.step, capture
        self._recorded: dict[torch.Size, Recorded] = {}
        self._owner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cuda-graph")

    def step(self, x: Tensor, condition: Condition, modulation: Modulation) -> Tensor:
        """As `STDiT.step`; the answer is the caller's own."""
        return self._owner.submit(self._replay, x, condition, modulation).result()

    @torch.inference_mode()
    def _replay(self, x: Tensor, condition: Condition, modulation: Modulation) -> Tensor:
        if x.shape not in self._recorded:
            self._recorded[x.shape] = self._record(x, condition, modulation)
        state, buffers, replay, answer = self._recorded[x.shape]
        state.copy_(x)
        torch._foreach_copy_(buffers, _flat(condition, modulation))
        replay()
        return answer.clone()

    def _record(self, x: Tensor, condition: Condition, modulation: Modulation) -> Recorded:
        x = x.clone()
        condition, modulation = (_copied(what) for what in (condition, modulation))
        replay, answer = self._capture(lambda: self._step(x, condition, modulation))
        return x, _flat(condition, modulation), replay, answer


def _copied(what: Given) -> Given:
    def copied(part: Part) -> Part:
        return tuple(map(copied, part)) if isinstance(part, tuple) else None if part is None else part.clone()

    return type(what)(**{name: copied(part) for name, part in vars(what).items()})


def _flat(condition: Condition, modulation: Modulation) -> list[Tensor]:
    parts = [*vars(condition).values(), *vars(modulation).values()]
    lists = [part if isinstance(part, tuple) else (part,) for part in parts if part is not None]
    return [tensor for tensors in lists for tensor in tensors]


def compile_blocks(transformer: STDiT, backend: str = "inductor") -> None:
    """Compiles the repeated block, once for all. Never max-autotune: it costs more than it saves."""
    for block in transformer.blocks:
        block.compile(backend=backend, fullgraph=True, dynamic=False)
