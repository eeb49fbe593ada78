"""`python -m ctflow prepare` as a researcher types it, also killed at any moment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctflow.__main__ import main
from ctflow.data.ctrate_sources import ct_rate_sources
from ctflow.data.manifest import VERIFIED
from ctflow.data.preparation import facts_of, prepare
from ctflow.data.shards import Shards
from tests.data.chests import fabricated_ct_rate
from tests.data.one_process import encode_here
from tests.data.test_preparation import files_of

ROOT = Path(__file__).parents[2]
COUNT = 40


@pytest.fixture(scope="module")
def ct_rate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fabricated_ct_rate(tmp_path_factory.mktemp("ct-rate"), COUNT)


def words(ct_rate: Path, folder: Path, out: Path, *more: str) -> list[str]:
    given = ["--ct-rate", str(ct_rate), "--split", "valid", "--model", str(folder), "--out", str(out)]
    return ["prepare", *given, "--device", "cpu", *more]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_that_is_killed_goes_on_to_the_bytes_of_one_that_was_not(
    ct_rate: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen([sys.executable, "-m", "ctflow", *words(ct_rate, folder, killed)], cwd=ROOT)
    while process.poll() is None and len(list(killed.glob("parts/*.safetensors"))) < COUNT // 4:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    there = len(list(killed.glob("parts/*.safetensors")))
    assert 0 < there < COUNT
    assert main(words(ct_rate, folder, killed)) == 0
    assert f"{COUNT} volumes of {12 * COUNT} slices in 1 shard, 0 left out; not verified" in capsys.readouterr().out
    sources = ct_rate_sources(ct_rate, "valid")
    facts = facts_of(folder, sources, split="valid", one_per_patient=False, precision="float32")
    list(prepare(whole, folder, sources, facts, "cpu", encode_here))
    for out in (killed, whole):
        assert main(words(ct_rate, folder, out, "--verify")) == 0
        assert "0 left out; verified." in capsys.readouterr().out
    assert files_of(killed) == files_of(whole)
    assert len(Shards(whole)) == COUNT


def test_a_damaged_set_fails_its_verification(ct_rate: Path, folder: Path, tmp_path: Path) -> None:
    assert main(words(ct_rate, folder, tmp_path / "none", "--verify")) == 2
    assert not (tmp_path / "none" / VERIFIED).exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--ct-rate", "x"], "Give --ct-rate with --split, or --volumes with --reports"),
        (["--volumes", "x", "--split", "valid"], "Give --ct-rate with --split, or --volumes with --reports"),
        (["--volumes", "x", "--reports", "none.csv"], "none.csv cannot be read"),
        (["--ct-rate", "x", "--split", "valid"], "--ct-rate is the folder that holds dataset"),
        (["--ct-rate", "x", "--split", "valid", "--slices", "0"], "--slices is 1 or more"),
        (["--ct-rate", "x", "--split", "valid", "--shard-mb", "0"], "--shard-mb is 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    assert main(["prepare", *given, "--model", str(folder), "--out", str(tmp_path / "new")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
