"""The config of `train flow`: TOML, presets, and what is said of a field that is wrong or unknown."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from ctflow.data.manifest import SetFacts
from ctflow.errors import RequestError
from ctflow.models.stdit import STDiT
from ctflow.training.config.file import as_toml
from ctflow.training.flow.config import FlowConfig, described_fields, read_config
from ctflow.training.flow.model import transformer_config
from ctflow.training.flow.presets import PRESETS
from tests.tiny import CARD
from tests.training.flow.small_set import flow_facts, flow_model

PARAMETERS = {"S": 37_200_000, "B": 147_600_000, "L": 513_700_000}  # as published


def read(folder: Path, text: str) -> FlowConfig:
    path = folder / "config.toml"
    path.write_text(text)
    return read_config(path, PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_config_that_is_shown_is_read_back_equal(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, as_toml(PRESETS[name])) == PRESETS[name]


def test_a_file_holds_only_what_differs_from_its_preset(tmp_path: Path) -> None:
    found = read(tmp_path, 'preset = "S"\n[batch]\nsize = 64\n[samples]\nparts_kept = [0.8, 1.0]\n')
    expected = replace(
        PRESETS["S"],
        batch=replace(PRESETS["S"].batch, size=64),
        samples=replace(PRESETS["S"].samples, parts_kept=(0.8, 1.0)),
    )
    assert found == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('preset = "XL"', "names the preset 'XL'; there are S, B, L, phantom"),
        ('preset = "S"\nsteps = 3', "steps is not known"),
        ('preset = "S"\n[run]\nstep = 3', r"run\.step is not known"),
        ('preset = "S"\n[samples]\nstart_boost = 1.5', r"samples\.start_boost is wrong .*less than or equal to 1"),
        ('preset = "S"\n[batch]\nsize = 2.5', r"batch\.size is wrong"),
        ('preset = "S"\nrun = 3', "run is wrong"),
        ("[run]\nsteps = 3", "names no preset to take them from"),
        ("steps 3", "cannot be read as TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        read(tmp_path, text)


def test_every_field_is_described() -> None:
    described = dict(described_fields())
    assert list(described) == [
        name
        for table, fields in asdict(PRESETS["L"]).items()
        for name in (table, *(f"{table}.{field}" for field in fields))
    ]
    assert all(len(text) > 10 for text in described.values())


def test_all_but_how_a_training_runs_must_stay_the_same_when_it_goes_on() -> None:
    config = PRESETS["L"]
    longer = replace(config, run=replace(config.run, steps=1, workers=0))
    assert longer.plan() == config.plan()
    assert replace(config, batch=replace(config.batch, size=1)).plan() != config.plan()


@pytest.fixture(scope="module")
def published_facts(tmp_path_factory: pytest.TempPathFactory) -> SetFacts:
    facts = flow_facts(flow_model(tmp_path_factory.mktemp("model")))
    return replace(
        facts,
        geometry=replace(CARD.geometry, slices_per_chunk=16, rows=256, columns=256),
        latent=replace(CARD.latent, channels=16, rows=32, columns=32),
    )


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_presets_have_as_many_parameters_as_the_published_models(published_facts: SetFacts, name: str) -> None:
    config = transformer_config(PRESETS[name].model, published_facts, text_size=768)
    with torch.device("meta"):
        model = STDiT(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(PARAMETERS[name], rel=2e-3)
