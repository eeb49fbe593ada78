"""`train avae` in two processes: the same batches and losses as in one, until the discriminator begins."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ctflow.training.avae.training import train_avae
from ctflow.training.config.file import as_toml
from tests.training.avae.pairs import avae_config, avae_training
from tests.training.launch import LAUNCH, PATIENCE_S, ROOT

pytestmark = pytest.mark.slow
BEGINS, STEPS = 3, 5


def losses(out: Path) -> list[dict[str, float]]:
    with (out / "losses.csv").open(newline="", encoding="utf-8") as table:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(table)]


def test_two_processes_see_the_batches_of_one_and_have_its_losses(tmp_path: Path) -> None:
    config = avae_config(adversarial={"begins": BEGINS}, run={"steps": STEPS})
    training = avae_training(tmp_path, config, "one")
    train_avae(training)
    (tmp_path / "config.toml").write_text(as_toml(config))
    (tmp_path / "two").mkdir()
    training.pairs.folder.rename(tmp_path / "two" / "slices")
    words = ["train", "avae", "--device", "cpu", "--split", "valid"]
    words += [f"--{name}={tmp_path / where}" for name, where in (("config", "config.toml"), ("ct-rate", "ct-rate"))]
    words += [f"--{name}={tmp_path / where}" for name, where in (("model", "model"), ("out", "two"))]
    done = subprocess.run(
        [sys.executable, "-m", *LAUNCH, "ctflow", *words],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    one, two = losses(training.out), losses(tmp_path / "two")
    assert len(one) == len(two) == STEPS
    for alone, shared in zip(one[:BEGINS], two[:BEGINS], strict=True):
        assert np.allclose(list(alone.values()), list(shared.values()), rtol=1e-5, atol=1e-9)
    assert all(row["discriminator"] > 0 for row in two[BEGINS:])
    assert done.stdout.count("| A-VAE on ") == 1, "the main process alone measures"
    assert (tmp_path / "two" / "model" / "card.json").exists()
