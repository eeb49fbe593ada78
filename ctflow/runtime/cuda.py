"""What a GPU can do beyond plain PyTorch. None of it is on unless it is asked for (CUDA_LEVELS).

It is tested as far as a CPU allows. The rest is in the tests marked `gpu`, which have not been run on a GPU yet.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch
from torch import Tensor

from ctflow.models.stdit import Condition, Modulation, STDiT

GRAPH_WARM_UP_STEPS = 3
Step = Callable[[], Tensor]
Decode = Callable[[Tensor], Tensor]
Precomputed = TypeVar("Precomputed", Condition, Modulation)


@dataclass(frozen=True, eq=False)
class PendingSlices:
    """Decoded slices (N, rows, columns) on the CPU, now or later: `ready` says whether `wait` returns at once."""

    ready: Callable[[], bool]
    wait: Callable[[], Tensor]


def on_side_stream(decode: Decode, device: torch.device) -> Callable[[Tensor], PendingSlices]:
    """Decodes into pinned memory while the current stream goes on with other work."""
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

        return PendingSlices(ready=copied.query, wait=wait)

    return run


class Pace:
    """Keeps Python at most one step ahead of the GPU, so that Stop takes effect within one step."""

    def __init__(self) -> None:
        self._last: torch.cuda.Event | None = None

    def __call__(self) -> None:
        """To be called after each step."""
        event = torch.cuda.current_stream().record_event()
        if self._last:
            self._last.synchronize()
        self._last = event


@dataclass(frozen=True, eq=False)
class Recording:
    """A recorded step: `replay` runs it again on the same buffers and leaves its result in `answer`."""

    replay: Callable[[], None]
    answer: Tensor


def record_graph(step: Step) -> Recording:
    """Records what `step` does as a CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(GRAPH_WARM_UP_STEPS):  # this chooses kernels and makes workspaces, which no graph may do
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        answer = step()
    return Recording(graph.replay, answer)


@dataclass(frozen=True, eq=False)
class _Buffers:
    """The tensors that a recorded step reads, always at the same addresses."""

    x: Tensor
    condition: Condition
    modulation: Modulation

    def fill(self, x: Tensor, condition: Condition, modulation: Modulation) -> None:
        self.x.copy_(x)
        torch._foreach_copy_(
            [*_tensors(self.condition), *_tensors(self.modulation)], [*_tensors(condition), *_tensors(modulation)]
        )


class ReplayedTransformer:
    """An `STDiT` whose step is recorded once for each batch size and then replayed.

    One thread owns the graphs, whichever thread asks. `record`: `record_graph`, or a stand-in.
    """

    def __init__(self, transformer: STDiT, record: Callable[[Step], Recording] = record_graph) -> None:
        self.condition, self.modulation_at = transformer.condition, transformer.modulation_at
        self._step, self._record = transformer.step, record
        self._recorded: dict[torch.Size, tuple[_Buffers, Recording]] = {}
        self._owner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cuda-graph")

    def step(self, x: Tensor, condition: Condition, modulation: Modulation) -> Tensor:
        """As `STDiT.step`. The answer is a copy that belongs to the caller."""
        return self._owner.submit(self._replay, x, condition, modulation).result()

    @torch.inference_mode()
    def _replay(self, x: Tensor, condition: Condition, modulation: Modulation) -> Tensor:
        if x.shape not in self._recorded:
            buffers = _Buffers(x.clone(), _cloned(condition), _cloned(modulation))
            recording = self._record(lambda: self._step(buffers.x, buffers.condition, buffers.modulation))
            self._recorded[x.shape] = buffers, recording
        buffers, recording = self._recorded[x.shape]
        buffers.fill(x, condition, modulation)
        recording.replay()
        return recording.answer.clone()


def _cloned(precomputed: Precomputed) -> Precomputed:
    clones: dict[str, Any] = {}
    for field in fields(precomputed):
        value = getattr(precomputed, field.name)
        if isinstance(value, tuple):
            clones[field.name] = tuple(tensor.clone() for tensor in value)
        else:
            clones[field.name] = None if value is None else value.clone()
    return type(precomputed)(**clones)


def _tensors(precomputed: Condition | Modulation) -> list[Tensor]:
    """All tensors, in the order of the fields."""
    tensors: list[Tensor] = []
    for field in fields(precomputed):
        value = getattr(precomputed, field.name)
        if isinstance(value, tuple):
            tensors += value
        elif value is not None:
            tensors.append(value)
    return tensors


def compile_blocks(transformer: STDiT, backend: str | Callable = "inductor") -> None:
    """Compiles the block, once for all of them. Never with max-autotune, which costs more than it saves."""
    for block in transformer.blocks:
        block.compile(backend=backend, fullgraph=True, dynamic=False)
