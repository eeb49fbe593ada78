"""What is installed: the app's packages, the version, and a wheel that works away from the clone."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ctflow
from ctflow.io.nifti import read_nifti

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_app_needs_what_the_library_needs_and_a_little_more() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    app = {line for line in lines if line and not line.startswith("#")}
    assert set(PROJECT["dependencies"]) < app
    own = app - set(PROJECT["dependencies"])
    assert sorted(re.split("[=>]", line)[0] for line in own) == ["filelock", "gradio", "plotly"]


def test_the_package_and_the_library_agree_on_the_version() -> None:
    assert PROJECT["version"] == ctflow.__version__


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a wheel of this tree is installed, without what it needs, which the tests' Python has."""
    place = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "ctflow", place / "source/ctflow", ignore=ignored)  # building leaves files behind
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place / "source")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(place), "./source"]
    subprocess.run(build, cwd=place, check=True)
    (wheel,) = place.glob("*.whl")
    install = [*pip, "install", "--no-deps", "--no-index", "--target", str(place / "installed"), str(wheel)]
    subprocess.run(install, cwd=place, check=True)
    return place / "installed"


def away_from_the_clone(
    installed: Path, words: list[str], cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "CTFLOW_CHECKPOINTS"}
    environment = {**inherited, "PYTHONPATH": str(installed), **environment}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False
    )


@pytest.mark.slow
def test_a_wheel_generates_away_from_the_clone(installed: Path, folder: Path, tmp_path: Path) -> None:
    where = away_from_the_clone(installed, ["-c", "import ctflow; print(ctflow.__file__)"], tmp_path).stdout
    assert Path(where.strip()).is_relative_to(installed)
    words = ["-m", "ctflow", "generate", "--report", "Clear.", "--model", folder.name, "--chunks", "1"]
    words += ["--seed", "1", "--device", "cpu", "--out", "a.nii.gz"]
    done = away_from_the_clone(installed, words, tmp_path, CTFLOW_CHECKPOINTS=str(folder.parent))
    assert done.returncode == 0, done.stderr
    assert read_nifti(tmp_path / "a.nii.gz").hu.shape == (4, 32, 32)


@pytest.mark.slow
def test_a_wheel_holds_all_files_and_says_where_it_looked_for_a_model(installed: Path, tmp_path: Path) -> None:
    for pattern in ("*.py", "*.toml"):
        files = {path.relative_to(ROOT) for path in (ROOT / "ctflow").rglob(pattern)}
        assert {path.relative_to(installed) for path in (installed / "ctflow").rglob(pattern)} == files
    words = ["-m", "ctflow", "generate", "--report", "Clear.", "--out", "a.nii.gz"]
    done = away_from_the_clone(installed, words, tmp_path, CTFLOW_CHECKPOINTS=str(tmp_path / "models"))
    assert done.returncode == 2
    assert f"Looked in {tmp_path / 'models'}, checkpoints" in done.stderr and "CTFLOW_CHECKPOINTS" in done.stderr
