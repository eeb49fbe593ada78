"""Two processes train one network: each draws for itself, all end with the same weights, and one writes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ctflow.training.loop import train
from ctflow.training.stage import Budget
from tests.training import two_processes
from tests.training.line import line, line_losses, line_stage

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    done = subprocess.run(
        [sys.executable, *launch, two_processes.__name__, str(folder)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        encoding="utf-8",
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def reports(folder: Path) -> list[dict[str, Any]]:
    return [json.loads((folder / f"report {rank}.json").read_text()) for rank in range(2)]


def test_each_process_draws_numbers_of_its_own(reports: list[dict[str, Any]]) -> None:
    first, second = (set(report["drawn"]) for report in reports)
    assert len(first) == len(second) == 5 and not first & second


def test_both_end_with_the_same_weights_which_are_not_those_of_one_process_alone(
    reports: list[dict[str, Any]], tmp_path: Path
) -> None:
    first, second = (report["apart"] for report in reports)
    assert first == second
    network = line()
    train(line_stage(tmp_path, Budget.of_steps(5)), network, line_losses)
    assert [parameter.item() for parameter in network.parameters()] != first[:2]


def test_a_state_is_gone_on_with_and_both_stop_at_the_same_step(reports: list[dict[str, Any]], folder: Path) -> None:
    """By clocks of their own, one would have stopped while the other waited for its gradients."""
    (steps_first, seconds_first), (steps_second, seconds_second) = (report["together"] for report in reports)
    assert steps_first == steps_second == reports[0]["apart"]
    assert seconds_first == seconds_second != steps_first
    assert json.loads((folder / "together" / "trained.json").read_text())["steps"] > 5


def test_only_the_main_process_writes(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "rank 0").iterdir()) == [
        "losses.csv",
        "losses.png",
        "state.pt",
        "trained.json",
    ]
    assert not (folder / "rank 1").exists()


def test_processes_that_are_about_to_train_something_else_each_are_refused(reports: list[dict[str, Any]]) -> None:
    assert all("Process 1 trains something else than process 0: data is 1, not 0" in one["unlike"] for one in reports)
