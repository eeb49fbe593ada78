"""What a GPU can do beyond plain PyTorch, by levels: see CUDA_LEVELS.

It is tested as far as a CPU allows. The rest is in the tests marked `gpu`, which have not been run on a GPU yet.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ctflow.models.stdit import Condition, Modulation, STDiT
from ctflow.runtime.decoding import Decode, Decoding, Finish, PendingSlices, as_decoded

GRAPH_WARM_UP_STEPS = 3
# The steps go first: decoding fills what they leave free. By default a stream has priority 0, and less is more.
GRAPH_PRIORITY = -1
Step = Callable[[], Tensor]
Precomputed = TypeVar("Precomputed", Condition, Modulation)


def on_side_stream(decode: Decode, device: torch.device) -> Decoding:
    """Decodes into pinned memory while the current stream goes on with other work."""
    side = torch.cuda.Stream(device)

    def run(latents: Tensor, finish: Finish = as_decoded) -> PendingSlices:
        side.wait_stream(torch.cuda.current_stream(device))
        latents.record_stream(side)
        with torch.cuda.stream(side):
            slices = finish(decode(latents))
            host = torch.empty(slices.shape, dtype=slices.dtype, pin_memory=True)
            host.copy_(slices, non_blocking=True)
            copied = side.record_event()

        def wait() -> Tensor:
            copied.synchronize()
            return host.clone()  # what is kept of a volume must not hold pinned memory, which the system can't move

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
    """Records what `step` does as a CUDA graph, on a stream of its own.

    What the libraries need as workspace belongs to a stream, so graphs that were recorded on one stream write into each
    other's if they are replayed at once (pytorch issue 193402).
    """
    own = torch.cuda.Stream(priority=GRAPH_PRIORITY)
    own.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(own):
        for _ in range(GRAPH_WARM_UP_STEPS):  # this chooses kernels and makes workspaces, which no graph may do
            step()
    torch.cuda.current_stream().wait_stream(own)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=own, capture_error_mode="thread_local"):
        answer = step()
    return Recording(graph.replay, answer)


class _Recorded:
    """A recorded step and the tensors that it reads, always at the same addresses."""

    def __init__(
        self,
        step: Callable[[Tensor, Condition, Modulation], Tensor],
        record: Callable[[Step], Recording],
        x: Tensor,
        condition: Condition,
        modulation: Modulation,
    ) -> None:
        self._x, self._condition, self._modulation = x.clone(), _cloned(condition), _cloned(modulation)
        self._filled_with = condition  # held, so that no later one can be taken for it
        self._recording = record(lambda: step(self._x, self._condition, self._modulation))

    def replay(self, x: Tensor, condition: Condition, modulation: Modulation) -> Tensor:
        self._x.copy_(x)
        _copy(modulation, self._modulation)
        if condition is not self._filled_with:  # it is the same in all steps of a chunk
            _copy(condition, self._condition)
            self._filled_with = condition
        self._recording.replay()
        return self._recording.answer.clone()


class ReplayedTransformer:
    """An `STDiT` whose step is recorded once for each batch size and then replayed. One thread at a time.

    `record`: `record_graph`, or a stand-in.
    """

    def __init__(self, transformer: STDiT, record: Callable[[Step], Recording] = record_graph) -> None:
        self.condition, self.modulation_at = transformer.condition, transformer.modulation_at
        self._step, self._record = transformer.step, record
        self._recorded: dict[torch.Size, _Recorded] = {}

    # Not in inference mode, in which sampling calls it: what is made there can't be written to anywhere else.
    @torch.inference_mode(False)
    @torch.no_grad()
    def step(self, x: Tensor, condition: Condition, modulation: Modulation) -> Tensor:
        """As `STDiT.step`. The answer is a copy that belongs to the caller."""
        if x.shape not in self._recorded:
            self._recorded[x.shape] = _Recorded(self._step, self._record, x, condition, modulation)
        return self._recorded[x.shape].replay(x, condition, modulation)


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


def _copy(given: Precomputed, into: Precomputed) -> None:
    """Copies all tensors in as few kernels as there are types: torch copies those of one type at once."""
    by_type: dict[torch.dtype, tuple[list[Tensor], list[Tensor]]] = defaultdict(lambda: ([], []))
    for target, source in zip(_tensors(into), _tensors(given), strict=True):
        targets, sources = by_type[target.dtype]
        targets.append(target)
        sources.append(source)
    for targets, sources in by_type.values():
        torch._foreach_copy_(targets, sources)


def compile_blocks(transformer: STDiT, backend: str | Callable = "inductor") -> None:
    """Compiles the block, once for all of them. Never with max-autotune, which costs more than it saves."""
    for block in transformer.blocks:
        block.compile(backend=backend, fullgraph=True, dynamic=False)


def compile_decoder(decoder: nn.Module, backend: str | Callable = "inductor") -> None:
    """Compiles a decoder and lays its weights out channels last.

    That layout is worth it only here: outside of compiled code, CUDA's group norm gives it up.
    """
    decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # left out of torch's types
    decoder.compile(backend=backend, fullgraph=True, dynamic=False)
