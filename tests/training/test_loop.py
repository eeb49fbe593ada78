"""The training loop: budgets, what a restart goes on with, and what is written."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ctflow.errors import RequestError
from ctflow.training.agreement import SPLITTING
from ctflow.training.loop import train
from ctflow.training.restarts.saving import OneFile
from ctflow.training.stage import Budget, Stage
from tests.training.line import ADAMW, line, line_losses, line_stage


def trained(stage: Stage) -> dict[str, int]:
    """What a stage says of itself when it ends."""
    return json.loads(stage.summary.read_text())


def each_step(stage: Stage) -> OneFile:
    return OneFile(stage.state, every_s=0)


class Killed(Exception):
    pass


class FakeTime:
    """A clock that moves on by `step_s` with every step; the training is killed at `kill_at_s`."""

    def __init__(self, step_s: float) -> None:
        self.now_s, self.step_s = 0.0, step_s
        self.kill_at_s: float | None = None

    def clock(self) -> float:
        return self.now_s

    def losses(self, network: nn.Linear, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        if self.now_s == self.kill_at_s:
            raise Killed
        self.now_s += self.step_s
        return line_losses(network, device, rng)


def test_a_budget_of_steps_is_spent_to_the_step_and_each_call_has_its_own(tmp_path: Path) -> None:
    stage = line_stage(tmp_path, Budget.of_steps(5))
    for steps in (5, 10):
        train(stage, line(), line_losses)
        assert trained(stage)["steps"] == steps


@pytest.mark.slow
def test_after_a_kill_a_stage_has_the_rest_of_its_seconds(tmp_path: Path) -> None:
    stage, time = line_stage(tmp_path, Budget.of_seconds(1.0)), FakeTime(step_s=0.25)
    time.kill_at_s = 0.5
    with pytest.raises(Killed):
        train(stage, line(), time.losses, clock=time.clock, saving=each_step(stage))
    time.kill_at_s, time.now_s = None, 100.0
    for steps, seconds in ((4, 1), (8, 2)):
        train(stage, line(), time.losses, clock=time.clock, saving=each_step(stage))
        assert trained(stage) == {"steps": steps, "seconds": seconds, "steps_per_s": 4.0}


def test_a_training_in_two_calls_ends_with_the_weights_of_one_that_was_not_interrupted(tmp_path: Path) -> None:
    """Steps, averages, momenta, random numbers and falling rates all go on where they were."""
    whole, cut = (line_stage(tmp_path / name, Budget.of_steps(8)) for name in ("whole", "cut"))
    expected = train(whole, line(), line_losses)
    time = FakeTime(step_s=1.0)
    time.kill_at_s = 3.0
    with pytest.raises(Killed):
        train(cut, line(), time.losses, clock=time.clock, saving=each_step(cut))
    network = nn.Linear(1, 1)  # its weights come from the state
    found = train(cut, network, line_losses)
    assert trained(cut)["steps"] == 8
    assert torch.equal(found.weight, expected.weight) and torch.equal(found.bias, expected.bias)
    assert not torch.equal(network.weight, found.weight), "the average is not the last step"


def test_half_a_state_that_a_kill_left_is_not_read(tmp_path: Path) -> None:
    stage = line_stage(tmp_path, Budget.of_steps(3))
    train(stage, line(), line_losses)
    partial = stage.state.with_name("state.pt.new")
    partial.write_bytes(b"cut")
    train(stage, line(), line_losses)
    assert trained(stage)["steps"] == 6
    assert not partial.exists()


def test_a_stage_goes_on_with_the_learning_rates_of_this_call(tmp_path: Path) -> None:
    """The saved state brought those of the last call."""
    stage = line_stage(tmp_path, Budget.of_steps(3))
    train(stage, line(), line_losses)
    weights: list[float] = []

    def losses(network: nn.Linear, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        weights.append(network.weight.item())
        return line_losses(network, device, rng)

    train(replace(stage, optimizer=replace(ADAMW, learning_rate=0.0)), line(), losses)
    assert len(weights) == 3 and len(set(weights)) == 1


def test_two_stages_of_one_seed_draw_different_numbers(tmp_path: Path) -> None:
    drawn: dict[str, list[float]] = {"line": [], "other": []}
    for name, numbers in drawn.items():

        def losses(
            network: nn.Linear, device: torch.device, rng: np.random.Generator, numbers: list[float] = numbers
        ) -> dict[str, Tensor]:
            numbers.append(rng.random())
            return line_losses(network, device, rng)

        train(line_stage(tmp_path / name, Budget.of_steps(3), name=name), line(), losses)
    assert not set(drawn["line"]) & set(drawn["other"])


def test_losses_may_call_any_method_of_their_network(tmp_path: Path) -> None:
    class Named(nn.Linear):
        def at_one(self) -> Tensor:
            return self(torch.ones(1, 1))

    def losses(network: Named, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        return {"loss": network.at_one().square().mean()}

    assert train(line_stage(tmp_path, Budget.of_steps(2)), Named(1, 1), losses).at_one().isfinite()


def test_the_table_has_a_line_every_ten_seconds_and_is_drawn(tmp_path: Path) -> None:
    stage, time = line_stage(tmp_path, Budget.of_seconds(24.0)), FakeTime(step_s=4.0)
    train(stage, line(), time.losses, clock=time.clock)
    with stage.losses.open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["step", "loss"]
    assert [row[0] for row in rows] == ["3", "6"]
    assert stage.losses.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_a_state_of_a_network_that_was_described_otherwise_is_not_gone_on_with(tmp_path: Path) -> None:
    """Every weight would fit."""
    stage = line_stage(tmp_path, Budget.of_steps(1))
    train(stage, line(), line_losses, describe={"head_merge": "usual"})
    train(stage, line(), line_losses, describe={"head_merge": "usual"})
    with pytest.raises(RequestError, match="head_merge is usual, not released"):
        train(stage, line(), line_losses, describe={"head_merge": "released"})
    stage.description.unlink()
    with pytest.raises(RequestError, match="does not describe"):
        train(stage, line(), line_losses, describe={"head_merge": "usual"})
    assert trained(stage)["steps"] == 2


def test_a_description_without_a_state_is_replaced(tmp_path: Path) -> None:
    stage = line_stage(tmp_path, Budget.of_steps(1))
    stage.description.parent.mkdir(exist_ok=True)
    stage.description.write_text('{"head_merge": "released"}')
    train(stage, line(), line_losses, describe={"head_merge": "usual"})
    assert json.loads(stage.description.read_text()) == {"head_merge": "usual"}


def test_the_pace_is_that_after_the_first_line_before_which_much_may_be_prepared(tmp_path: Path) -> None:
    stage, time = line_stage(tmp_path, Budget.of_seconds(100.0)), FakeTime(step_s=4.0)
    steps = 0

    def losses(network: nn.Linear, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        nonlocal steps
        time.step_s = 60.0 if steps == 0 else 4.0
        steps += 1
        return time.losses(network, device, rng)

    train(stage, line(), losses, clock=time.clock)
    assert trained(stage) == {"steps": 11, "seconds": 100, "steps_per_s": 0.25}


class Growing:
    """Numbers that the losses draw from: 2, and 1,000 from step 3 on. It is killed before step `kill_at`."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.kill_at, self.count = kill_at, 0
        self.growth: list[list[int]] = []
        self.drawn: list[int] = []

    def grow(self, step: int) -> None:
        if step == self.kill_at:
            raise Killed
        count = 1000 if step >= 3 else 2
        if count != self.count:
            self.count = count
            self.growth.append([step, count])

    def state_dict(self) -> dict[str, list[list[int]]]:
        return {"growth": self.growth}

    def load_state_dict(self, state: dict[str, list[list[int]]]) -> None:
        self.growth = state["growth"]

    def losses(self, network: nn.Linear, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        self.drawn.append(int(rng.integers(self.count)))
        return {"loss": network(torch.tensor([[float(self.drawn[-1])]])).square().mean()}


def test_what_is_drawn_depends_on_the_step_and_on_how_many_there_are_and_the_state_tells_that(tmp_path: Path) -> None:
    whole, cut, rest = Growing(), Growing(kill_at=5), Growing()
    train(line_stage(tmp_path / "whole", Budget.of_steps(8)), line(), whole.losses, examples=whole)
    stage, time = line_stage(tmp_path / "cut", Budget.of_steps(8)), FakeTime(step_s=1.0)

    def timed(network: nn.Linear, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        time.now_s += 1
        return cut.losses(network, device, rng)

    with pytest.raises(Killed):
        train(stage, line(), timed, examples=cut, clock=time.clock, saving=each_step(stage))
    train(stage, line(), rest.losses, examples=rest)
    assert cut.drawn + rest.drawn == whole.drawn and max(whole.drawn[3:]) > 2
    assert whole.growth == [[0, 2], [3, 1000]]
    assert rest.growth == [[0, 2], [3, 1000], [5, 1000]], "and as it began again"
    saved = [torch.load(one / "state.pt", weights_only=True)["examples"] for one in (tmp_path / "whole", stage.folder)]
    assert saved == [{"growth": whole.growth}, {"growth": rest.growth}]


def test_weights_that_are_no_numbers_take_the_place_of_no_state(tmp_path: Path) -> None:
    """Between two lines of losses, the states that were kept could all become worthless."""
    stage = line_stage(tmp_path, Budget.of_steps(3))
    train(stage, line(), line_losses)
    before = stage.state.read_bytes()

    def broken(network: nn.Linear, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        return {"loss": line_losses(network, device, rng)["loss"] * float("nan")}

    with pytest.raises(RequestError, match="no numbers after step 4, and are not saved"):
        train(stage, line(), broken, saving=each_step(stage))
    assert stage.state.read_bytes() == before


def test_what_accelerate_is_configured_to_do_beside_changes_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of `accelerate config` with 4 steps of accumulation divided all gradients by 4, without a word."""
    plain = train(line_stage(tmp_path / "plain", Budget.of_steps(5)), line(), line_losses)
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "EAGER")
    found = train(line_stage(tmp_path / "other", Budget.of_steps(5)), line(), line_losses)
    assert torch.equal(found.weight, plain.weight)


@pytest.mark.parametrize("variable", sorted(SPLITTING))
def test_a_network_that_accelerate_would_split_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "true")
    with pytest.raises(RequestError, match=r"accelerate is configured for .* whole network.*--multi_gpu"):
        train(line_stage(tmp_path, Budget.of_steps(1)), line(), line_losses)
