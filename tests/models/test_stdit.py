"""The transformer computes the published function, with less work, in any precision."""

import math
from dataclasses import replace
from functools import cache

import pytest
import torch

from ctflow.benchmark.reference import reference_answer
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.runtime.device import resolve_precision
from ctflow.sampler import velocity_of
from tests.golden.forward import CASES, ORDINARY_RMS, golden, golden_transformer, half_precision_limit
from tests.golden.rounding import rms


@pytest.fixture
def transformer() -> STDiT:
    return golden_transformer()


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("case", CASES)
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


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_the_state_stays_float32_and_a_step_stays_near(
    transformer: STDiT, case: str, dtype: torch.dtype
) -> None:
    *inputs, expected = golden(case)
    transformer.to_mixed_precision(dtype)
    velocity = transformer(*inputs)
    assert velocity.dtype == torch.float32
    assert {block.scale_shift_table.dtype for block in transformer.blocks} == {torch.float32}
    assert rms(velocity, expected) < half_precision_limit(case, dtype)


@pytest.mark.parametrize("seed", range(3))
def test_a_step_of_ordinary_weights_stays_near_in_bf16(seed: int) -> None:
    config = STDiTConfig(
        input_size=(16, 16, 16),
        patch_size=(2, 2, 2),
        in_channels=8,
        out_channels=4,
        hidden_size=64,
        depth=4,
        num_heads=4,
        mlp_ratio=4.0,
        caption_channels=64,
    )
    torch.manual_seed(seed)
    model = STDiT(config).eval().requires_grad_(False)
    inputs = [*torch.randn(2, 1, 4, 16, 16, 16), torch.randn(1, 1, 64) / 8, torch.tensor([0.5])]
    expected = reference_answer(model, *inputs)
    model.to_mixed_precision(torch.bfloat16)
    assert rms(model(*inputs), expected) < ORDINARY_RMS


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_tokens_and_modulation_stay_in_float32_between_branches_in_half_precision(
    transformer: STDiT, dtype: torch.dtype
) -> None:
    x, previous, text, _, _ = (tensor[:1] for tensor in golden("case0"))
    transformer.to_mixed_precision(dtype)
    seen = []
    for block in transformer.blocks:
        block.register_forward_pre_hook(lambda _, given: seen.append((given[0].dtype, given[2].dtype)))
        block.mlp.fc1.register_forward_pre_hook(lambda _, given: seen.append(given[0].dtype))
    transformer.step(x, transformer.condition(previous, text), transformer.modulation_at(0.5))
    assert seen == [(torch.float32, torch.float32), dtype] * transformer.config.depth


def test_a_step_of_a_demo_model_stays_near_in_bf16(transformer: STDiT) -> None:
    """It has convolutions, and reports that modulate, beside what released models have."""
    torch.manual_seed(0)
    config = replace(transformer.config, head_merge="usual", text_facts=3, detail=2, detail_blocks=1)
    model = STDiT(config).eval().requires_grad_(False)
    x, previous, text, t, _ = golden("case0")
    expected = reference_answer(model, x, previous, text, t)
    model.to_mixed_precision(torch.bfloat16)
    assert rms(model(x, previous, text, t), expected) < ORDINARY_RMS


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES)
def test_a_step_on_a_gpu_stays_near_the_published_one(transformer: STDiT, case: str) -> None:
    *inputs, expected = (tensor.cuda() for tensor in golden(case))
    dtype = resolve_precision(torch.device("cuda"), "auto").transformer
    transformer.cuda().to_mixed_precision(dtype)
    velocity = transformer(*inputs)
    assert rms(velocity, expected) < half_precision_limit(case, dtype)


def test_tokens_lie_side_by_side_from_block_to_block(transformer: STDiT) -> None:
    """They used to lie channels first, and every norm of every block rearranged them."""
    x, previous, text, _, _ = (tensor[:1] for tensor in golden("case0"))
    seen = []
    for block in transformer.blocks:
        block.register_forward_pre_hook(lambda _, given: seen.append(given[0].is_contiguous()))
    transformer.step(x, transformer.condition(previous, text), transformer.modulation_at(0.5))
    assert seen == [True] * transformer.config.depth
