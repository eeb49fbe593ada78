"""The benchmark: a reference that is the published computation, and times, memory and errors beside it."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ctflow.__main__ import main
from ctflow.benchmark.chunks import all_slices, product_chunks, reference_chunks
from ctflow.benchmark.clock import Timed, take_turns, timed
from ctflow.benchmark.floor import decode_gflop, step_gflop, volume_gflop
from ctflow.benchmark.memory import PeakMemory
from ctflow.benchmark.product import Way, product_of
from ctflow.benchmark.solvers import FINE, SETTINGS, SolverSetting, compare_solvers
from ctflow.benchmark.subject import Subject, folder_subject
from ctflow.card import CARD, Guidance, read_card
from ctflow.choices import CUDA_LEVELS
from ctflow.model_grid import ModelGrid
from ctflow.pipeline import CTFlow
from ctflow.runtime.device import FLOAT32
from tests.golden.forward import CASES, exact_velocity, golden
from tests.golden.rounding import rms
from tests.tiny import tiny_checkpoint

# Of the tiny checkpoint, counted by hand: two blocks of four products for attention, two of the MLP, and attention
# itself in the plane (along two slices it needs no product of matrices); then patches in and out.
TINY_GFLOP = (2 * (32_768 + 16_384 + 2_048) + 2 * 16_384) / 1e9
CPU = torch.device("cpu")
WAY = Way("float32", "plain", FLOAT32)


@pytest.mark.parametrize("case", CASES)
def test_the_reference_gives_the_published_velocity(case: str) -> None:
    """To the rounding that the published computation itself suffers in float32, which the golden numbers hold."""
    *_, published = golden(case)
    assert rms(exact_velocity(case).answer, published) < exact_velocity(case).limit


@pytest.mark.slow
def test_bench_prints_a_table_and_writes_the_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    words = ["bench", "--model", str(folder), "--device", "cpu", "--minutes", "30"]
    assert main([*words, "--json", str(tmp_path / "bench.json")]) == 0
    printed = capsys.readouterr().out
    assert "| a step, on the device |" in printed and "(floor)" in printed
    figures = json.loads((tmp_path / "bench.json").read_text())["figures"]
    by_name = {one["name"]: one for one in figures}
    assert set(by_name) == {"published computation", "float32", "bfloat16"}
    exact, half = by_name["float32"], by_name["bfloat16"]
    for error in ("step_error", "decode_error", "chunk_error"):
        assert exact[error] < 1e-3 and exact[error] < half[error] < 0.3
    assert exact["computed"] == [] and exact["volume_s"] > exact["chunk_s"] > 2 * exact["step_s"]
    assert exact["first_slices_s"] > 0 and len(exact["thread_first_slices_s"]) == 2
    floor_gflop = exact["floor_s"] * exact["peak_gflop_per_s"]
    assert floor_gflop == pytest.approx(volume_gflop(folder_subject(folder, CPU)), rel=1e-3)


def test_the_products_of_a_step_and_of_a_volume_are_counted(tmp_path: Path) -> None:
    subject = subject_of(tmp_path, guidance=Guidance(trained=True, default=2.0))
    assert step_gflop(subject) == pytest.approx(TINY_GFLOP, rel=1e-3)
    steps = subject.request.chunks * 2 * subject.request.steps
    slices = subject.request.chunks * subject.previous.shape[2]
    expected = steps * TINY_GFLOP + slices * decode_gflop(subject)
    assert decode_gflop(subject) > 0 and volume_gflop(subject) == pytest.approx(expected, rel=1e-3)


def test_what_is_done_once_for_all_is_not_timed() -> None:
    """Compiling blocks for 40 s used to count as a step of 40 s, and left no time for a second one."""
    compiled: list[float] = []

    def product() -> torch.Tensor:
        if not compiled:
            time.sleep(0.3)
            compiled.append(0.3)
        return torch.ones(1)

    def timed_here(_: int, run: Callable[[], torch.Tensor]) -> Timed[torch.Tensor]:
        return timed(CPU, run)

    _, found, first_use_s = take_turns(timed_here, lambda: torch.ones(1), product, budget_s=0.0, untimed_turns=1)
    assert found.device_s < 0.3 <= first_use_s


def subject_of(tmp_path: Path, **changes: object) -> Subject:
    return folder_subject(tiny_checkpoint(tmp_path / "tiny", **changes), CPU)


@pytest.mark.parametrize("minutes", ["0", "nan", "inf"])
def test_bench_asks_for_a_finite_time(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--device", "cpu", "--minutes", minutes]) == 2
    assert f"--minutes must be more than 0 and finite; got {minutes}" in capsys.readouterr().err


@pytest.mark.gpu
def test_bench_measures_every_level_of_a_gpu(tmp_path: Path) -> None:
    folder, numbers = tiny_checkpoint(tmp_path / "tiny"), tmp_path / "bench.json"
    words = ["bench", "--model", str(folder), "--device", "cuda", "--minutes", "1.5"]
    assert main([*words, "--json", str(numbers)]) == 0
    found = json.loads(numbers.read_text())
    _, *levels = found["figures"]
    assert len(levels) == len(CUDA_LEVELS)
    for figures in levels:
        assert 0 < figures["share_of_peak"] < 1 and figures["memory_gb"]
        assert figures["host_s"] > 0 and figures["step_error"] < 0.1
    by_steps = {row["steps"]: row["seconds"] for row in found["solvers"] if row["solver"] == "euler"}
    assert by_steps[200] > 2 * by_steps[10], "the GPU's work is waited for"


def test_the_weights_that_only_the_other_side_has_are_not_counted() -> None:
    both, apart = PeakMemory(CPU, (0, 0)), PeakMemory(CPU, (10**6, 2 * 10**6))
    for memory in (both, apart):
        memory.note(0, 9 * 10**6)
        memory.note(1, 9 * 10**6)
    assert both.peaks_gb == (0.009, 0.009) and apart.peaks_gb == pytest.approx((0.007, 0.008))


def test_a_checkpoint_is_measured_as_it_makes_a_volume(tmp_path: Path) -> None:
    """Previous chunk, text, noise, guidance and the way from noise to slices are those of the model."""
    subject = subject_of(tmp_path, guidance=Guidance(trained=True, default=2.0))
    chunks = product_chunks(subject, product_of(subject, WAY), subject.request)
    with torch.inference_mode():
        slices = all_slices(chunks).numpy()
    volume = CTFlow.load(tmp_path / "tiny", "cpu", precision="float32").generate(subject.request)
    card = read_card(tmp_path / "tiny" / CARD)
    np.testing.assert_array_equal(ModelGrid(card.geometry).to_volume(card.intensity.to_hu(slices)), volume.hu)


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_the_references_volume_is_the_products(tmp_path: Path, guidance: float) -> None:
    subject = subject_of(tmp_path, guidance=Guidance(trained=True, default=guidance))
    request = replace(subject.request, guidance_above_t=0.4, solver="stochastic", steps=4)
    with torch.inference_mode():
        expected = all_slices(reference_chunks(subject, request))
        found = all_slices(product_chunks(subject, product_of(subject, WAY), request))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_fine_setting_is_not_compared_with_itself() -> None:
    assert FINE not in SETTINGS


def test_more_steps_come_nearer_to_the_fine_solution(tmp_path: Path) -> None:
    settings = SolverSetting("euler", 4, 1.0), SolverSetting("euler", 40, 1.0), SolverSetting("midpoint", 40, 1.5)
    subject = subject_of(tmp_path)
    product = product_of(subject, WAY)
    said: list[str] = []
    found = compare_solvers(subject, product, step_s=0.001, budget_s=3600, say=said.append, settings=settings)
    assert all(isinstance(row.error, float) and row.error > 0 for row in found)
    assert [row.chunk for row in found] == ["first"] * 3 + ["next"] * 3
    for coarse, fine, midpoint in (found[:3], found[3:]):
        assert midpoint.error < fine.error < coarse.error
    assert compare_solvers(subject, product, step_s=1.0, budget_s=60, say=said.append) == []
    assert "left out" in said[-1]
