"""`python -m ctflow generate --reports` as a researcher types it, also where Ray dies under it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctflow.__main__ import main
from ctflow.batch.generating import generate_batch
from ctflow.io.nifti import write_nifti
from tests.app.fake import FakeGenerator
from tests.batch.one_process import make_here, planned, table
from tests.commands.line import run
from tests.data.chests import chest

ROOT = Path(__file__).parents[2]
COUNT = 24
STEPS = 600  # so many that Ray is missed before all volumes are made


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = table(
        tmp_path_factory.mktemp("reports") / "r.csv", **{f"valid_{i}_a_1": f"Nodule {i}." for i in range(COUNT)}
    )
    path.write_text(path.read_text() + "valid_x_a_1,,\n")
    return path


def words(reports: Path, folder: Path, out: Path, *more: str) -> list[str]:
    given = ["--reports", str(reports), "--out-dir", str(out), "--model", str(folder), "--device", "cpu"]
    return ["generate", *given, "--chunks", "1", "--steps", str(STEPS), *more]


def sidecars(out: Path) -> dict[str, str]:
    """What each says, also how long its volume took, so that no two makings say the same."""
    return {path.name: path.read_text() for path in out.glob("valid_*.json")}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_whose_ray_dies_says_so_and_goes_on_when_it_is_called_again(
    reports: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ray ends the process then, without a word and after a minute if nobody asks for less."""
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "ctflow", *words(reports, folder, out, "--workers", "1")],
        cwd=ROOT,
        env=os.environ | {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"},
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    while process.poll() is None and len(sidecars(out)) < COUNT // 8:
        time.sleep(0.01)
    os.kill(child_of(process.pid, "gcs_server"), signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode not in (0, None)
    assert "is gone" in said and "What was finished is kept: start it again." in said
    there = sidecars(out)
    assert 0 < len(there) < COUNT
    assert main(words(reports, folder, out)) == 0
    printed = capsys.readouterr()
    assert f"{out}: {COUNT} volumes, " in printed.out and "1 left out; see" in printed.out
    assert f"r.csv, line {COUNT + 2}: The report is empty" in printed.err
    assert f"{COUNT}/{COUNT}" in printed.err
    after = sidecars(out)
    assert len(after) == COUNT
    assert [name for name, text in there.items() if after[name] != text] == [], "what was finished is not made again"


def child_of(parent: int, name: str) -> int:
    """The process that `parent` has started whose program has this name."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, status = (folder / "cmdline").read_text().split("\0"), (folder / "status").read_text()
        except OSError:
            continue  # it has ended
        if f"PPid:\t{parent}\n" in status and Path(command[0]).name == name:
            return int(folder.name)
    raise AssertionError(f"there is no {name}")


def test_a_volume_of_many_is_made_again_from_its_sidecar(folder: Path, tmp_path: Path) -> None:
    """With its real volume, whose padding around the scanner's circle is no part of a patient."""
    real = chest(0)
    real.hu[:, :4] = -8192
    (tmp_path / "real").mkdir()
    write_nifti(real, tmp_path / "real/a.nii.gz", "a scan")
    reports = table(tmp_path / "r.csv", a="Clear lungs.")
    batch = planned(folder, reports, tmp_path / "out", modes=("full-body", "gt-head"), real=tmp_path / "real")
    list(generate_batch(batch, make_here))
    device = ["--model", str(folder), "--precision", "float32"]
    for mode, more in (("full-body", []), ("gt-head", ["--start-from", str(tmp_path / "real/a.nii.gz")])):
        sidecar, again = tmp_path / f"out/{mode}/a.json", tmp_path / f"{mode}.nii.gz"
        assert main(["generate", "--from", str(sidecar), "--out", str(again), *more, *device]) == 0
        assert again.read_bytes() == (tmp_path / f"out/{mode}/a.nii.gz").read_bytes()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--out-dir", "x", "--report", "Clear."], "argument --report: not allowed with argument --reports"),
        ([], "Say where the volumes go: --out-dir DIR"),
        (["--out-dir", "x", "--sex", "F"], "--sex: not with --reports"),
        (["--out-dir", "x", "--out", "a.nii.gz"], "--out: not with --reports"),
        (["--out-dir", "x", "--mode", "gt-head"], "--mode: not with --reports"),
        (["--out-dir", "x", "--keep-partial"], "--keep-partial: not with --reports"),
        (["--out-dir", "x", "--together", "0"], "--together is 1 or more"),
        (["--out-dir", "x", "--workers", "0"], "--workers is 1 or more"),
        (["--out-dir", "x", "--modes", "gt-head,other"], "--modes takes full-body, gt-head, next-block"),
        (["--out-dir", "x", "--modes", "gt-head"], "need the folder of the real volumes"),
        (["--out-dir", "x", "--arms", "none.toml"], "none.toml cannot be read"),
        (["--out-dir", "x", "--seed", "a"], "Seed is a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    reports: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    place = [str(tmp_path / "new") if word == "x" else word for word in given]
    try:
        code = main(["generate", "--reports", str(reports), "--model", str(folder), *place])
    except SystemExit as left:  # by argparse
        code = left.code
    assert code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_options_of_many_volumes_are_none_of_one(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fake, "--report", "Clear.", "--out", tmp_path / "a.nii.gz", "--arms", "arms.toml") == 2
    assert "--arms: only with --reports" in capsys.readouterr().err
    assert run(fake, "--report", "Clear.") == 2
    assert "Say where the volume goes: --out OUT.nii.gz" in capsys.readouterr().err
