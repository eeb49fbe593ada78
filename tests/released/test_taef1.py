"""TAEF1, the small decoder that a model with FLUX's latents may have beside its A-VAE."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny

from ctflow.__main__ import main
from ctflow.card import read_card
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.errors import CheckpointError, RequestError
from ctflow.io.nifti import read_nifti
from ctflow.io.sidecar import read_sidecar
from ctflow.pipeline import CTFlow
from ctflow.released.convert import convert
from ctflow.report import Report
from ctflow.runtime.decoding import Finish, PendingSlices, as_decoded
from ctflow.runtime.device import resolve_precision
from ctflow.runtime.engine import Engine, EngineFactory, engine_on
from tests.fabricated import WEIGHTS, fabricated, run_convert, taef1_folder, words_of

REPORT = Report("No pleural effusion.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted ctflow-v1 with TAEF1."""
    place = tmp_path_factory.mktemp("taef1")
    v1 = fabricated(place / "v1", "ctflow-v1")
    convert(v1.spec, replace(v1.sources, taef1=taef1_folder(place / "small")), place / "model")
    return place / "model"


def test_it_decodes_the_transformers_latents_as_they_are_to_the_mean_of_its_channels(folder: Path) -> None:
    loaded = load_checkpoint(folder)
    assert loaded.taef1 is not None and loaded.avae.scale == 0.3611
    latents = torch.randn(7, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    alone = AutoencoderTiny.from_pretrained(folder / "taef1")
    with torch.inference_mode():
        expected = alone.decode(latents).sample.mean(1)
        torch.testing.assert_close(loaded.taef1.decode(latents), expected, rtol=1e-5, atol=1e-5)
    assert expected.shape == (7, 64, 64)


def noting(latents: list[torch.Tensor]) -> EngineFactory:
    """Makes engines that add to `latents` what they decode."""

    def make(*networks: Any) -> Engine:
        plain = engine_on(*networks)

        def decode(given: torch.Tensor, finish: Finish = as_decoded) -> PendingSlices:
            latents.append(given.clone())
            return plain.decode(given, finish)

        return replace(plain, decode=decode)

    return make


def test_volumes_differ_by_the_decoder_alone(folder: Path) -> None:
    latents: dict[str, list[torch.Tensor]] = {"avae": [], "taef1": []}
    avae, taef1 = (
        CTFlow.load(folder, "cpu", decoder=name, make_engine=noting(decoded)) for name, decoded in latents.items()
    )
    request = avae.card.request(REPORT, seed=1, steps=2, chunks=2)
    one, other = avae.generate(request), taef1.generate(request)
    assert one.hu.shape == other.hu.shape and (one.hu != other.hu).any()
    assert other.hu.min() >= -1000 and other.hu.max() <= 1400
    np.testing.assert_array_equal(one.affine, other.affine)
    assert torch.equal(*map(torch.cat, latents.values())), "so a volume ends where it would with the A-VAE"


@pytest.mark.gpu
def test_on_a_gpu_it_gives_the_cpus_slices_except_for_rounding(folder: Path) -> None:
    latents = torch.randn(8, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    slices = []
    for device in (torch.device("cpu"), torch.device("cuda")):
        loaded = load_checkpoint(folder)
        assert loaded.taef1 is not None
        precision = resolve_precision(device, "auto")
        engine = engine_on(device, loaded.transformer.to(device), loaded.taef1.to(device), "plain", precision)
        with torch.inference_mode():
            slices.append(engine.decode(latents.to(device)).wait())
    expected, found = slices
    assert (found - expected).square().mean().sqrt() < 0.03 * expected.std()


def test_a_sidecar_names_its_decoder_and_is_refused_with_another(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(folder), "--device", "cpu"]
    settings = ["--report", "Clear.", "--seed", "3", "--steps", "2", "--chunks", "1"]
    assert main(["generate", *settings, *model, "--decoder", "taef1", "--out", str(tmp_path / "a.nii")]) == 0
    assert read_sidecar(tmp_path / "a.json").model.name == "ctflow-v1 with TAEF1"
    again = ["generate", "--from", str(tmp_path / "a.json"), *model, "--out", str(tmp_path / "b.nii")]
    assert main(again) == 2
    assert "was made by ctflow-v1 with TAEF1" in capsys.readouterr().err
    assert main([*again, "--decoder", "taef1"]) == 0
    np.testing.assert_array_equal(read_nifti(tmp_path / "a.nii").hu, read_nifti(tmp_path / "b.nii").hu)


def test_a_model_without_it_says_how_to_get_it(tmp_path: Path) -> None:
    v1 = fabricated(tmp_path / "v1", "ctflow-v1")
    convert(v1.spec, v1.sources, tmp_path / "model")
    with pytest.raises(RequestError, match=r"no decoder 'taef1'.*--taef1"):
        CTFlow.load(tmp_path / "model", "cpu", decoder="taef1")


def test_the_command_adds_it_from_where_it_is_published_or_from_a_folder(tmp_path: Path) -> None:
    v1 = fabricated(tmp_path / "v1", "ctflow-v1")
    small, asked = taef1_folder(tmp_path / "small"), []

    def fetch(address: str, _: tuple[str, ...]) -> Path:
        asked.append(address)
        return small if address == "madebyollin/taef1" else Path(address)

    for given in ([], [str(small)]):
        out = tmp_path / f"model{len(given)}"
        run_convert("ctflow-v1", *words_of(v1.sources), "--taef1", *given, "--out", str(out), fetch=fetch)
        assert (out / "taef1" / WEIGHTS).read_bytes() == (small / WEIGHTS).read_bytes()
        assert read_card(out / "card.json").name == "ctflow-v1"
    assert asked.count("madebyollin/taef1") == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: os.truncate(f / WEIGHTS, 1000), "cannot be read as safetensors"),
        (lambda f: (f / WEIGHTS).unlink(), "download is not complete"),
        (lambda f: edit(f, latent_channels=3), "instead of"),
        (lambda f: edit(f, _class_name="AutoencoderKL"), "config of 'AutoencoderKL'"),
        (lambda f: edit(f, scaling_factor=0.5), "is not TAEF1's"),
        (lambda f: edit(f, shift_factor=None), "is not TAEF1's"),
        (lambda f: taef1_folder(f, decoder_block_out_channels=[8, 8]), "makes no AutoencoderTiny"),
    ],
)
def test_what_is_not_taef1_is_refused(tmp_path: Path, spoil: Callable[[Path], object], said: str) -> None:
    v1 = fabricated(tmp_path / "v1", "ctflow-v1")
    small = taef1_folder(tmp_path / "small")
    spoil(small)
    with pytest.raises(CheckpointError, match=said):
        convert(v1.spec, replace(v1.sources, taef1=small), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def edit(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_model_with_latents_of_its_own_takes_none(tmp_path: Path) -> None:
    v2 = fabricated(tmp_path / "v2", "ctflow-v2")
    with pytest.raises(CheckpointError, match="ctflow-v2 has its own"):
        convert(v2.spec, replace(v2.sources, taef1=taef1_folder(tmp_path / "small")), tmp_path / "model")


def test_other_latents_than_the_models_are_refused_when_it_is_loaded(folder: Path, tmp_path: Path) -> None:
    spoiled = tmp_path / "spoiled"
    spoiled.mkdir()
    for part in folder.iterdir():
        if part.name != "taef1":
            (spoiled / part.name).symlink_to(part)
    AutoencoderTiny(
        latent_channels=3,
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    ).save_pretrained(spoiled / "taef1")
    with pytest.raises(CheckpointError, match="channels of TAEF1: 3 against 4"):
        load_checkpoint(spoiled)


def test_the_published_size_fits_flux() -> None:
    published = AutoencoderTiny(latent_channels=16)
    assert round(sum(parameter.numel() for parameter in published.parameters()) / 1e6, 1) == 2.5
    assert published.config.block_out_channels == (64, 64, 64, 64)


def test_in_half_precision_it_gives_no_nan(folder: Path) -> None:
    """As on a GPU without bf16, on which FLUX's A-VAE must stay in float32."""
    taef1 = load_checkpoint(folder).taef1
    assert taef1 is not None
    latents = 4 * torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = taef1.decode(latents)
        taef1.network.half()
        found = taef1.decode(latents)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)
