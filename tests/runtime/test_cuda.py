"""What a GPU can do beyond plain PyTorch: on a CPU with stand-ins for streams and graphs, and on a GPU for real."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ctflow.benchmark.reference import reference_answer
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.choices import CUDA_LEVELS
from ctflow.demo.avae import new_avae
from ctflow.generator import ChunkDone, Event, Finished, StepDone, joined
from ctflow.models.avae import AVAE, SliceDecoder
from ctflow.models.stdit import STDiT
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.runtime.cuda import Recording, ReplayedTransformer, Step, compile_blocks, compile_decoder
from ctflow.runtime.decoding import Decoding, Finish, PendingSlices, as_decoded, blocking, in_full_batches
from ctflow.runtime.device import Precision, resolve_device, resolve_precision
from ctflow.runtime.engine import Engine, EngineFactory, engine_on
from ctflow.sampler import seeded_noise
from tests.golden.forward import ORDINARY_RMS, golden, golden_transformer
from tests.tiny import CARD

REPORT = Report("Large right pleural effusion.")


@pytest.fixture
def transformer() -> STDiT:
    return golden_transformer()


def record_nothing(step: Step) -> Recording:
    """In place of a graph: runs the step again, from the same buffers into the same answer."""
    answer = step()

    def replay() -> None:
        answer.copy_(step())

    return Recording(replay, answer)


def engine_with(**changes: Callable[[Engine], object]) -> EngineFactory:
    """Makes the engine of a device with some of its fields changed, each made from the plain engine."""

    def make(
        device: torch.device, transformer: STDiT, decoder: SliceDecoder, level: str, precision: Precision
    ) -> Engine:
        plain = engine_on(device, transformer, decoder, level, precision)
        return replace(plain, **{name: change(plain) for name, change in changes.items()})

    return make


@pytest.mark.parametrize("detail", [0, 2])
def test_a_replayed_step_reads_what_it_is_given_each_time(transformer: STDiT, detail: int) -> None:
    if detail:
        transformer = STDiT(replace(transformer.config, text_facts=3, detail=detail, detail_blocks=1)).requires_grad_(
            False
        )
    recorded: list[Recording] = []

    def record(step: Step) -> Recording:
        recorded.append(record_nothing(step))
        return recorded[-1]

    replayed = ReplayedTransformer(transformer, record)
    kept = []
    for case in ("case0", "case1"):
        x, previous, text, t, _ = golden(case)
        for state in (x[:1], -x[:1], x[:1].expand(2, -1, -1, -1, -1)):
            condition = transformer.condition(previous[:1].expand(len(state), -1, -1, -1, -1), text[:1])
            found = replayed.step(state, condition, replayed.modulation_at(t[0].item()))
            with torch.no_grad():  # as a volume is made: with gradients another kernel convolves, and rounds otherwise
                expected = transformer.step(state, condition, transformer.modulation_at(t[0].item()))
            kept.append((found, expected))
    for found, expected in kept:  # at the end, so that an answer which a later step wrote over is seen
        assert torch.equal(found, expected)
    assert len(recorded) == 2, "one for each batch size"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_replayed_step_follows_its_chunk_and_its_time(transformer: STDiT, dtype: torch.dtype) -> None:
    """A condition is copied once a chunk, a modulation at every step, and both in whatever types they have."""
    transformer.to_mixed_precision(dtype)
    replayed = ReplayedTransformer(transformer, record_nothing)
    x, previous, text, _, _ = (tensor[:1] for tensor in golden("case0"))
    one, other = (transformer.condition(given, text) for given in (previous, -previous))
    for condition in (one, other, one):
        for t in (0.9, 0.2):
            modulation = transformer.modulation_at(t)
            assert torch.equal(replayed.step(x, condition, modulation), transformer.step(x, condition, modulation))


def test_what_is_recorded_under_inference_mode_can_be_replayed_outside_of_it(transformer: STDiT) -> None:
    """Tensors that inference mode makes can be written to nowhere else, and the buffers of a graph live on."""
    replayed = ReplayedTransformer(transformer, record_nothing)
    x, previous, text, t, _ = (tensor[:1] for tensor in golden("case0"))
    with torch.inference_mode():
        condition, modulation = transformer.condition(previous, text), transformer.modulation(t)
        first = replayed.step(x.clone(), condition, modulation)
    assert not first.is_inference() and not first.requires_grad
    assert torch.equal(replayed.step(x, condition, modulation), first)


def test_a_failing_step_fails_where_it_was_asked_for(transformer: STDiT) -> None:
    def record(step: Step) -> Recording:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    x, previous, text, t, _ = (tensor[:1] for tensor in golden("case0"))
    with pytest.raises(torch.OutOfMemoryError):
        replayed = ReplayedTransformer(transformer, record)
        replayed.step(x, transformer.condition(previous, text), transformer.modulation(t))


@pytest.mark.slow
def test_compiled_blocks_are_the_same_function_and_compiled_once(transformer: STDiT) -> None:
    torch.compiler.reset()
    *inputs, _ = golden("case0")
    expected = transformer(*inputs)
    compiled = []

    def backend(graph: torch.fx.GraphModule, _: list[Tensor]) -> Callable[..., object]:
        compiled.append(graph)
        return graph.forward

    compile_blocks(transformer, backend)
    torch.testing.assert_close(transformer(*inputs), expected)
    assert len(compiled) <= 2, "only the first block has positions along the slices"


@pytest.mark.parametrize("after", [0, 1, 2, 99])
def test_a_chunk_that_is_decoded_while_the_next_is_sampled_comes_in_order_and_whole(
    model: CTFlow, folder: Path, after: int
) -> None:
    """`after`: how often it is asked for before it is there."""
    waited: list[Tensor] = []

    def decoding_later(plain: Engine) -> Decoding:
        def decode(latents: Tensor, finish: Finish = as_decoded) -> PendingSlices:
            pending, left = plain.decode(latents, finish), iter([False] * after)

            def wait() -> Tensor:
                waited.append(pending.wait())
                return waited[-1]

            return PendingSlices(ready=lambda: next(left, True), wait=wait)

        return decode

    request = model.card.request(REPORT, seed=1, chunks=3)
    expected = list(model.stream(request))
    late = CTFlow.load(folder, "cpu", precision="float32", make_engine=engine_with(decode=decoding_later))
    events = list(late.stream(request))
    for kind in (StepDone, ChunkDone):
        assert places(events, kind) == places(expected, kind)
    np.testing.assert_array_equal(joined(events).hu, joined(expected).hu)
    assert isinstance(events[-1], Finished) and len(waited) == 3
    made_meanwhile = steps_between_chunks(events)
    assert made_meanwhile == [min(after, request.steps)] * 2 + [0]


def places(events: list[Event], kind: type) -> list[tuple[int, int]]:
    return [(e.chunk, getattr(e, "first_slice", 0)) for e in events if isinstance(e, kind)]


def steps_between_chunks(events: list[Event]) -> list[int]:
    """How many steps of the next chunk came before each chunk."""
    counts = []
    for index, event in enumerate(events):
        if isinstance(event, ChunkDone):
            counts.append(sum(isinstance(e, StepDone) and e.chunk > event.chunk for e in events[:index]))
    return counts


def test_on_a_cpu_a_chunk_is_shown_before_the_next_step(model: CTFlow) -> None:
    assert steps_between_chunks(list(model.stream(model.card.request(REPORT, seed=1, chunks=3)))) == [0, 0, 0]


def test_stopping_while_a_chunk_is_being_decoded_leaves_nothing_behind(model: CTFlow, folder: Path) -> None:
    stopping = False

    def never_while_stopping(plain: Engine) -> Decoding:
        def decode(latents: Tensor, finish: Finish = as_decoded) -> PendingSlices:
            return PendingSlices(ready=lambda: False, wait=pytest.fail) if stopping else plain.decode(latents, finish)

        return decode

    request = model.card.request(REPORT, seed=1, chunks=3)
    expected = model.generate(request).hu
    stopped = CTFlow.load(folder, "cpu", precision="float32", make_engine=engine_with(decode=never_while_stopping))
    stopping = True
    stream = stopped.stream(request)
    while not (isinstance(event := next(stream), StepDone) and event.chunk == 1):
        pass
    stream.close()
    stopping = False
    np.testing.assert_array_equal(stopped.generate(request).hu, expected)


def slow_at_first(batches: list[int], decoded: list[int]) -> EngineFactory:
    """As on CUDA: steps are recorded, and slices are decoded three at a time. Notes how many of either come at once."""

    def make(
        device: torch.device, transformer: STDiT, decoder: SliceDecoder, level: str, precision: Precision
    ) -> Engine:
        def record(step: Step) -> Recording:
            batches.append(len(step()))
            return record_nothing(step)

        def decode(latents: Tensor) -> Tensor:
            decoded.append(len(latents))
            return decoder.decode(latents)

        return replace(
            engine_on(device, transformer, decoder, level, precision),
            transformer=ReplayedTransformer(transformer, record),
            decode=blocking(in_full_batches(decode, 3)),
            slices_at_once=3,
            slow_at_first=True,
        )

    return make


def test_what_a_first_request_would_wait_for_is_done_at_loading(model: CTFlow, folder: Path) -> None:
    batches: list[int] = []
    decoded: list[int] = []
    slow = CTFlow.load(folder, "cpu", precision="float32", make_engine=slow_at_first(batches, decoded))
    assert (batches, decoded) == ([1, 2], [3])
    for guidance in (1.0, 2.0):
        request = model.card.request(REPORT, seed=1, chunks=2, guidance=guidance)
        difference = slow.generate(request).hu.astype(int) - model.generate(request).hu
        assert abs(difference).max() <= 1  # a convolution's last bits depend on how many slices it has
    # Of the four slices of a chunk the last one comes alone, but is not decoded alone.
    assert batches == [1, 2] and set(decoded) == {3}


def test_where_there_is_no_gpu_until_a_request_comes_nothing_is_made_ready(folder: Path) -> None:
    """As on ZeroGPU."""
    batches: list[int] = []
    decoded: list[int] = []
    slow = CTFlow.load(folder, "cpu", precision="float32", make_engine=slow_at_first(batches, decoded), warm_up=False)
    assert batches == decoded == []
    slow.generate(slow.card.request(REPORT, seed=1, chunks=1))
    assert batches == [1] and set(decoded) == {3}


@pytest.mark.parametrize("solver", ["euler", "stochastic"])
def test_all_noise_is_uploaded_and_stays_what_it_was(model: CTFlow, folder: Path, solver: str) -> None:
    uploaded: list[Tensor] = []

    def noting(plain: Engine) -> Callable[[Tensor], Tensor]:
        def upload(tensor: Tensor) -> Tensor:
            uploaded.append(tensor)
            return plain.upload(tensor)

        return upload

    request = model.card.request(REPORT, seed=1, chunks=2, steps=4, solver=solver)
    noting_all = CTFlow.load(folder, "cpu", precision="float32", make_engine=engine_with(upload=noting))
    np.testing.assert_array_equal(noting_all.generate(request).hu, model.generate(request).hu)
    shape = (CARD.latent.channels, CARD.geometry.slices_per_chunk, CARD.latent.rows, CARD.latent.columns)
    draws = 4 if solver == "stochastic" else 1
    expected = [draw for chunk in (0, 1) for draw in islice(seeded_noise(1, shape)(chunk), draws)]
    assert len(uploaded) == len(expected) and all(map(torch.equal, uploaded, expected))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [(8, 8), (8, 8, 8)])
def test_a_compiled_decoder_is_the_same_function_and_compiled_once(channels: tuple[int, ...]) -> None:
    torch.compiler.reset()
    avae = AVAE(new_avae(channels, 2), 1.3, 0.1).eval().requires_grad_(False)
    chunk = torch.randn(2, 7, 8, 8)  # as the sampler gives them: channels first
    latents = chunk.transpose(0, 1)
    expected = avae.decode(latents)
    compiled = []

    def backend(graph: torch.fx.GraphModule, _: list[Tensor]) -> Callable[..., object]:
        compiled.append(graph)
        return graph.forward

    compile_decoder(avae.network.decoder, backend)
    decode = in_full_batches(avae.decode, 4)
    for count in (7, 4, 3, 1):
        torch.testing.assert_close(decode(latents[:count]), expected[:count])
    assert len(compiled) == 1


@pytest.fixture(scope="module")
def plain(folder: Path) -> CTFlow:
    return CTFlow.load(folder, "cuda", cuda="plain")


@pytest.mark.gpu
@pytest.mark.parametrize("level", ["overlap", "graph"])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_on_a_gpu_the_same_kernels_give_the_same_voxels(
    folder: Path, plain: CTFlow, level: str, guidance: float
) -> None:
    """Bit for bit, and again after a run that was stopped."""
    request = plain.card.request(REPORT, seed=1, chunks=3, guidance=guidance)
    model = CTFlow.load(folder, "cuda", cuda=level)
    expected = plain.generate(request).hu
    np.testing.assert_array_equal(model.generate(request).hu, expected)
    stream = model.stream(request)
    while not isinstance(next(stream), ChunkDone):
        pass
    stream.close()
    np.testing.assert_array_equal(model.generate(request).hu, expected)


@pytest.mark.gpu
@pytest.mark.parametrize("level", CUDA_LEVELS)
def test_on_a_gpu_the_events_are_in_order(folder: Path, level: str) -> None:
    model = CTFlow.load(folder, "cuda", cuda=level)
    events = list(model.stream(model.card.request(REPORT, seed=1, chunks=3)))
    steps = [(e.chunk, e.step) for e in events if isinstance(e, StepDone)]
    chunks = [e for e in events if isinstance(e, ChunkDone)]
    assert steps == sorted(steps) and [e.chunk for e in chunks] == [0, 1, 2]
    assert [e.first_slice for e in chunks] == [0, 4, 8]
    assert sum(len(e.hu) for e in chunks) == events[-1].shape[0]


@pytest.mark.gpu
@pytest.mark.parametrize("level", CUDA_LEVELS)
def test_on_a_gpu_python_is_at_most_one_step_ahead(folder: Path, level: str) -> None:
    """So Stop, which is heard between events, ends the work within one step. It takes a step of some milliseconds."""
    model = CTFlow.load(folder, "cuda", cuda=level, make_engine=engine_with(pace=lambda plain: busy(plain.pace)))
    request = model.card.request(REPORT, seed=1, chunks=1, steps=20)
    model.generate(request)
    done: list[torch.cuda.Event] = []
    for event in model.stream(request):
        if isinstance(event, StepDone):
            assert all(earlier.query() for earlier in done[:-1])
            done.append(torch.cuda.current_stream().record_event())


def busy(pace: Callable[[], None]) -> Callable[[], None]:
    """As on a GPU that takes 20 ms or so for each step."""

    def run() -> None:
        torch.cuda._sleep(30_000_000)
        pace()

    return run


@pytest.mark.gpu
@pytest.mark.parametrize("level", CUDA_LEVELS)
def test_on_a_gpu_a_step_stays_near_float32_on_the_cpu(folder: Path, level: str) -> None:
    plain, loaded, device = load_checkpoint(folder).transformer, load_checkpoint(folder), resolve_device("cuda")
    precision = resolve_precision(device, "auto")
    steps = engine_on(device, loaded.transformer.to(device), loaded.avae.to(device), level, precision).transformer
    generator = torch.Generator().manual_seed(0)
    x, previous = (torch.randn(1, 2, 4, 8, 8, generator=generator) for _ in range(2))
    text = torch.nn.functional.normalize(torch.randn(1, 1, 8, generator=generator), dim=-1)
    expected = reference_answer(plain, x, previous, text, torch.tensor([0.5]))
    with torch.inference_mode():
        condition = steps.condition(previous.cuda(), text.cuda())
        found = steps.step(x.cuda(), condition, steps.modulation_at(0.5)).cpu()
    assert found.dtype == torch.float32
    assert ((found - expected).square().mean() / expected.square().mean()).sqrt() < ORDINARY_RMS


@pytest.mark.gpu
def test_the_modulation_at_a_time_is_computed_without_waiting_for_the_gpu(transformer: STDiT) -> None:
    transformer.cuda().to_mixed_precision(torch.bfloat16)
    transformer.modulation_at(0.5)
    torch.cuda.set_sync_debug_mode("error")
    try:
        transformer.modulation_at(0.25)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
def test_the_gpu_gives_the_cpus_volume_except_for_rounding(folder: Path, plain: CTFlow) -> None:
    request = plain.card.request(REPORT, seed=1, chunks=2)
    expected = CTFlow.load(folder, "cpu", precision="float32").generate(request).hu.astype(float)
    found = plain.generate(replace(request)).hu
    assert np.abs(found - expected).mean() < 0.1 * expected.std()
