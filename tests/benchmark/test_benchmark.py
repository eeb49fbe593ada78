"""The product gives the same answers as the published computation, with less work."""

import json
import math
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file

from ctflow.__main__ import main
from ctflow.benchmark.measure import Bench
from ctflow.benchmark.memory import PeakMemory
from ctflow.benchmark.reference import reference_answer, reference_decode
from ctflow.benchmark.solvers import FINE, SETTINGS, SolverSetting, compare_solvers, solution
from ctflow.benchmark.subject import REPORT, folder_subject
from ctflow.card import Guidance
from ctflow.checkpoint.folder import load_checkpoint, load_transformer
from ctflow.choices import CUDA_LEVELS
from ctflow.model_grid import ModelGrid
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.pipeline import CTFlow, first_previous
from ctflow.report import encoder_text
from ctflow.runtime.engine import precision_for
from ctflow.sampler import velocity_of
from tests.tiny import tiny_checkpoint

# The error of a single step in bf16, root mean square, as a share of the answer: with ordinary weights, and with the
# golden ones. Those were made so that all of them matter, and amplify rounding (rounding the weights alone gives 0.07).
ORDINARY_RMS = 0.03
GOLDEN_RMS = 0.2
# Of the tiny checkpoint, counted by hand: two blocks of four products for attention, two of the MLP, and attention
# itself in the plane and along the slices; then patches in and out.
TINY_GFLOP = (2 * (32_768 + 16_384 + 2_048 + 1_024) + 2 * 16_384) / 1e9
GOLDEN = Path(__file__).parents[1] / "golden/ctflow_v1"


@pytest.fixture
def transformer() -> STDiT:
    return load_transformer(GOLDEN / "denoiser_ema").eval().requires_grad_(False)


def golden(case: str) -> list[torch.Tensor]:
    values = load_file(GOLDEN / "forward.safetensors")
    return [values[f"{case}.{name}"] for name in ("x", "previous", "text", "t", "velocity")]


@pytest.mark.parametrize("case", ["case0", "case1", "case2"])
def test_the_reference_gives_the_published_velocity(transformer: STDiT, case: str) -> None:
    """In float64: case2 is so ill-conditioned that the float32 rounding of the golden numbers is 6e-5, and the rounding
    of this computation added enough to fail by chance on some processors."""
    *inputs, expected = (tensor.double() for tensor in golden(case))
    answer = reference_answer(transformer.double(), *inputs)
    assert ((answer - expected).abs().max() / expected.abs().max()).item() < 1e-4


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("case", ["case0", "case1", "case2"])
def test_what_is_computed_once_is_the_same_function(transformer: STDiT, case: str, ours: bool) -> None:
    """In float64, where rounding leaves nothing to hide behind."""
    if ours:
        weights, config = transformer.state_dict(), transformer.config
        weights["pos_embed"] = torch.randn(1, math.prod(config.tokens), config.hidden_size)
        transformer = STDiT(
            replace(config, head_merge="usual", positions="chunk", text_facts=3, detail=2, detail_blocks=1)
        )
        weights = {name: value for name, value in weights.items() if not name.startswith("final_layer.linear")}
        transformer.load_state_dict({**transformer.state_dict(), **weights})
    transformer.double()
    x, previous, text, t, _ = (tensor.double() for tensor in golden(case))
    condition, modulation = transformer.condition(previous, text), transformer.modulation(t)
    for state in (x, x.flip(0), 2 * x):
        expected = reference_answer(transformer, state, previous, text, t)
        error = (transformer.step(state, condition, modulation) - expected).abs().max() / expected.abs().max()
        # 1e-10, because t goes through float32 sinusoids in both.
        assert error < 1e-10


def test_the_modulation_at_each_time_is_computed_once_for_all_chunks(transformer: STDiT) -> None:
    transformer.double()
    x, previous, text, _, _ = (tensor[:1].double() for tensor in golden("case0"))
    asked = []
    transformer.t_embedder.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[0].item()))
    table = cache(transformer.modulation_at)
    times, chunks = (1.0, 0.5, 0.25), (previous, -previous)
    fields = [velocity_of(transformer, "velocity", chunk, text, 1, table) for chunk in chunks]
    found = [velocity(x, t) for velocity in fields for t in times]
    assert asked == list(times)
    expected = [reference_answer(transformer, x, chunk, text, torch.tensor([t])) for chunk in chunks for t in times]
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_guidance_weighs_the_same_two_answers(transformer: STDiT) -> None:
    transformer.double()
    x, previous, text, _, _ = (tensor[:1].double() for tensor in golden("case0"))
    t = torch.tensor([0.5])
    with_report, without = (reference_answer(transformer, x, previous, words, t) for words in (text, 0 * text))
    found = velocity_of(transformer, "velocity", previous, text, 3.0)(x, 0.5)
    torch.testing.assert_close(found, without + 3 * (with_report - without), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", ["case0", "case1", "case2"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_the_state_stays_float32_and_a_step_stays_near(
    transformer: STDiT, case: str, dtype: torch.dtype
) -> None:
    *inputs, expected = golden(case)
    transformer.to_mixed_precision(dtype)
    velocity = transformer(*inputs)
    assert velocity.dtype == torch.float32
    assert {block.scale_shift_table.dtype for block in transformer.blocks} == {torch.float32}
    assert rms(velocity, expected) < GOLDEN_RMS


