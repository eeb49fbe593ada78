import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import tiny_checkpoint

HEAVY = ("torch", "SimpleITK", "transformers", "diffusers", "gradio", "nibabel", "scipy")


def imported(module: str, names: tuple[str, ...]) -> list[str]:
    """Those of the names that a fresh Python has imported after the module."""
    code = f"import sys, {module}; print(*[name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    "module", ["ctflow", "ctflow.__main__", "ctflow.card", "ctflow.generator", "ctflow.io.nifti", "ctflow.io.sidecar"]
)
def test_importing_it_brings_in_nothing_heavy(module: str) -> None:
    assert imported(module, HEAVY) == []


@pytest.mark.slow
def test_a_model_is_loaded_without_the_packages_whose_networks_it_has_too(tmp_path: Path) -> None:
    """They, and what torch imports to draw weights on its device meta, took most of the time to the first step."""
    heads = tiny_checkpoint(tmp_path / "tiny", heads=True)
    lines = f"from ctflow.pipeline import CTFlow; CTFlow.load(Path({str(heads)!r}), 'cpu')"
    slow = ("diffusers", "transformers", "SimpleITK", "torch._dynamo")
    assert imported(f"pathlib; from pathlib import Path; {lines}", slow) == []


@pytest.mark.slow
def test_training_needs_neither_the_app_nor_a_reader_of_scans() -> None:
    assert imported("ctflow.demo.recipe", ("gradio", "SimpleITK", "ctflow.io.scan")) == []
