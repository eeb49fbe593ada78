"""`train flow` on a GPU: the losses of a CPU, and what only a GPU has."""

from pathlib import Path

import numpy as np
import pytest

from ctflow.training.flow.training import train_flow
from tests.training.flow.small_set import flow_config, flow_model, flow_set
from tests.training.flow.test_training import losses, training

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow")
    flow_set(folder / "set", flow_model(folder / "model"))
    return folder


def test_a_gpu_sees_the_samples_of_a_cpu_and_has_its_losses(made: Path, tmp_path: Path) -> None:
    for device in ("cpu", "cuda"):
        train_flow(training(made, tmp_path / device, device=device))
    assert np.allclose(losses(tmp_path / "cpu"), losses(tmp_path / "cuda"), rtol=1e-3)


def test_bf16_compiled_blocks_recomputing_and_drawing_ahead_lead_to_about_the_same(made: Path, tmp_path: Path) -> None:
    fast = flow_config(batch={"precision": "bfloat16"}, run={"compile": True, "recompute": True, "workers": 2})
    train_flow(training(made, tmp_path / "plain", device="cuda"))
    train_flow(training(made, tmp_path / "fast", fast, device="cuda"))
    assert np.allclose(losses(tmp_path / "plain"), losses(tmp_path / "fast"), rtol=0.05)
