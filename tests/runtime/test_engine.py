"""Which precision and layout the networks get on a device."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.choices import CUDA_LEVELS
from ctflow.errors import RequestError
from ctflow.pipeline import CTFlow
from ctflow.runtime.decoding import most_that_divide
from ctflow.runtime.device import BFLOAT16, FLOAT16, Precision
from ctflow.runtime.engine import engine_on, level_for


@pytest.mark.parametrize("level", [*CUDA_LEVELS[1:], "warp"])
def test_a_level_that_this_device_does_not_have_is_refused(folder: Path, level: str) -> None:
    with pytest.raises(RequestError, match="one of auto" if level == "warp" else "needs a CUDA GPU"):
        CTFlow.load(folder, "cpu", cuda=level)


def test_where_nobody_chooses_a_gpu_replays_graphs_and_a_cpu_runs_plainly(model: CTFlow) -> None:
    assert level_for("auto", torch.device("cuda")) == "graph"
    assert level_for("auto", torch.device("cpu")) == model.cuda == "plain"
    for level in CUDA_LEVELS:
        assert level_for(level, torch.device("cuda")) == level


@pytest.mark.parametrize("precision", [BFLOAT16, FLOAT16])
def test_the_networks_come_into_a_gpus_precision_without_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    """On the CPU: at the plain level, nothing asks for CUDA before the first step."""
    warned: list[str] = []
    monkeypatch.setattr("diffusers.models.modeling_utils.logger.warning", warned.append)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=16 << 30))
    loaded = load_checkpoint(folder)
    engine = engine_on(torch.device("cuda"), loaded.transformer, loaded.avae, "plain", precision)
    assert {part.dtype for part in loaded.transformer.blocks[0].mlp.parameters()} == {precision.transformer}
    network = loaded.avae.network
    assert {part.dtype for part in network.parameters()} == {network.dtype} == {precision.avae}
    assert loaded.transformer.t_block[1].weight.dtype == torch.float32
    with torch.inference_mode():
        slices = engine.decode(torch.randn(2, 2, 8, 8)).wait()
    assert engine.slices_at_once == 4 and engine.slow_at_first
    assert slices.dtype == torch.float32 and slices.shape == (2, 32, 32)
    assert not warned


@pytest.mark.parametrize(("gigabytes", "at_once"), [(80, 4), (2, 4), (0.001, 2), (0.0001, 1)])
def test_a_gpu_decodes_as_much_of_a_chunk_at_once_as_its_memory_allows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, gigabytes: float, at_once: int
) -> None:
    """An even part of it: no slice has to be made up to fill the last batch."""
    memory = SimpleNamespace(total_memory=int(gigabytes * 1e9))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: memory)
    loaded = load_checkpoint(folder)
    engine = engine_on(torch.device("cuda"), loaded.transformer, loaded.avae, "plain", BFLOAT16)
    assert engine.slices_at_once == at_once


@pytest.mark.parametrize(("limit", "size"), [(99, 16), (16, 16), (15, 8), (7, 4), (3, 2), (1, 1)])
def test_a_batch_is_an_even_part_of_a_chunk(limit: int, size: int) -> None:
    assert most_that_divide(16, limit) == size
