"""What must be true of running a model on a GPU. On a CPU, tests/runtime has what can be said with stand-ins."""

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ctflow.choices import CUDA_LEVELS
from ctflow.errors import ResourceError
from ctflow.generator import ChunkDone, StepDone
from ctflow.hu import IntensityMap
from ctflow.one_thread import OnOneThread
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.runtime.cuda import GRAPH_WARM_UP_STEPS, on_side_stream, record_graph
from ctflow.runtime.decoding import blocking, to_hu
from ctflow.runtime.device import on_device
from ctflow.runtime.memory import memory_of
from ctflow.volume import Volume

pytestmark = pytest.mark.gpu
REPORT = Report("Large right pleural effusion.")
GPU = torch.device("cuda")


@pytest.fixture(scope="module")
def plain(folder: Path) -> CTFlow:
    return CTFlow.load(folder, "cuda", cuda="plain")


@pytest.mark.parametrize("one", [IntensityMap(0.0, 1.0, -1000, 1400), IntensityMap(-1.0, 1.0, -1000, 1000)])
def test_hu_are_rounded_on_a_gpu_as_on_a_cpu(one: IntensityMap) -> None:
    """For the ends of the released models, whose distance is a power of two: a GPU divides by a number by multiplying
    with its inverse, which is exact for these alone."""
    intensity = torch.linspace(one.black - 0.5, one.white + 0.5, 10_000_001)
    intensity[::1000] = float("nan")
    assert torch.equal(to_hu(one, intensity.cuda()).cpu(), to_hu(one, intensity))


@pytest.mark.parametrize("level", CUDA_LEVELS)
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_no_step_waits_for_the_gpu_not_even_for_new_noise(folder: Path, level: str, guidance: float) -> None:
    """But for the step before it: torch's own watch for waits does not count that one."""
    model = CTFlow.load(folder, "cuda", cuda=level)
    request = model.card.request(REPORT, seed=1, chunks=2, steps=6, solver="stochastic", guidance=guidance)
    model.generate(request)
    try:
        with closing(model.stream(request)) as events:
            for event in events:
                steps_follow = isinstance(event, StepDone) and event.step < request.steps - 1
                torch.cuda.set_sync_debug_mode("error" if steps_follow else "default")
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_an_upload_is_there_when_it_is_used_and_outlives_what_it_came_from() -> None:
    given = [torch.full((1 << 20,), float(value)) for value in range(50)]
    torch.cuda._sleep(50_000_000)  # so that none has been copied when the next one is pinned
    uploaded = [on_device(tensor, GPU) for tensor in given]
    assert [tensor.unique().tolist() for tensor in uploaded] == [[float(value)] for value in range(50)]


@pytest.mark.parametrize("make", [lambda decode: blocking(decode), lambda decode: on_side_stream(decode, GPU)])
def test_what_is_kept_of_a_volume_holds_no_pinned_memory(make: Callable[..., object]) -> None:
    pending = make(lambda latents: latents[:, 0])(torch.ones(4, 1, 8, 8, device=GPU), torch.neg)
    slices = pending.wait()
    assert not slices.is_pinned() and slices.device.type == "cpu" and (slices == -1).all()


def test_memory_that_runs_out_while_a_graph_is_recorded_is_told_and_the_gpu_can_go_on(plain: CTFlow) -> None:
    request = plain.card.request(REPORT, seed=1, chunks=1)
    expected = plain.generate(request).hu
    calls = 0

    def step() -> Tensor:
        nonlocal calls
        calls += 1
        elements = 1 if calls <= GRAPH_WARM_UP_STEPS else 1 << 46
        return torch.empty(elements, device=GPU).zero_()

    with pytest.raises(ResourceError, match="memory of cuda"), memory_of(GPU):
        record_graph(step)
    np.testing.assert_array_equal(plain.generate(request).hu, expected)


@pytest.mark.parametrize("level", ["plain", "graph"])
def test_two_models_at_once_disturb_each_other_in_nothing(folder: Path, level: str) -> None:
    """Graphs that were recorded on one stream share its workspace (pytorch issue 193402)."""
    models = [OnOneThread(lambda: CTFlow.load(folder, "cuda", cuda=level)) for _ in range(2)]
    request = models[0].card.request(REPORT, seed=1, chunks=3, steps=50)

    def volume(model: OnOneThread) -> np.ndarray:
        with closing(model.stream(request)) as events:
            return np.concatenate([event.hu for event in events if isinstance(event, ChunkDone)])

    alone = [volume(model) for model in models]
    together: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda one=model: together.append(volume(one))) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for found in (*alone, *together):
        np.testing.assert_array_equal(found, alone[0])


@pytest.mark.parametrize("level", CUDA_LEVELS)
def test_on_a_thread_of_its_own_a_model_makes_the_same_volume(folder: Path, level: str) -> None:
    here = CTFlow.load(folder, "cuda", cuda=level)
    request = here.card.request(REPORT, seed=1, chunks=2, guidance=2.0)
    there = OnOneThread(lambda: CTFlow.load(folder, "cuda", cuda=level))
    with closing(there.stream(request)) as events:
        found = np.concatenate([event.hu for event in events if isinstance(event, ChunkDone)])
    np.testing.assert_array_equal(found, here.generate(request).hu)


@pytest.mark.parametrize("level", CUDA_LEVELS)
def test_volumes_made_together_are_those_made_alone_but_for_rounding(folder: Path, level: str) -> None:
    model = CTFlow.load(folder, "cuda", cuda=level, precision="float32")
    requests = [model.card.request(REPORT, seed, chunks=1 + seed, guidance=2.0) for seed in range(3)]
    for request, volume in zip(requests, model.generate_together([(one, None) for one in requests]), strict=True):
        assert isinstance(volume, Volume)
        np.testing.assert_allclose(volume.hu.astype(int), model.generate(request).hu, atol=2)


def test_nothing_is_compiled_any_more_when_a_request_comes(folder: Path) -> None:
    from torch._dynamo.utils import counters

    model = CTFlow.load(folder, "cuda", cuda="compile")
    made = counters["stats"]["unique_graphs"]
    for guidance in (1.0, 2.0):
        model.generate(model.card.request(REPORT, seed=1, chunks=3, guidance=guidance))
    assert counters["stats"]["unique_graphs"] == made > 0


def test_a_compiled_decoder_gives_the_slices_of_the_plain_one_but_for_rounding(folder: Path, plain: CTFlow) -> None:
    request = plain.card.request(REPORT, seed=1, chunks=2)
    expected = plain.generate(request).hu.astype(float)
    found = CTFlow.load(folder, "cuda", cuda="compile").generate(request).hu
    assert np.abs(found - expected).mean() < 0.1 * expected.std()


def test_nobody_who_chooses_nothing_runs_without_graphs(folder: Path) -> None:
    assert CTFlow.load(folder, "cuda").cuda == "graph"
