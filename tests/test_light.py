import subprocess
import sys

import pytest

HEAVY = ("torch", "SimpleITK", "transformers", "diffusers", "gradio", "scipy")


@pytest.mark.parametrize(
    "module", ["ctflow", "ctflow.__main__", "ctflow.card", "ctflow.events", "ctflow.io.nifti", "ctflow.io.sidecar"]
)
def test_importing_it_brings_in_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.split() == []
