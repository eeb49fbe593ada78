"""`train flow`: what it refuses, what a restart goes on with, and the model that it writes."""

import csv
import multiprocessing
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from ctflow.card import CARD, EndRule, Guidance, read_card, write_card
from ctflow.checkpoint.folder import folder_sha256, load_transformer
from ctflow.data.shards import Shards
from ctflow.errors import DatasetError, RequestError, ResourceError, VolumeError
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.training.flow.config import FlowConfig
from ctflow.training.flow.export import Export
from ctflow.training.flow.losses import squared_errors
from ctflow.training.flow.model import new_transformer, transformer_config
from ctflow.training.flow.samples import FlowSamples
from ctflow.training.flow.training import FlowTraining, train_flow
from ctflow.training.order import Place
from ctflow.training.restarts.stopping import TrainingStopped
from tests.app.full_disk import full_disk
from tests.training.flow.small_set import flow_config, flow_model, flow_set


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `model` and `set`."""
    folder = tmp_path_factory.mktemp("flow")
    flow_set(folder / "set", flow_model(folder / "model"))
    return folder


@pytest.fixture(scope="module")
def whole(made: Path) -> Path:
    """A training that nobody interrupted."""
    train_flow(training(made, made / "whole"))
    return made / "whole"


def training(made: Path, out: Path, config: FlowConfig | None = None, **changes: object) -> FlowTraining:
    settings = {"data": made / "set", "model": made / "model", "device": "cpu"} | changes
    return FlowTraining(config=config or flow_config(), out=out, **settings)  # type: ignore[arg-type]


def losses(out: Path) -> list[float]:
    with (out / "losses.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def weights(out: Path, state: str) -> dict[str, Tensor]:
    content = torch.load(out / "states" / state, weights_only=True)
    return content["network"] | {f"average {name}": one for name, one in content["average"].items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first.keys() | second.keys())


@pytest.mark.slow
def test_it_learns_and_has_a_line_of_losses_for_each_step_asked_for(made: Path, tmp_path: Path) -> None:
    config = flow_config(run={"steps": 60, "log_every": 10, "save_every": 100}, optimizer={"learning_rate": 1e-2})
    train_flow(training(made, tmp_path / "out", config))
    found = losses(tmp_path / "out")
    assert len(found) == 6 and found[-1] < 0.7 * found[0]


def test_the_loss_of_a_model_that_answers_nothing_is_that_of_the_published_step(made: Path) -> None:
    """(1 - ε) · noise - data is what is to be answered, and new models answer 0."""
    config = flow_config(objective={"prediction": "velocity"})
    samples = FlowSamples(Shards(made / "set"), config)
    drawn = default_collate([samples[Place(0, number)] for number in range(4)])
    sizes = transformer_config(config.model, samples.shards.facts, text_size=8)
    errors = squared_errors(new_transformer(sizes, seed=0), torch.device("cpu"), drawn, config)
    expected = ((1 - 1e-5) * drawn.noise - drawn.chunk).square().mean((1, 2, 3, 4))
    assert torch.allclose(errors, expected, rtol=1e-5)


@pytest.mark.slow
def test_the_last_states_are_kept_and_those_of_round_steps(made: Path, tmp_path: Path) -> None:
    config = flow_config(run={"steps": 9, "save_every": 1, "keep": 2, "keep_every": 4})
    train_flow(training(made, tmp_path, config))
    assert sorted(path.name for path in (tmp_path / "states").iterdir()) == [
        "00000004.pt",
        "00000008.pt",
        "00000009.pt",
    ]


@pytest.mark.slow
def test_a_training_that_was_stopped_goes_on_bit_for_bit(made: Path, whole: Path, tmp_path: Path) -> None:
    """The draws of a sample, its volume, the rates and all that the optimizer remembers are the same."""
    first = replace(flow_config(optimizer={"decay": "inverse_root"}))
    expected, cut = tmp_path / "expected", tmp_path / "cut"
    train_flow(training(made, expected, first))
    for steps in (1, 4, 6):
        train_flow(training(made, cut, replace(first, run=replace(first.run, steps=steps))))
    assert same(weights(cut, "00000006.pt"), weights(expected, "00000006.pt"))
    assert losses(cut) == losses(expected)


def test_parts_of_a_step_add_up_to_the_whole(made: Path, whole: Path, tmp_path: Path) -> None:
    train_flow(training(made, tmp_path, flow_config(batch={"accumulation": 4})))
    assert np.allclose(losses(tmp_path), losses(whole), rtol=1e-5)


@pytest.mark.slow
def test_processes_that_draw_ahead_change_nothing(made: Path, whole: Path, tmp_path: Path) -> None:
    train_flow(training(made, tmp_path, flow_config(run={"workers": 1})))
    assert losses(tmp_path) == losses(whole)
    assert not multiprocessing.active_children(), "they have ended with the training"


def test_blocks_that_are_computed_twice_give_the_same_weights(made: Path, whole: Path, tmp_path: Path) -> None:
    train_flow(training(made, tmp_path, flow_config(run={"recompute": True})))
    assert same(weights(tmp_path, "00000006.pt"), weights(whole, "00000006.pt"))


@pytest.mark.parametrize("asking", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_and_ctrl_c_save_and_stop_and_the_same_call_goes_on(
    made: Path, whole: Path, tmp_path: Path, asking: signal.Signals
) -> None:
    calls = 0
    original = signal.getsignal(asking)

    def clock() -> float:
        nonlocal calls
        calls += 1
        if calls == 3:
            signal.raise_signal(asking)
        return float(calls)

    with pytest.raises(TrainingStopped, match="at step 2"):
        train_flow(training(made, tmp_path), clock=clock)
    assert signal.getsignal(asking) is original
    assert [path.name for path in (tmp_path / "states").iterdir()] == ["00000002.pt"]
    assert not (tmp_path / "trained.json").exists()
    train_flow(training(made, tmp_path))
    assert same(weights(tmp_path, "00000006.pt"), weights(whole, "00000006.pt"))
    assert losses(tmp_path) == losses(whole)


def test_another_config_or_data_set_is_refused_by_name(made: Path, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"batch\.seed is 0, not 1"):
        train_flow(training(made, whole, flow_config(batch={"seed": 1})))
    other = flow_set(tmp_path / "other", made / "model", seed=1)
    with pytest.raises(RequestError, match="data is "):
        train_flow(training(made, whole, data=other))
    with pytest.raises(RequestError, match="from is None"):
        train_flow(training(made, whole, begin_with=whole / "model"))
    train_flow(training(made, whole, flow_config(run={"keep": 5})))  # what may differ


def test_a_model_with_other_encoders_is_refused(made: Path, tmp_path: Path) -> None:
    other = flow_model(tmp_path / "other")
    config = other / "text" / "config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(RequestError, match="another A-VAE or text encoder"):
        train_flow(training(made, tmp_path / "out", model=other))


def test_a_card_that_says_otherwise_of_the_latents_is_refused(made: Path, tmp_path: Path) -> None:
    """The model that was written would have taken them for latents of another scale, and shown no chest."""
    other = shutil.copytree(made / "model", tmp_path / "other")
    card = read_card(other / CARD)
    write_card(replace(card, latent=replace(card.latent, scale=2 * card.latent.scale)), other / CARD)
    for changes in ({"model": other}, {"begin_with": other}):
        with pytest.raises(RequestError, match=r"card\.json says another latent than"):
            train_flow(training(made, tmp_path / "out", **changes))


def test_shares_of_other_parts_than_the_reports_have_are_refused(made: Path, tmp_path: Path) -> None:
    """Too few left the last part, the impression, out of every sample; too many were a traceback."""
    for shares in ((1.0,), (0.8, 0.8, 0.75, 0.9)):
        config = flow_config(samples={"parts_kept": shares})
        with pytest.raises(RequestError, match=f"parts_kept has {len(shares)} shares, .* have 2 parts: .*one for each"):
            train_flow(training(made, tmp_path / "out", config))


def test_sizes_that_make_no_transformer_are_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="does not divide into num_heads 3"):
        train_flow(training(made, tmp_path, flow_config(model={"heads": 3})))


def test_the_model_that_is_written_makes_volumes_with_the_averaged_weights(made: Path, whole: Path) -> None:
    model = CTFlow.load(whole / "model", "cpu", precision="float32")
    card = model.card
    assert (card.name, card.prediction, card.end) == ("whole", "data", EndRule(tolerance=0.7, share=0.9))
    assert card.guidance == Guidance(trained=True, default=1.0)
    assert "6 steps of 4 samples on 5 volumes" in card.provenance
    found = load_transformer(whole / "model" / "transformer").state_dict()
    averaged = weights(whole, "00000006.pt")
    for name, weight in found.items():
        assert torch.equal(weight, averaged[f"average network.{name}"].bfloat16().to(weight.dtype)), name
    volume = model.generate(card.request(Report("Clear lungs."), seed=0))
    assert volume.hu.shape[1:] == (card.geometry.rows, card.geometry.columns)


def test_training_goes_on_from_a_checkpoints_transformer(made: Path, whole: Path, tmp_path: Path) -> None:
    still = flow_config(optimizer={"learning_rate": 0.0}, run={"steps": 1})
    train_flow(training(made, tmp_path / "out", still, begin_with=whole / "model"))
    first, second = (load_transformer(one / "model" / "transformer").state_dict() for one in (whole, tmp_path / "out"))
    assert same(first, second)
    with pytest.raises(RequestError, match="hidden_size is 16, not 32"):
        train_flow(training(made, tmp_path / "wide", flow_config(model={"hidden": 32}), begin_with=whole / "model"))
    velocity = flow_config(objective={"prediction": "velocity"})
    with pytest.raises(RequestError, match="answers with the data"):
        train_flow(training(made, tmp_path / "other", velocity, begin_with=whole / "model"))


def test_a_state_that_is_damaged_is_named(made: Path, tmp_path: Path) -> None:
    train_flow(training(made, tmp_path))
    last = tmp_path / "states" / "00000006.pt"
    last.write_bytes(last.read_bytes()[:-1000])
    with pytest.raises(DatasetError, match=r"00000006\.pt cannot be read"):
        train_flow(training(made, tmp_path))
    last.unlink()
    train_flow(training(made, tmp_path))


def test_a_loss_that_is_no_number_ends_the_training(made: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="The loss is no number since step"):
        train_flow(training(made, tmp_path, flow_config(optimizer={"learning_rate": 1e30}, run={"steps": 30})))


def test_memory_that_runs_out_is_told_with_what_helps(made: Path, tmp_path: Path) -> None:
    def clock() -> float:
        raise torch.OutOfMemoryError

    with pytest.raises(ResourceError, match=r"batch\.accumulation"):
        train_flow(training(made, tmp_path), clock=clock)


def test_a_full_disk_is_told_and_what_was_saved_stays(made: Path, tmp_path: Path) -> None:
    train_flow(training(made, tmp_path))
    longer = flow_config(run={"steps": 7})
    with full_disk(200_000), pytest.raises(VolumeError, match=r"00000007\.pt cannot be written\. .* room"):
        train_flow(training(made, tmp_path, longer))
    assert weights(tmp_path, "00000006.pt")
    export = Export(made / "model", tmp_path / "model", longer, "a set")
    before = folder_sha256(tmp_path / "model")
    network = load_transformer(tmp_path / "model" / "transformer")
    with full_disk(10_000), pytest.raises(VolumeError, match="model cannot be written"):
        export.write(network, 7)
    assert folder_sha256(tmp_path / "model") == before
    train_flow(training(made, tmp_path, longer))
