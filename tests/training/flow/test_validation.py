"""Validation: the same samples in every training, by part and time, and pictures of what the model makes."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ctflow.data.shards import Shards
from ctflow.errors import RequestError, ResourceError
from ctflow.training.flow.pictures import middle_planes, upright
from ctflow.training.flow.training import train_flow
from ctflow.training.flow.validation import PARTS, T_BINS, ValidationSamples, start_of, t_of
from ctflow.training.flow.watcher import ChipUse
from tests.training.flow.small_set import flow_config, flow_model, flow_set
from tests.training.flow.test_training import training


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `model`, `set` and, of other patients, `valid`."""
    folder = tmp_path_factory.mktemp("validation")
    model = flow_model(folder / "model")
    flow_set(folder / "set", model)
    flow_set(folder / "valid", model, seed=1, first_patient=100)
    return folder


def test_the_chunk_of_each_part_of_a_volume_is_the_one_that_generation_makes_there() -> None:
    rng = np.random.default_rng(0)
    assert {start_of("first", 13, 4, rng) for _ in range(20)} == {0}
    assert {start_of("inside", 13, 4, rng) for _ in range(50)} == {4, 8}
    assert {start_of("end", 13, 4, rng) for _ in range(20)} == {12}
    assert {start_of("end", 12, 4, rng) for _ in range(20)} == {12}, "a chunk that is all white"
    assert {start_of("inside", 5, 4, rng) for _ in range(20)} == {4}


def test_all_parts_and_times_are_seen_as_often_and_whatever_the_trainings_seed(made: Path) -> None:
    config = flow_config(run={"validation_samples": 2 * len(PARTS) * T_BINS}, samples={"text_dropout": 1.0})
    samples = ValidationSamples.of(Shards(made / "valid"), config)
    drawn = [samples[number] for number in range(len(samples))]
    assert np.array_equal(np.bincount([int(one.part) for one in drawn]), [16, 16, 16])
    assert np.array_equal(np.bincount([int(one.t_bin) for one in drawn]), [6] * T_BINS)
    assert all(one.sample.t == pytest.approx(t_of(int(one.t_bin))) for one in drawn)
    assert all(one.sample.text.any() for one in drawn), "no report is dropped"
    other = ValidationSamples.of(samples.samples.shards, replace(config, batch=replace(config.batch, seed=9)))
    assert torch.equal(other[3].sample.noise, drawn[3].sample.noise)


def test_losses_and_pictures_are_written_and_tracked(made: Path, tmp_path: Path) -> None:
    config = flow_config(
        run={"steps": 4, "validate_every": 2, "validation_samples": 24, "pictures": 1, "tracker": "tensorboard"}
    )
    reports = {row.name: "Findings: none." for row in Shards(made / "valid").rows}
    chip = ChipUse(gflop_per_sample=1.0, peak_gflop_per_s=1000.0)
    train_flow(training(made, tmp_path, config, valid=made / "valid", reports=reports, chip_use=lambda _: chip))
    with (tmp_path / "valid.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["step"], second["step"]) == ("2", "4")
    by_t = [float(second[f"valid/t={t_of(t_bin):.4f}"]) for t_bin in range(T_BINS)]
    assert np.mean(by_t) == pytest.approx(float(second["valid/loss"]), rel=1e-5)
    assert np.mean([float(second[f"valid/{part}"]) for part in PARTS]) == pytest.approx(np.mean(by_t), rel=1e-5)
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["00000002 0.png", "00000004 0.png"]
    tracked = EventAccumulator(str(tmp_path / "flow"))
    tracked.Reload()
    assert {"loss", "learning_rate", "valid/end", "time_outside"} <= set(tracked.Tags()["scalars"])
    assert tracked.Tags()["images"] == ["volume 0"]
    by_name = {name: tracked.Scalars(name)[-1].value for name in ("samples_per_s", "share_of_peak")}
    assert by_name["share_of_peak"] == pytest.approx(by_name["samples_per_s"] / 1000, rel=1e-4)


def test_a_validation_that_is_made_again_has_one_line(made: Path, tmp_path: Path) -> None:
    """The last state, from which a restart goes on, is older than the validation."""
    config = flow_config(run={"steps": 4, "validate_every": 2, "validation_samples": 24, "pictures": 0})
    train_flow(training(made, tmp_path, config, valid=made / "valid"))
    before = (tmp_path / "valid.csv").read_text()
    (tmp_path / "states" / "00000004.pt").unlink()
    train_flow(training(made, tmp_path, config, valid=made / "valid"))
    again = (tmp_path / "valid.csv").read_text()
    assert [line.split(",")[0] for line in again.splitlines()] == ["step", "2", "4"] and again == before


@pytest.mark.filterwarnings("ignore:.*no supported trackers")  # accelerate says so too
def test_a_tracker_that_is_not_installed_is_an_error_before_anything_is_trained(made: Path, tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="The tracker mlflow needs its package"):
        train_flow(training(made, tmp_path, flow_config(run={"tracker": "mlflow"})))


def test_a_set_with_scans_of_the_training_under_other_names_is_refused(made: Path, tmp_path: Path) -> None:
    """One patient may have several numbers, as where exports were made anonymous one by one."""
    again = flow_set(tmp_path / "again", made / "model", first_patient=100, first_scan=3)
    with pytest.raises(RequestError, match=r"has 2 scans of .*, byte for byte, .*valid_100_a_1.* is .*_3_a_1"):
        train_flow(training(made, tmp_path / "out", valid=again))


def test_a_set_with_patients_of_the_training_or_of_another_kind_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="has 5 patients of"):
        train_flow(training(made, tmp_path / "out", valid=made / "set"))
    other = flow_model(tmp_path / "model")
    (other / "text" / "config.json").write_text((other / "text" / "config.json").read_text() + " ")
    with pytest.raises(RequestError, match="another encoders_sha256"):
        train_flow(training(made, tmp_path / "out", valid=flow_set(tmp_path / "set", other, first_patient=100)))


def test_pictures_show_volumes_upright() -> None:
    """Whatever a model's axes are: slices from the head, rows from the front, columns from the patient's right."""
    upside = np.arange(24).reshape(2, 3, 4)
    assert np.array_equal(upright(upside, ("I", "P", "L")), upside)
    assert np.array_equal(upright(np.flip(upside, 0), ("S", "P", "L")), upside)
    assert np.array_equal(upright(np.flip(upside, (1, 2)), ("I", "A", "R")), upside)
    assert np.array_equal(upright(upside.swapaxes(1, 2), ("I", "L", "P")), upside)
    axial, coronal, sagittal = middle_planes(upside)
    assert axial.shape == (3, 4) and coronal.shape == (2, 4) and sagittal.shape == (2, 3)
