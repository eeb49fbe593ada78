"""The one call for a GPU: stages that fail or hang do not stop the others, and all ends in one table."""

import io
import json
import os
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tests.gpu.__main__ import Result, environment_with, keep_model, run, write_table
from tests.gpu.stages import Stage, bench_rows, gpu_stages, gpu_training, pytest_rows, rehearsal_stages


def python(code: str, limit_s: float = 60.0) -> Stage:
    return Stage("a stage", (sys.executable, "-c", code), limit_s, lambda printed: [("said", printed.strip())])


def test_a_stage_that_ends_well_gives_its_rows_and_its_log() -> None:
    log = io.StringIO()
    result = run(python("print('seven')"), dict(os.environ), log)
    assert (result.outcome, result.rows) == ("ok", [("said", "seven")])
    assert "seven" in log.getvalue()


def test_a_stage_that_fails_is_said_with_its_last_words(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(python("print('so far'); raise SystemExit('no such kernel')"), dict(os.environ), io.StringIO())
    assert result.outcome == "failed with 1" and "no such kernel" in capsys.readouterr().out


def test_a_stage_is_stopped_with_all_that_it_started_when_its_time_is_over(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(child)!r}).write_text(str(child.pid))\n"
        "print('begun', flush=True)\n"
        "time.sleep(600)"
    )
    began = time.monotonic()
    result = run(python(code, limit_s=10), dict(os.environ), io.StringIO())
    assert result.outcome == "stopped after 10 s" and time.monotonic() - began < 300
    assert result.rows == [("said", "begun")], "what it had printed is not lost"
    state = Path(f"/proc/{child.read_text()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_stages_find_this_checkout_and_the_packages_from_wheels() -> None:
    first, second, *_ = environment_with(Path("/packages"))["PYTHONPATH"].split(os.pathsep)
    assert first == "/packages" and (Path(second) / "ctflow").is_dir()


def test_the_table_is_in_markdown_and_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_table([Result("tests", "failed with 1", 12.3, [("failed", "a|b")]), Result("bench", "ok", 4.0, [])], tmp_path)
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[2:] == ["| **tests** | failed with 1 | 12 s |", "| | failed | a/b |", "| **bench** | ok | 4 s |"]
    assert capsys.readouterr().out.splitlines()[: len(lines)] == lines
    assert [stage["outcome"] for stage in json.loads((tmp_path / "table.json").read_text())] == ["failed with 1", "ok"]


def test_tests_are_counted_and_those_that_failed_named() -> None:
    printed = (
        "..F\nFAILED tests/gpu/test_x.py::test_y[graph] - assert 1 == 2\n1 failed, 2 passed, 3 deselected in 4.56s\n"
    )
    assert pytest_rows(printed) == [
        ("tests", "1 failed, 2 passed, 3 deselected in 4.56s"),
        ("failed", "tests/gpu/test_x.py::test_y[graph]"),
    ]
    assert pytest_rows("31/530 tests collected (499 deselected) in 8.9s\n")[0][1].startswith("31/530 tests collected")


def test_every_figure_of_bench_is_in_the_table(tmp_path: Path) -> None:
    numbers = tmp_path / "bench.json"
    assert bench_rows(numbers) == [], "a bench that was stopped wrote none"
    figures = [{"name": "graph", "step_s": 0.0051234, "thread_first_slices_s": [0.25, 0.5], "volume_s": None}]
    kernels = [{"section": "attention", "name": "plain", "text": "3 µs"}]
    numbers.write_text(json.dumps({"figures": figures, "kernels": kernels}))
    assert bench_rows(numbers) == [
        ("attention, plain", "3 µs"),
        ("graph: step_s", "0.005123"),
        ("graph: thread_first_slices_s", "0.25, 0.5"),
    ]


def test_the_model_comes_back_in_parts_that_join(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    weights = os.urandom(40_000_000)
    (model / "weights").write_bytes(weights)
    keep_model(model, tmp_path)
    parts = sorted(tmp_path.glob("model.tar.*"))
    assert len(parts) == 3 and max(part.stat().st_size for part in parts) < 16 * 2**20
    with tarfile.open(fileobj=io.BytesIO(b"".join(part.read_bytes() for part in parts))) as archive:
        assert archive.extractfile("model/weights").read() == weights


def test_all_stages_fit_and_all_are_rehearsed(tmp_path: Path) -> None:
    stages = gpu_stages(tmp_path)
    assert sum(stage.limit_s for stage in stages) < 8.5 * 60, "even if each of them takes all of its time"
    minutes = float(gpu_training(tmp_path, 200.0).words[-1])
    assert 0 < 60 * minutes < 200
    same = {stage.name.partition(",")[0] for stage in stages}
    assert same <= {stage.name.partition(",")[0] for stage in rehearsal_stages(tmp_path)}, "all of it is rehearsed"
