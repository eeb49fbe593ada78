"""What holds for every test."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ctflow.pipeline import CTFlow
from tests.tiny import tiny_checkpoint

# A busy machine is slow at making examples too: that says nothing about what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder: Path) -> CTFlow:
    return CTFlow.load(folder, "cpu")
