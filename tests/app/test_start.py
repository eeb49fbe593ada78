"""`app.py` as it is started: by hand, on a Space, and by the Dockerfile, whose own lines are run here."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctflow.runtime.compiler import COMPILERS
from tests.app.server import START_S, free_port

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
# Nobody can write there, not even root.
NOWHERE = "/proc/none"


def lines(instruction: str) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in DOCKERFILE.splitlines() if line.startswith(f"{instruction} ")]


def app(*words: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `python app.py` to its end."""
    command = [sys.executable, "app.py", *words]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, encoding="utf-8", check=False
    )


@pytest.mark.slow
def test_a_model_that_is_not_there_is_one_line_and_code_2() -> None:
    done = app("--model", "none-such")
    assert done.returncode == 2
    assert done.stderr.startswith("CTFlow cannot start: The model cannot") or "No model at 'none-such'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_released_model_that_is_not_here_says_the_command_that_fetches_it_and_its_licences(tmp_path: Path) -> None:
    """In a copy of the clone, because this one may have the model."""
    shutil.copy(ROOT / "app.py", tmp_path)
    for package in ("app", "ctflow"):
        shutil.copytree(ROOT / package, tmp_path / package)
    done = app("--model", "ctflow-v1", folder=tmp_path)
    assert done.returncode == 2
    assert "python -m ctflow convert ctflow-v1" in done.stderr
    assert "Apache-2.0" in done.stderr and "CC-BY-NC-SA-4.0" in done.stderr and "hf auth login" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("--cuda", "graph", "--device", "cpu"), ("--decoder", "taef1"), ("--device", "cuda")]
)
def test_a_setting_that_the_model_or_the_machine_cannot_have_is_one_line_and_code_2(words: tuple[str, ...]) -> None:
    done = app(*words, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    assert done.stderr.count("CTFlow cannot start: ") == 1 and "Traceback" not in done.stderr


@pytest.mark.slow
def test_zerogpu_has_no_gpu_when_the_app_starts(tmp_path: Path) -> None:
    """A stream of CUDA was made at once, and the start ended in a traceback of the `spaces` package."""
    (tmp_path / "spaces.py").touch()  # as if the package were installed, which is so on Spaces alone
    done = app("--cuda", "graph", PYTHONPATH=str(tmp_path), SPACES_ZERO_GPU="1")
    assert done.returncode == 2
    assert "leave out --cuda graph" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_login_without_a_password_does_not_leave_the_door_open() -> None:
    done = app(CTFLOW_AUTH="reader")
    assert done.returncode == 2
    assert "CTFLOW_AUTH is a name and a password" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "99999"], "argument --port: a port from 1 to 65535 was expected; got 99999"),
        (["--max-gb", "nan"], "a number from 0 to a billion was expected; got 'nan'"),
        (["--max-waiting", "-1"], "a number from 0"),
        (["--keep-hours", "long"], "argument --keep-hours: "),
        (["--device", "tpu"], "argument --device: invalid choice"),
    ],
)
def test_a_setting_with_a_wrong_value_is_one_line_and_code_2(words: list[str], message: str) -> None:
    done = app(*words)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_port_that_is_taken_is_one_line_and_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = app("--host", "127.0.0.1", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "CTFlow cannot start: Cannot find empty port" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_everything_that_the_image_copies_is_there() -> None:
    copied = {source for line in lines("COPY") for source in line.split()[:-1] if not source.startswith("--")}
    assert all((ROOT / source).exists() for source in copied)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line.strip("!/") for line in ignored if line.startswith("!")}
    assert kept == copied


def test_the_image_runs_as_nobody() -> None:
    assert lines("USER") == ["nobody"]


def test_the_image_can_compile_for_a_gpu_and_keeps_what_it_compiles_where_nobody_may_write() -> None:
    """Triton's own place is in the home, and nobody's cannot be written to."""
    (install,) = (line for line in lines("RUN") if "apt-get install" in line)
    assert set(COMPILERS) & set(install.split())
    places = dict(pair.split("=", 1) for line in lines("ENV") for pair in line.split())
    for cache in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "CUDA_CACHE_PATH"):
        assert places[cache].startswith("/tmp/")


@pytest.fixture
def container(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Starts what the image starts, in its environment alone; gives that environment."""
    pairs = dict(pair.split("=", 1) for line in lines("ENV") for pair in line.split())
    changed = {"GRADIO_SERVER_PORT": str(free_port()), "GRADIO_SERVER_NAME": "127.0.0.1"}
    kept = {name: os.environ[name] for name in ("PATH", "OMP_NUM_THREADS") if name in os.environ}
    places = {name: str(tmp_path / Path(place).name) for name, place in pairs.items() if place.startswith("/tmp/")}
    environment = {**kept, **pairs, **places, **changed, "HOME": NOWHERE, "CUDA_VISIBLE_DEVICES": ""}
    (command,) = map(json.loads, lines("CMD"))
    with (tmp_path / "log").open("wb") as log:
        started = subprocess.Popen([sys.executable, *command[1:]], cwd=ROOT, env=environment, stdout=log, stderr=log)
    yield environment
    started.kill()
    started.wait()


@pytest.mark.slow
def test_it_starts_without_a_home_and_without_a_gpu_and_is_found_healthy(container: dict[str, str]) -> None:
    (check,) = (json.loads(re.sub(r"^.*?CMD ", "", line)) for line in lines("HEALTHCHECK"))
    code = check[-1].replace("7860", container["GRADIO_SERVER_PORT"])
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        checked = subprocess.run([sys.executable, "-c", code], env=container, capture_output=True, check=False)
        if checked.returncode == 0:
            return
        time.sleep(0.5)
    raise AssertionError((Path(container["GRADIO_TEMP_DIR"]).parent / "log").read_text())
