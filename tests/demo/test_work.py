"""The folder of a training: what it may go on with, and whether it has room."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from ctflow.demo.sizes import DEMO, SMOKE
from ctflow.demo.work import check_room, note_demo, train_once
from ctflow.errors import RequestError, ResourceError
from ctflow.training.stage import Budget, Stage
from tests.training.line import line, line_stage

STAGES = ("avae", "text")


def test_a_folder_is_gone_on_with_by_the_same_seed_sizes_and_base_alone(tmp_path: Path) -> None:
    note_demo(tmp_path, SMOKE, 0, None, STAGES)
    note_demo(tmp_path, SMOKE, 0, None, STAGES)
    with pytest.raises(RequestError, match=r"seed is 0, not 1.*another folder"):
        note_demo(tmp_path, SMOKE, 1, None, STAGES)
    with pytest.raises(RequestError, match="phantoms is 2, not 1200"):
        note_demo(tmp_path, DEMO, 0, None, STAGES)
    with pytest.raises(RequestError, match="base is None, not abc"):
        note_demo(tmp_path, SMOKE, 0, "abc", STAGES)


def test_a_folder_of_an_older_version_is_refused(tmp_path: Path) -> None:
    """Its states are in other files, and its random numbers were drawn otherwise."""
    (tmp_path / "avae").mkdir()
    with pytest.raises(RequestError, match=r"plan\.json does not describe"):
        note_demo(tmp_path, SMOKE, 3, None, STAGES)
    (tmp_path / "plan.json").write_text('{"seed": 3}')
    with pytest.raises(RequestError, match="version is None, not 2"):
        note_demo(tmp_path, SMOKE, 3, None, STAGES)


def test_a_folder_with_phantoms_alone_may_be_trained_in(tmp_path: Path) -> None:
    (tmp_path / "phantoms.json").write_text("{}")
    note_demo(tmp_path, SMOKE, 3, None, STAGES)
    assert (tmp_path / "plan.json").exists()


def test_a_disk_without_room_is_refused_before_hours_of_work(tmp_path: Path) -> None:
    check_room(tmp_path, SMOKE, 0, free_bytes=15 * 10**9)
    with pytest.raises(ResourceError, match=r"needs 16\.0 GB more.*15\.0 GB free"):
        check_room(tmp_path, DEMO, 0, free_bytes=15 * 10**9)


def test_latents_that_are_there_need_no_room(tmp_path: Path) -> None:
    many = replace(SMOKE, latent_channels=10_000)
    with pytest.raises(ResourceError):
        check_room(tmp_path, many, 0, free_bytes=10**9)
    (tmp_path / "latents.pt").touch()
    check_room(tmp_path, many, 0, free_bytes=10**9)


def test_a_network_is_trained_once_and_frozen(tmp_path: Path) -> None:
    stage = line_stage(tmp_path / "line", Budget.of_steps(1))
    trainings = []

    def train(stage: Stage) -> nn.Linear:
        trainings.append(stage)
        return line()

    for _ in range(2):
        network = train_once(stage, nn.Linear(1, 1), train)
        assert torch.equal(network.weight, line().weight)
        assert not network.training and not network.weight.requires_grad
    assert len(trainings) == 1
