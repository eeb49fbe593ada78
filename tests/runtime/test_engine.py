"""Which precision and layout the networks get on a device."""

from pathlib import Path

import pytest
import torch

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.choices import CUDA_LEVELS
from ctflow.errors import RequestError
from ctflow.pipeline import CTFlow
from ctflow.runtime.device import BFLOAT16, FLOAT16, Precision
from ctflow.runtime.engine import engine_on


@pytest.mark.parametrize("level", [*CUDA_LEVELS[1:], "warp"])
def test_a_level_that_this_device_does_not_have_is_refused(folder: Path, level: str) -> None:
    with pytest.raises(RequestError, match="one of plain" if level == "warp" else "needs a CUDA GPU"):
        CTFlow.load(folder, "cpu", cuda=level)


@pytest.mark.parametrize("precision", [BFLOAT16, FLOAT16])
def test_the_networks_come_into_a_gpus_precision_without_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    """On the CPU: at the plain level, nothing asks for CUDA before the first step."""
    warned: list[str] = []
    monkeypatch.setattr("diffusers.models.modeling_utils.logger.warning", warned.append)
    loaded = load_checkpoint(folder)
    engine = engine_on(torch.device("cuda"), loaded.transformer, loaded.avae, "plain", precision)
    assert {part.dtype for part in loaded.transformer.blocks[0].mlp.parameters()} == {precision.transformer}
    network = loaded.avae.network
    assert {part.dtype for part in network.parameters()} == {network.dtype} == {precision.avae}
    assert loaded.transformer.t_block[1].weight.dtype == torch.float32
    with torch.inference_mode():
        slices = engine.decode(torch.randn(2, 2, 8, 8)).wait()
    assert slices.dtype == torch.float32 and slices.shape == (2, 32, 32)
    assert not warned
