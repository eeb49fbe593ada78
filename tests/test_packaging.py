import re
import tomllib
from pathlib import Path

import ctflow

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_app_needs_what_the_library_needs_and_a_little_more() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    app = {line for line in lines if line and not line.startswith("#")}
    assert set(PROJECT["dependencies"]) < app
    own = app - set(PROJECT["dependencies"])
    assert sorted(re.split("[=>]", line)[0] for line in own) == ["filelock", "gradio"]


def test_the_package_and_the_library_agree_on_the_version() -> None:
    assert PROJECT["version"] == ctflow.__version__