@pytest.mark.parametrize("seed", range(3))
def test_a_step_of_ordinary_weights_stays_near_in_bf16(seed: int) -> None:
    torch.manual_seed(seed)
    model = STDiT(STDiTConfig((16, 16, 16), (2, 2, 2), 8, 4, 64, 4, 4, 4.0, 64)).eval().requires_grad_(False)
    inputs = [*torch.randn(2, 1, 4, 16, 16, 16), torch.randn(1, 1, 64) / 8, torch.tensor([0.5])]
    expected = reference_answer(model, *inputs)
    model.to_mixed_precision(torch.bfloat16)
    assert rms(model(*inputs), expected) < ORDINARY_RMS


def rms(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).square().mean() / expected.square().mean()).sqrt().item()


def test_the_a_vae_decodes_in_batches_as_slice_by_slice() -> None:
    network = AutoencoderKL.from_pretrained(GOLDEN / "vae").eval().requires_grad_(False)
    avae = AVAE(network, 0.3611, 0.1159)
    latents = torch.randn(7, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = reference_decode(avae, latents)
    for layout in (torch.contiguous_format, torch.channels_last):
        avae.network.to(memory_format=layout)
        torch.testing.assert_close(avae.decode(latents), expected, rtol=1e-4, atol=1e-4)
    assert avae.slices_at_once(64, 64) == 4
    frugal = AVAE(network, 0.3611, 0.1159, memory_bytes=1)
    assert frugal.slices_at_once(64, 64) == 1
    torch.testing.assert_close(frugal.decode(latents), expected, rtol=1e-4, atol=1e-4)


def test_tokens_lie_side_by_side_from_block_to_block(transformer: STDiT) -> None:
    """They used to lie channels first, and every norm of every block rearranged them."""
    x, previous, text, _, _ = (tensor[:1] for tensor in golden("case0"))
    seen = []
    for block in transformer.blocks:
        block.register_forward_pre_hook(lambda _, given: seen.append(given[0].is_contiguous()))
    transformer.step(x, transformer.condition(previous, text), transformer.modulation_at(0.5))
    assert seen == [True] * transformer.config.depth


def test_the_channels_of_a_slice_in_bf16_are_averaged_in_float32() -> None:
    """Their mean used to be rounded to bf16 too: in steps of 5 HU in soft tissue and 9 HU in bone."""
    avae = AVAE(AutoencoderKL.from_pretrained(GOLDEN / "vae").eval().requires_grad_(False).bfloat16(), 0.3611, 0.1159)
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    channels = avae.network.decode((latents / avae.scale + avae.shift).bfloat16()).sample
    found = avae.decode(latents)
    assert found.dtype == torch.float32 and torch.equal(found, channels.float().mean(1))
    assert not torch.equal(found, found.bfloat16().float())


def test_a_t4_gets_no_bf16_and_no_half_precision_a_vae() -> None:
    assert precision_for((7, 5)) == (torch.float16, torch.float32)
    assert precision_for((8, 0)) == precision_for((9, 0)) == (torch.bfloat16, torch.bfloat16)


@pytest.mark.gpu
@pytest.mark.parametrize("case", ["case0", "case1", "case2"])
def test_a_step_on_a_gpu_stays_near_the_published_one(transformer: STDiT, case: str) -> None:
    *inputs, expected = (tensor.cuda() for tensor in golden(case))
    transformer.cuda().to_mixed_precision(precision_for(torch.cuda.get_device_capability()).transformer)
    velocity = transformer(*inputs)
    assert rms(velocity, expected) < GOLDEN_RMS


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
    subject = folder_subject(tiny_checkpoint(tmp_path / "tiny"), torch.device("cpu"), "plain")
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
    subject = folder_subject(tiny_checkpoint(tmp_path / "tiny"), torch.device("cpu"), "plain")
    avae_bytes = sum(part.nbytes for part in subject.avae.state_dict().values())
    assert subject.own_bytes == (avae_bytes, avae_bytes), "the transformer is shared where both are float32"
    both, apart = PeakMemory(subject.device, (0, 0)), PeakMemory(subject.device, (10**6, 2 * 10**6))
    for memory in (both, apart):
        memory.note(0, 9 * 10**6)
        memory.note(1, 9 * 10**6)
    assert both.peaks_gb == (0.009, 0.009) and apart.peaks_gb == pytest.approx((0.007, 0.008))


def test_a_checkpoint_is_measured_as_it_begins_a_volume(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny", guidance=Guidance(trained=True, default=2.0))
    subject, loaded = folder_subject(folder, torch.device("cpu"), "plain"), load_checkpoint(folder)
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
    subject = folder_subject(tiny_checkpoint(tmp_path / "tiny"), torch.device("cpu"), "plain")
    said: list[str] = []
    found = compare_solvers(subject, step_s=0.001, budget_s=3600, say=said.append, settings=settings)
    assert all(isinstance(row.error, float) and row.error > 0 for row in found)
    assert [row.chunk for row in found] == ["first"] * 3 + ["next"] * 3
    for coarse, fine, midpoint in (found[:3], found[3:]):
        assert midpoint.error < fine.error < coarse.error
    assert compare_solvers(subject, step_s=1.0, budget_s=60, say=said.append) == []
    assert "left out" in said[-1]
