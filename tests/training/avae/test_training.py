"""`train avae` as a whole: it learns, goes on bit for bit, and writes a model that loads and is another one."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.data.encoder import encoders_sha256
from ctflow.data.slice_pairs import PairedVolume
from ctflow.errors import RequestError, VolumeError
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.training.avae.config import FILE, AvaeConfig
from ctflow.training.avae.perceptual import load_perceptual
from ctflow.training.avae.presets import PRESETS
from ctflow.training.avae.slices import split_by_patient
from ctflow.training.avae.training import AvaeTraining, export_avae, train_avae
from ctflow.training.config.file import as_toml
from tests.app.full_disk import full_disk
from tests.training.avae.pairs import VOLUMES, avae_config, avae_training
from tests.training.avae.test_perceptual import lpips_file, squeezenet_file

ROOT = {"decay": "inverse_root"}  # the rate does not depend on how many steps are asked for


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("avae")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On tensors as small as these, threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trained(place: Path, config: AvaeConfig, out: str) -> tuple[AvaeTraining, AutoencoderKL]:
    training = avae_training(place, config, out)
    return training, train_avae(training)


@pytest.mark.slow
def test_the_error_falls_and_the_model_that_is_written_has_another_avae(place: Path) -> None:
    config = avae_config(
        run={"steps": 40, "save_every": 40},
        optimizer={"learning_rate": 5e-3},
        losses={"kl": 0.0},
        adversarial={"begins": 1000},
    )
    training, avae = trained(place, config, "falls")
    with (training.out / "losses.csv").open(newline="") as table:
        errors = [float(row["absolute"]) for row in csv.DictReader(table)]
    assert errors[-1] < 0.7 * errors[0]
    model = load_checkpoint(export_avae(training, avae))
    base = load_checkpoint(training.model)
    assert model.sha256 != base.sha256 and encoders_sha256(training.out / "model") != encoders_sha256(training.model)
    assert "40 steps" in model.card.provenance and "prepare the data anew" in model.card.notice
    assert all(map(torch.equal, model.transformer.state_dict().values(), base.transformer.state_dict().values()))
    assert model.ctclip is not None and model.reader is not None


def test_latents_of_the_new_model_have_mean_0_and_spread_1(place: Path) -> None:
    training, avae = trained(place, avae_config(), "statistics")
    model = load_checkpoint(export_avae(training, avae))
    volumes, _ = training.volumes()
    slices = torch.cat([torch.tensor(training.pairs.of(volume)).flatten(0, 1) for volume in volumes])
    with torch.inference_mode():
        latents = model.avae.encode(model.card.intensity.to_intensity_like(slices.float()))
    assert latents.mean().item() == pytest.approx(0, abs=0.02)
    assert latents.std().item() == pytest.approx(1, abs=0.02)


def test_a_decoder_alone_keeps_the_latents_and_their_scale(place: Path) -> None:
    training, avae = trained(place, avae_config(losses={"trained": "decoder"}), "decoder")
    model, base = (load_checkpoint(folder) for folder in (export_avae(training, avae), training.model))
    assert model.card.latent == base.card.latent and "prepare" not in model.card.notice
    encoders = (one.avae.network.encoder.state_dict().values() for one in (model, base))
    assert all(map(torch.equal, *encoders))
    decoders = (one.avae.network.decoder.state_dict().values() for one in (model, base))
    assert not all(map(torch.equal, *decoders))


@pytest.mark.slow
def test_a_training_in_two_calls_ends_with_the_weights_of_one(place: Path) -> None:
    """The discriminator, both sets of momenta, the order and every draw go on where they were."""
    _, whole = trained(place, avae_config(run={"steps": 6, "save_every": 2}, optimizer=ROOT), "whole")
    trained(place, avae_config(run={"steps": 3, "save_every": 2}, optimizer=ROOT), "cut")
    states = place / "cut" / "states"
    assert sorted(path.name for path in states.iterdir()) == ["00000002.pt", "00000003.pt"]
    (states / "00000003.pt").unlink()  # a kill after the second step
    _, cut = trained(place, avae_config(run={"steps": 6, "save_every": 2}, optimizer=ROOT), "cut")
    assert all(map(torch.equal, whole.state_dict().values(), cut.state_dict().values()))


def test_another_training_does_not_go_on_in_the_same_folder(place: Path) -> None:
    training, _ = trained(place, avae_config(run={"steps": 2}), "same")
    other = replace(training, config=avae_config(run={"steps": 4}, losses={"kl": 0.5}))
    with pytest.raises(RequestError, match=r"losses\.kl is 0\.001, not 0\.5"):
        train_avae(other)


def test_lpips_is_a_loss_and_part_of_what_must_stay_the_same(place: Path) -> None:
    files = squeezenet_file(place / "net.pth"), lpips_file(place / "lpips.pth", "squeezenet1_1")
    by_lpips = {"perceptual": 1.0, "perceptual_network": "squeezenet1_1", "midpoint_distance": "perceptual"}
    config = avae_config(losses=by_lpips, slices={"crop": 0}, run={"steps": 2})
    training = replace(
        avae_training(place, config, "lpips"), perceptual=(load_perceptual("squeezenet1_1", *files), "one hash")
    )
    train_avae(training)
    with (training.out / "losses.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert all(float(row["perceptual"]) > 0 for row in rows) and float(rows[1]["midpoint"]) > 0
    with pytest.raises(RequestError, match="perceptual weights is one hash, not another"):
        train_avae(replace(training, perceptual=(load_perceptual("squeezenet1_1", *files), "another")))


def test_a_disk_that_is_full_for_the_model_is_said_as_such(place: Path) -> None:
    """After the training of hours it was a traceback."""
    training = avae_training(place, avae_config(run={"steps": 2}), "full")
    tuned = train_avae(training)
    with full_disk(10_000), pytest.raises(VolumeError, match=r"full/model cannot be written .* Free some room"):
        export_avae(training, tuned)
    assert export_avae(training, tuned) == place / "full/model"


def test_a_scan_that_is_held_out_is_not_trained_on_under_another_name() -> None:
    volumes = [
        PairedVolume(number=number, name=str(number), patient=f"p{number}", source_sha256=f"{number % 3}", reason="")
        for number in range(6)
    ]
    trained_on, measured_on = split_by_patient(volumes, 1, seed=0)
    assert len(measured_on) == 1 and len(trained_on) == 4


def test_slices_are_drawn_by_the_seed_and_held_out_by_patient(place: Path) -> None:
    volumes = avae_training(place, avae_config()).pairs.volumes
    for held_out in (1, 2, 3):
        trained_on, measured_on = split_by_patient(volumes, held_out, seed=0)
        assert len(trained_on) + len(measured_on) == VOLUMES and len(measured_on) >= held_out
        assert not {one.patient for one in trained_on} & {one.patient for one in measured_on}
    assert split_by_patient(volumes, 2, seed=0) == split_by_patient(volumes, 2, seed=0)
    with pytest.raises(RequestError, match="none is left to train on"):
        split_by_patient(volumes, VOLUMES, seed=0)


def test_a_crop_that_no_latents_stand_for_is_refused(place: Path) -> None:
    for crop in (18, 64):
        with pytest.raises(RequestError, match=r"slices\.crop is 0, or a multiple of 4 up to 32"):
            train_avae(avae_training(place, avae_config(slices={"crop": crop}), "crop"))


def test_a_discriminator_that_leaves_nothing_of_a_crop_is_refused(place: Path) -> None:
    config = avae_config(slices={"crop": 16}, adversarial={"layers": 3})
    with pytest.raises(RequestError, match=r"adversarial\.layers is 3, and 16 rows halved so often are 2"):
        train_avae(avae_training(place, config, "layers"))
    smallest = avae_config(slices={"crop": 12}, adversarial={"layers": 2}, run={"steps": 2})
    train_avae(avae_training(place, smallest, "smallest"))


def test_a_preset_is_read_back_as_it_is_shown(tmp_path: Path) -> None:
    for name, preset in PRESETS.items():
        (tmp_path / "whole.toml").write_text(as_toml(preset))
        assert FILE.read(tmp_path / "whole.toml", PRESETS) == preset
        (tmp_path / "named.toml").write_text(f'preset = "{name}"\n[run]\nsteps = 7\n')
        assert FILE.read(tmp_path / "named.toml", PRESETS) == replace(preset, run=replace(preset.run, steps=7))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[losses]\nlpips = 1\n", "losses.lpips is not known"),
        ("[losses]\nperceptual = 1.0\n", "perceptual_network is none exactly where nothing is measured by it"),
        ("[losses]\nperceptual_network = 'vgg16'\n", "perceptual_network is none exactly where"),
        ("[adversarial]\nwidth = 12\n", "adversarial.width is wrong"),
        ("[slices]\nheld_out_volumes = 0\n", "slices.held_out_volumes is wrong"),
    ],
)
def test_a_config_of_no_sense_is_refused_by_the_field(tmp_path: Path, given: str, said: str) -> None:
    (tmp_path / "config.toml").write_text(f'preset = "phantom"\n{given}')
    with pytest.raises(RequestError, match=said):
        FILE.read(tmp_path / "config.toml", PRESETS)
