"""`train flow` in one process and in two: the same losses, and a kill at any moment costs only what was not saved."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ctflow.training.config.file import as_toml
from ctflow.training.flow.config import FlowConfig
from ctflow.training.flow.training import train_flow
from tests.training.flow.small_set import flow_config, flow_model, flow_set
from tests.training.flow.test_training import losses, same, training, weights
from tests.training.launch import LAUNCH, PATIENCE_S, ROOT

pytestmark = pytest.mark.slow

ENDLESS = 10**6


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    flow_set(folder / "set", flow_model(folder / "model"))
    return folder


def config_to(steps: int, workers: int = 0) -> FlowConfig:
    """It saves every step. The learning rate must not depend on how many there are."""
    run = {"steps": steps, "save_every": 1, "keep": 1, "workers": workers}
    return flow_config(optimizer={"decay": "inverse_root"}, run=run)


def started(made: Path, out: Path, processes: int, steps: int, workers: int = 0) -> subprocess.Popen[str]:
    """The command, in a process group of its own."""
    config = out.with_suffix(f".{steps}.toml")
    config.write_text(as_toml(config_to(steps, workers)))
    launch = LAUNCH if processes == 2 else []
    words = ["train", "flow", "--device", "cpu", "--model", made / "model", "--data", made / "set"]
    return subprocess.Popen(
        [sys.executable, "-m", *launch, "ctflow", *map(str, words), "--config", str(config), "--out", str(out)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads() if processes == 1 else 1)},
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )


def run(made: Path, out: Path, processes: int, steps: int) -> dict[str, Tensor]:
    """-> the weights in the end. One process is this one, which takes less time than to start another."""
    if processes == 1:
        train_flow(training(made, out, config_to(steps)))
    else:
        with started(made, out, processes, steps) as process:
            _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, errors
    return weights(out, f"{steps:08}.pt")


def last_step(out: Path) -> int:
    return max((int(path.stem) for path in (out / "states").glob("*.pt")), default=0)


def wait_for_step(process: subprocess.Popen[str], out: Path, step: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while last_step(out) < step:
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_training_that_is_killed_at_a_random_step_ends_with_the_weights_of_one_that_was_not(
    made: Path, processes: int
) -> None:
    cut, whole = made / f"cut {processes}", made / f"whole {processes}"
    with started(made, cut, processes, ENDLESS) as process:
        wait_for_step(process, cut, random.randrange(1, 10))
        os.killpg(process.pid, signal.SIGKILL)
    steps = last_step(cut) + 3
    assert same(run(made, cut, processes, steps), run(made, whole, processes, steps))
    assert losses(cut) == losses(whole)


def test_two_processes_see_the_batches_of_one_and_have_its_losses(made: Path) -> None:
    one, two = losses(made / "whole 1"), losses(made / "whole 2")
    both = min(len(one), len(two))
    assert both >= 4
    assert np.allclose(one[:both], two[:both], rtol=1e-5, atol=0)


def test_what_two_processes_began_one_goes_on_with(made: Path) -> None:
    steps = 2 + max(last_step(made / "whole 1"), last_step(made / "whole 2"))
    for began in ("whole 1", "whole 2"):
        run(made, made / began, 1, steps)
    assert np.allclose(losses(made / "whole 1"), losses(made / "whole 2"), rtol=1e-5, atol=0)


def test_sigterm_to_all_processes_saves_the_step_that_it_comes_in(made: Path) -> None:
    """As a scheduler sends it: to those that draw samples, too."""
    out = made / "terminated"
    with started(made, out, 1, ENDLESS, workers=1) as process:
        wait_for_step(process, out, 1)
        os.killpg(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signal.SIGTERM, errors
    assert f"was asked to stop, at step {last_step(out)}" in errors
