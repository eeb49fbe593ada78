"""The product computes what the published way computes, only less of it."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file

from ctflow.__main__ import main
from ctflow.benchmark import solvers
from ctflow.benchmark.reference import reference_decode, reference_velocity
from ctflow.benchmark.subject import folder_subject
from ctflow.checkpoints import load_transformer
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT
from ctflow.pipeline import precision
from ctflow.sampler import time_table, velocity_of
from tests.tiny import tiny_checkpoint

# A single step in bf16, as a share of the velocity. These weights, made so that all of them matter, amplify rounding.
BF16_RMS = 0.08
GOLDEN = Path(__file__).parent / "golden/ctflow_v1"


@pytest.fixture
def transformer() -> STDiT:
    return load_transformer(GOLDEN / "denoiser_ema").eval().requires_grad_(False)


def golden(case: str) -> list[torch.Tensor]:
    values = load_file(GOLDEN / "forward.safetensors")
    return [values[f"{case}.{name}"] for name in ("x", "previous", "text", "t", "velocity")]


@pytest.mark.parametrize("case", ["case0", "case1", "case2"])
def test_the_reference_gives_the_published_velocity(transformer: STDiT, case: str) -> None:
    *inputs, expected = golden(case)
    answer = reference_velocity(transformer, *inputs)
    assert ((answer - expected).abs().max() / expected.abs().max()).item() < 1e-4


@pytest.mark.parametrize("case", ["case0", "case1", "case2"])
def test_what_is_computed_once_is_the_same_function(transformer: STDiT, case: str) -> None:
    """In float64, where rounding leaves nothing to hide behind."""
    transformer.double()
    x, previous, text, t, _ = (tensor.double() for tensor in golden(case))
    condition, modulation = transformer.condition(previous, text), transformer.modulation(t)
    for state in (x, x.flip(0), 2 * x):
        expected = reference_velocity(transformer, state, previous, text, t)
        error = (transformer.step(state, condition, modulation) - expected).abs().max() / expected.abs().max()
        # t goes through float32 sinusoids in both
        assert error < 1e-10


def test_the_time_table_is_filled_once_for_all_chunks(transformer: STDiT, monkeypatch: pytest.MonkeyPatch) -> None:
    transformer.double()
    x, previous, text, _, _ = (tensor[:1].double() for tensor in golden("case0"))
    asked = []
    original = STDiT.modulation
    monkeypatch.setattr(STDiT, "modulation", lambda self, t: asked.append(t.item()) or original(self, t))
    table = time_table(transformer)
    for chunk in (previous, -previous):
        velocity = velocity_of(transformer, "velocity", chunk, text, 1, table)
        for t in (1.0, 0.5, 0.25):
            expected = reference_velocity(transformer, x, chunk, text, torch.tensor([t]))
            torch.testing.assert_close(velocity(x, t), expected, rtol=1e-9, atol=1e-9)
    assert asked == [1.0, 0.5, 0.25]


def test_guidance_weighs_the_same_two_answers(transformer: STDiT) -> None:
    transformer.double()
    x, previous, text, _, _ = (tensor[:1].double() for tensor in golden("case0"))
    t = torch.tensor([0.5])
    with_report, without = (reference_velocity(transformer, x, previous, words, t) for words in (text, 0 * text))
    found = velocity_of(transformer, "velocity", previous, text, 3.0)(x, 0.5)
    torch.testing.assert_close(found, without + 3 * (with_report - without), rtol=1e-9, atol=1e-9)


def test_in_bf16_the_state_stays_float32_and_a_step_stays_near(transformer: STDiT) -> None:
    *inputs, expected = golden("case0")
    transformer.lower(torch.bfloat16)
    velocity = transformer(*inputs)
    assert velocity.dtype == torch.float32
    assert {block.scale_shift_table.dtype for block in transformer.blocks} == {torch.float32}
    assert ((velocity - expected).square().mean() / expected.square().mean()).sqrt() < BF16_RMS


def test_the_a_vae_decodes_in_batches_as_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    avae = AVAE(AutoencoderKL.from_pretrained(GOLDEN / "vae").eval().requires_grad_(False), 0.3611, 0.1159)
    latents = torch.randn(7, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = reference_decode(avae, latents)
    for layout in (torch.contiguous_format, torch.channels_last):
        avae.kl.to(memory_format=layout)
        torch.testing.assert_close(avae.decode(latents), expected, rtol=1e-4, atol=1e-4)
    assert avae.slices_at_once(64, 64) == 4
    monkeypatch.setattr("ctflow.models.avae.MEMORY_BYTES", 1)
    assert avae.slices_at_once(64, 64) == 1
    torch.testing.assert_close(avae.decode(latents), expected, rtol=1e-4, atol=1e-4)


def test_a_t4_gets_no_bf16_and_no_half_precision_a_vae() -> None:
    assert precision((7, 5)) == (torch.float16, torch.float32)
    assert precision((8, 0)) == precision((9, 0)) == (torch.bfloat16, torch.bfloat16)


@pytest.mark.gpu
@pytest.mark.parametrize("case", ["case0", "case1", "case2"])
def test_a_step_on_a_gpu_stays_near_the_published_one(transformer: STDiT, case: str) -> None:
    *inputs, expected = (tensor.cuda() for tensor in golden(case))
    transformer.cuda().lower(precision(torch.cuda.get_device_capability())[0])
    velocity = transformer(*inputs)
    assert ((velocity - expected).square().mean() / expected.square().mean()).sqrt() < BF16_RMS


def test_bench_prints_a_table_and_writes_the_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    words = ["bench", "--model", str(folder), "--device", "cpu", "--minutes", "0.02"]
    assert main([*words, "--json", str(tmp_path / "bench.json")]) == 0
    printed = capsys.readouterr().out
    assert "| step |" in printed
    numbers = json.loads((tmp_path / "bench.json").read_text())
    step, decode, chunk, volume, _ = numbers["rows"]
    assert step["max_error"] < 1e-4 and decode["max_error"] < 1e-4
    assert volume["product_s"] == pytest.approx(3 * chunk["product_s"])


def test_more_steps_come_nearer_to_the_fine_solution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "WAYS", [("euler", 4, 1.0), ("euler", 40, 1.0), ("midpoint", 40, 1.5)])
    subject = folder_subject(tiny_checkpoint(tmp_path / "tiny"), torch.device("cpu"))
    said: list[str] = []
    found = solvers.compare_solvers(subject, step_s=0.001, budget_s=3600, say=said.append)
    assert [row.chunk for row in found] == ["first"] * 3 + ["next"] * 3
    for coarse, fine, midpoint in (found[:3], found[3:]):
        assert midpoint.error < fine.error < coarse.error
    assert solvers.compare_solvers(subject, step_s=1.0, budget_s=60, say=said.append) == []
    assert "left out" in said[-1]
