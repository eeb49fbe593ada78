"""The benchmark: a reference that is the published computation, and times, memory and errors beside it."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ctflow.__main__ import main
from ctflow.benchmark.measure import Bench
from ctflow.benchmark.memory import PeakMemory
from ctflow.benchmark.solvers import FINE, SETTINGS, SolverSetting, compare_solvers, solution
from ctflow.benchmark.subject import REPORT, folder_subject
from ctflow.card import Guidance
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.choices import CUDA_LEVELS
from ctflow.model_grid import ModelGrid
from ctflow.pipeline import CTFlow, first_previous
from ctflow.report import encoder_text
from ctflow.runtime.device import FLOAT32
from tests.golden.forward import CASES, exact_velocity, golden
from tests.golden.rounding import rms
from tests.tiny import tiny_checkpoint

# Of the tiny checkpoint, counted by hand: two blocks of four products for attention, two of the MLP, and attention
# itself in the plane and along the slices; then patches in and out.
TINY_GFLOP = (2 * (32_768 + 16_384 + 2_048 + 1_024) + 2 * 16_384) / 1e9


@pytest.mark.parametrize("case", CASES)
def test_the_reference_gives_the_published_velocity(case: str) -> None:
    """To the rounding that the published computation itself suffers in float32, which the golden numbers hold."""
    *_, published = golden(case)
    assert rms(exact_velocity(case).answer, published) < exact_velocity(case).limit


@pytest.mark.slow
def test_bench_prints_a_table_and_writes_the_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    words = ["bench", "--model", str(folder), "--device", "cpu", "--minutes", "0.4"]
    assert main([*words, "--json", str(tmp_path / "bench.json")]) == 0
    printed = capsys.readouterr().out
    assert "| step |" in printed
    numbers = json.loads((tmp_path / "bench.json").read_text())
    step, decode, first, later, *_, volume, _ = numbers["rows"]
    assert max(row["max_error"] for row in (step, decode, first, later)) < 1e-3
    assert "steps and decoding" in first["name"] and first["name"].startswith("first chunk")
    assert (
        first["how"] == later["how"] == "measured once, decoding waited for"
        and volume["name"] == "volume, 3 chunks of 24 steps"
    )
    assert first["product_s"] > 2 * step["product_s"]
    assert numbers["facts"]["step_gflop"] == pytest.approx(TINY_GFLOP, rel=1e-3)


def test_what_is_done_once_for_all_is_not_timed(tmp_path: Path) -> None:
    """Compiling blocks for 40 s used to count as a step of 40 s, and left no time for a second one."""
    subject = folder_subject(tiny_checkpoint(tmp_path / "tiny"), torch.device("cpu"), "plain", FLOAT32)
    bench = Bench(subject, print, untimed_turns=1)
    compiled: list[float] = []

    def product() -> torch.Tensor:
        if not compiled:
            time.sleep(0.3)
            compiled.append(0.3)
        return torch.ones(1)

    assert bench.take_turns("step", lambda: torch.ones(1), product, 0.0).product_s < 0.3


@pytest.mark.parametrize("minutes", ["0", "nan", "inf"])
def test_bench_asks_for_a_finite_time(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--device", "cpu", "--minutes", minutes]) == 2
    assert f"--minutes must be more than 0 and finite; got {minutes}" in capsys.readouterr().err


@pytest.mark.gpu
@pytest.mark.parametrize("level", CUDA_LEVELS)
def test_bench_measures_a_gpu(tmp_path: Path, level: str) -> None:
    folder, numbers = tiny_checkpoint(tmp_path / "tiny"), tmp_path / "bench.json"
    words = ["bench", "--model", str(folder), "--device", "cuda", "--cuda", level, "--minutes", "0.4"]
    assert main([*words, "--json", str(numbers)]) == 0
    found = json.loads(numbers.read_text())
    assert 0 < found["facts"]["share_of_matrix_peak"] < 1 and found["facts"]["memory_gb"]
    by_steps = {row["steps"]: row["seconds"] for row in found["solvers"] if row["solver"] == "euler"}
    assert by_steps[200] > 2 * by_steps[10], "the GPU's work is waited for"


def test_the_weights_that_only_the_other_side_has_are_not_counted(tmp_path: Path) -> None:
    subject = folder_subject(tiny_checkpoint(tmp_path / "tiny"), torch.device("cpu"), "plain", FLOAT32)
    both = sum(
        part.nbytes for part in (*subject.avae.state_dict().values(), *subject.transformer.state_dict().values())
    )
    assert subject.own_bytes == (both, both), "in float32 those of the product are as large"
    both, apart = PeakMemory(subject.device, (0, 0)), PeakMemory(subject.device, (10**6, 2 * 10**6))
    for memory in (both, apart):
        memory.note(0, 9 * 10**6)
        memory.note(1, 9 * 10**6)
    assert both.peaks_gb == (0.009, 0.009) and apart.peaks_gb == pytest.approx((0.007, 0.008))


def test_a_checkpoint_is_measured_as_it_begins_a_volume(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny", guidance=Guidance(trained=True, default=2.0))
    subject, loaded = folder_subject(folder, torch.device("cpu"), "plain", FLOAT32), load_checkpoint(folder)
    card = loaded.card
    with torch.inference_mode():
        assert torch.equal(subject.previous[0], first_previous(card, loaded.avae)) and subject.previous.any()
        torch.testing.assert_close(subject.text, loaded.text.encode(encoder_text(REPORT, card.text.parts)))
        latents, _ = solution(subject, subject.previous, SolverSetting("euler", 3, 1.0))
        slices = subject.engine.decode(latents[0].transpose(0, 1)).wait().numpy()
    volume = CTFlow.load(folder, "cpu").generate(card.request(REPORT, seed=0, steps=3, chunks=1))
    np.testing.assert_array_equal(ModelGrid(card.geometry).to_volume(card.intensity.to_hu(slices)), volume.hu)


def test_the_fine_setting_is_not_compared_with_itself() -> None:
    assert FINE not in SETTINGS


def test_more_steps_come_nearer_to_the_fine_solution(tmp_path: Path) -> None:
    settings = SolverSetting("euler", 4, 1.0), SolverSetting("euler", 40, 1.0), SolverSetting("midpoint", 40, 1.5)
    subject = folder_subject(tiny_checkpoint(tmp_path / "tiny"), torch.device("cpu"), "plain", FLOAT32)
    said: list[str] = []
    found = compare_solvers(subject, step_s=0.001, budget_s=3600, say=said.append, settings=settings)
    assert all(isinstance(row.error, float) and row.error > 0 for row in found)
    assert [row.chunk for row in found] == ["first"] * 3 + ["next"] * 3
    for coarse, fine, midpoint in (found[:3], found[3:]):
        assert midpoint.error < fine.error < coarse.error
    assert compare_solvers(subject, step_s=1.0, budget_s=60, say=said.append) == []
    assert "left out" in said[-1]
