"""Our transformer, sampler and A-VAE against numbers made by the released code (ORIGIN.md beside them)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from ctflow.benchmark.reference import reference_answer
from ctflow.card import EndRule
from ctflow.checkpoint.folder import load_autoencoder
from ctflow.flow import solve
from ctflow.lineage import plan_chunks
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT
from ctflow.report import Report
from ctflow.request import GenerationRequest, ScanStart
from ctflow.sampler import Chunks, ChunkSampled, Conditions, KeptChunks, StepSampled, sample, velocity_of
from ctflow.volume_end import PublishedEnd
from tests.golden.forward import CASES, GOLDEN, exact_velocity, golden, golden_transformer
from tests.golden.rounding import Exact, exact, rms

SCALE, SHIFT = 0.3611, 0.1159
SLICES = 4
STEPS = 200


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def merging_heads_as_usual(transformer: STDiT) -> STDiT:
    usual = STDiT(replace(transformer.config, head_merge="usual"))
    usual.load_state_dict(transformer.state_dict())
    return usual.eval().requires_grad_(False)


def with_shift_and_scale_swapped(transformer: STDiT) -> STDiT:
    for block in transformer.blocks:
        block.scale_shift_table.copy_(block.scale_shift_table[[1, 0, 2, 3, 4, 5]])
    return transformer


def without_positions_along_the_slices(transformer: STDiT) -> STDiT:
    transformer.pos_embed_temporal.zero_()
    return transformer


def without_text(transformer: STDiT) -> STDiT:
    for parameter in transformer.y_embedder.parameters():
        parameter.zero_()
    return transformer


FAULTS = (merging_heads_as_usual, with_shift_and_scale_swapped, without_positions_along_the_slices, without_text)


@pytest.mark.parametrize("case", CASES)
def test_the_transformer_gives_the_published_velocity(case: str) -> None:
    """In float64, so that what is left is the error of the golden numbers themselves."""
    *inputs, published = golden(case)
    velocity = golden_transformer().double()(*(tensor.double() for tensor in inputs))
    assert rms(velocity, published) < exact_velocity(case).limit


@pytest.mark.parametrize("case", CASES)
def test_in_float32_it_is_as_exact_as_the_published_computation(case: str) -> None:
    *inputs, _ = golden(case)
    expected = exact_velocity(case)
    assert rms(golden_transformer()(*inputs), expected.answer) < expected.limit


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_limit_follows_rounding_and_hides_no_fault(fault: Callable[[STDiT], STDiT], case: str) -> None:
    *inputs, published = golden(case)
    velocity = fault(golden_transformer()).double()(*(tensor.double() for tensor in inputs))
    assert rms(velocity, published) > 10 * exact_velocity(case).limit


@cache
def rollout() -> dict[str, Tensor]:
    return load_file(GOLDEN / "rollout.safetensors")


def published_chunk(chunk: int) -> Tensor:
    """(1, C, slices, H, W); -1 is the black one before the first."""
    return rollout()["latents"][:, :, (chunk + 1) * SLICES : (chunk + 2) * SLICES]


def released_rollout(times: Tensor, noise: Tensor, previous: Tensor, text: Tensor) -> Tensor:
    """Euler steps of the literal reference, from time to time, in the precision of the noise."""
    transformer, state = golden_transformer().to(noise.dtype), noise
    for start, end in pairwise(times.to(noise.dtype)):
        state = state + (end - start) * reference_answer(transformer, state, previous, text, start.expand(len(state)))
    return state


@cache
def exact_chunk(chunk: int) -> Exact:
    """From the published previous chunk, at times rounded to float32, as those of the released code are."""
    inputs = rollout()["noise"][chunk][None], published_chunk(chunk - 1), rollout()["text"]
    return exact(partial(released_rollout, torch.linspace(1, 0, STEPS + 1)), inputs)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(3))
def test_the_literal_reference_ends_where_the_published_steps_do(chunk: int) -> None:
    """So its own rounding may tell how near anything else has to come."""
    assert rms(exact_chunk(chunk).answer, published_chunk(chunk)) < exact_chunk(chunk).limit


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(3))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_200_euler_steps_of_each_chunk_end_where_the_published_ones_do(chunk: int, dtype: torch.dtype) -> None:
    noise, previous, text = (
        tensor.to(dtype) for tensor in (rollout()["noise"][chunk][None], published_chunk(chunk - 1), rollout()["text"])
    )
    velocity = velocity_of(golden_transformer().to(dtype), "velocity", previous, text, guidance=1)
    *_, last = solve(velocity, iter([noise]), "euler", STEPS, shift=1)
    assert rms(last, published_chunk(chunk)) < exact_chunk(chunk).limit


def no_scan(start: ScanStart, chunk: int) -> Tensor:
    raise AssertionError(f"no chunk is a scan's, but {chunk} was asked for")


@pytest.mark.slow
def test_the_sampler_chains_chunks_as_published() -> None:
    """Each chunk of the whole sampler is what the literal reference makes of the one before it, to float64's rounding.

    Not compared with the published volume from end to end: what rounding leaves in one chunk grows a million times in
    the next.
    """
    noise, black, text = (
        tensor.double() for tensor in (rollout()["noise"][:, None], published_chunk(-1), rollout()["text"])
    )
    request = GenerationRequest(
        report=Report("golden"),
        seed=0,
        solver="euler",
        steps=STEPS,
        shift=1,
        chunks=len(noise),
        guidance=1,
        guidance_above_t=0,
    )
    end = PublishedEnd(rollout()["white_latent_scaled"][0].double(), EndRule(tolerance=0.1, share=0.9))
    transformer = golden_transformer().double()
    conditions = Conditions(text, lambda chunk: iter(noise[chunk]))
    chunks = Chunks(transformer, "velocity", black[0], lambda _: conditions, no_scan, KeptChunks(len(noise)))
    events = list(sample(plan_chunks(request, None, SLICES), chunks, end))
    assert sum(isinstance(event, StepSampled) for event in events) == STEPS * len(noise)
    sampled = [event.latents for event in events if isinstance(event, ChunkSampled)]
    assert len(sampled) == len(noise)
    times = torch.tensor([1 - step / STEPS for step in range(STEPS + 1)], dtype=torch.float64)
    for chunk, previous in enumerate([black[0], *sampled[:-1]]):
        expected = released_rollout(times, noise[chunk], previous[None], text)
        assert rms(sampled[chunk][None], expected) < exact_chunk(chunk).float32_error / 1000


@pytest.fixture(scope="module")
def avae() -> AVAE:
    return AVAE(load_autoencoder(GOLDEN / "vae").eval(), SCALE, SHIFT)


def test_black_and_white_codes_are_the_published_ones(avae: AVAE) -> None:
    with torch.inference_mode():
        black, white = (avae.code_of(intensity, 64, 64) for intensity in (0.0, 1.0))
    torch.testing.assert_close(black, rollout()["latents"][0, :, 0])
    torch.testing.assert_close(white, rollout()["white_latent_scaled"][0])


def test_every_decoded_pixel_is_the_published_one(avae: AVAE) -> None:
    with torch.inference_mode():
        slices = rollout()["latents"][0].transpose(0, 1) / avae.scale + avae.shift
        channels = avae.network.decode(slices).transpose(0, 1)
    off = ((306 * channels).clamp(0, 255).to(torch.uint8).int() - rollout()["decoded_uint8"][0].int()).abs()
    assert (off > 1).float().mean() < 5e-4 and (off > 0).float().mean() < 0.01


def test_decoded_slices_are_the_mean_of_the_published_channels(avae: AVAE) -> None:
    with torch.inference_mode():
        intensity = avae.decode(rollout()["latents"][0].transpose(0, 1))
    # The mean over the decoder's channels; truncation of each to uint8 takes off half a grey value on average.
    expected = rollout()["decoded_uint8"][0].float().mean(0)
    inside = (rollout()["decoded_uint8"][0] > 0).all(0) & (rollout()["decoded_uint8"][0] < 255).all(0)
    error = (306 * intensity - expected)[inside]
    assert inside.float().mean() > 0.05
    assert error.min() >= 0 and error.max() < 1


@pytest.mark.parametrize("case", range(5))
def test_a_volume_ends_where_the_published_code_ends_it(case: int) -> None:
    golden = load_file(GOLDEN / "stop.safetensors")
    end = PublishedEnd(rollout()["white_latent_scaled"][0], EndRule(tolerance=0.1, share=0.9))
    latents = golden[f"case{case}.latents"][0]
    assert end.ends_volume(latents) == bool(golden[f"case{case}.is_stop"])
    assert end.kept(latents) == int(golden[f"case{case}.kept"])
