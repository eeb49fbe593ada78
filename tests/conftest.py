"""What holds for every test."""

import locale
from pathlib import Path

import pydantic.v1  # noqa: F401
import pytest
from hypothesis import HealthCheck, settings

from ctflow.pipeline import CTFlow
from tests.tiny import tiny_checkpoint

# `pydantic.v1`: FastAPI imports it where a page is made, and an import fails in some versions of Python where the
# garbage collector comes in between and what it clears warns (CPython's issue 106176). Here nothing is to be cleared.

LOCALE = locale.setlocale(locale.LC_ALL)  # in which later tests read text files

# A busy machine is slow at making examples too: that says nothing about what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_runtest_teardown() -> None:
    """A test that reads DICOM by SimpleITK itself leaves the process with the locale "C" (see ctflow/io/itk.py)."""
    locale.setlocale(locale.LC_ALL, LOCALE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder: Path) -> CTFlow:
    """In float32 on every machine: in bf16, a slice depends on how many it is decoded with."""
    return CTFlow.load(folder, "cpu", precision="float32")
