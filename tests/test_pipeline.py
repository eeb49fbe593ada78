"""The whole generator on random weights: events, reproduction, orientation, how a volume ends."""

import gc
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ctflow.card import Guidance, LearntEndRule, PartialGuidance, write_card
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.errors import RequestError, ResourceError, VolumeError
from ctflow.generator import ChunkDone, Drafted, Finished, Started, StepDone, joined
from ctflow.models.avae import AVAE
from ctflow.models.text import no_text
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.request import SharedPrevious
from ctflow.runtime.engine import Engine, engine_on
from ctflow.sampler import velocity_of
from ctflow.volume import Volume
from ctflow.volume_end import LearntEnd, PublishedEnd, volume_end
from tests.tiny import CARD, tiny_checkpoint

REPORT = Report("Large right pleural effusion.")


def test_the_chunks_shown_are_the_volume_in_the_end(model: CTFlow) -> None:
    events = list(model.stream(model.card.request(REPORT, seed=1)))
    chunks = [event for event in events if isinstance(event, ChunkDone)]
    assert isinstance(events[0], Started) and isinstance(events[-1], Finished)
    assert [chunk.first_slice for chunk in chunks] == [0, 4]
    assert [(e.chunk, e.step) for e in events if isinstance(e, StepDone)] == [(c, s) for c in (0, 1) for s in range(3)]
    assert events[0].shape == events[-1].shape == joined(events).hu.shape == (8, 32, 32)
    np.testing.assert_array_equal(joined(events).hu, model.generate(events[0].request).hu)


def test_a_draft_is_what_a_step_points_to_and_comes_early_once_and_only_where_it_is_wanted(folder: Path) -> None:
    """The only step of another volume, of the same noise, goes all the way to where the first of four points."""
    model = CTFlow.load(folder, "cpu", precision="float32", drafts=True)
    request = model.card.request(REPORT, seed=1, steps=4, solver="euler")
    events = list(model.stream(request))
    before, (draft,) = events[: events.index(StepDone(0, 0)) + 1], [e for e in events if isinstance(e, Drafted)]
    assert events[len(before)] is draft
    one_step = model.generate(model.card.request(REPORT, seed=1, steps=1, solver="euler")).hu
    for shown in draft.hu:  # one of four slices is decoded, and shown for all; alone it is rounded otherwise
        np.testing.assert_allclose(shown.astype(int), one_step[2], atol=1)
    plain = list(CTFlow.load(folder, "cpu", precision="float32").stream(request))
    assert not [event for event in plain if isinstance(event, Drafted)]
    np.testing.assert_array_equal(joined(events).hu, joined(plain).hu)


def test_a_volume_of_few_steps_has_no_draft(folder: Path) -> None:
    model = CTFlow.load(folder, "cpu", precision="float32", drafts=True)
    events = list(model.stream(model.card.request(REPORT, seed=1, steps=3)))
    assert not [event for event in events if isinstance(event, Drafted)]


def test_a_volume_whose_chunks_are_made_from_those_of_another_has_no_draft_of_the_other(folder: Path) -> None:
    model = CTFlow.load(folder, "cpu", drafts=True)
    request = model.card.request(REPORT, seed=1, steps=4, solver="euler")
    other = replace(request, report=Report("The lungs are clear."))
    events = list(model.stream(request, SharedPrevious(request=other)))
    assert sum(isinstance(event, StepDone) for event in events) == 3 * 4, "the other's first chunk is made, too"
    assert [event.chunk for event in events if isinstance(event, Drafted)] == [0]


def test_a_chunk_is_decoded_a_few_slices_at_a_time(model: CTFlow, folder: Path) -> None:
    """A whole chunk of the demo model took as long as six steps, and Stop was heard only after it."""

    def three_at_once(*networks: Any) -> Engine:
        return replace(engine_on(*networks), slices_at_once=3)

    request = model.card.request(REPORT, seed=1)
    expected = model.generate(request).hu.astype(int)
    *events, finished = CTFlow.load(folder, "cpu", precision="float32", make_engine=three_at_once).stream(request)
    chunks = [event for event in events if isinstance(event, ChunkDone)]
    assert [(chunk.chunk, chunk.first_slice, len(chunk.hu)) for chunk in chunks] == [
        (0, 0, 3), (0, 3, 1), (1, 4, 3), (1, 7, 1),
    ]  # fmt: skip
    assert isinstance(finished, Finished)
    # A convolution's last bits depend on how many slices it is given.
    assert np.abs(np.concatenate([chunk.hu for chunk in chunks]) - expected).max() <= 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_seed_gives_the_same_bytes_in_the_same_precision(folder: Path, precision: str) -> None:
    """Both are asked for, so that the test runs where bf16 is slow too."""
    one, other = (CTFlow.load(folder, "cpu", precision=precision) for _ in range(2))
    request = one.card.request(REPORT, seed=7)
    assert one.precision == precision
    np.testing.assert_array_equal(one.generate(request).hu, other.generate(request).hu)


def test_a_volume_in_bf16_is_the_same_chest_in_other_bytes(folder: Path) -> None:
    exact, rounded = (CTFlow.load(folder, "cpu", precision=name) for name in ("float32", "bfloat16"))
    request = exact.card.request(REPORT, seed=7)
    expected, found = (model.generate(request).hu.astype(float) for model in (exact, rounded))
    assert expected.shape == found.shape
    assert 0 < abs(expected - found).mean() < 0.05 * expected.std()


@pytest.mark.parametrize("solver", ["euler", "midpoint", "stochastic"])
def test_the_same_request_gives_the_same_voxels_and_another_seed_others(model: CTFlow, solver: str) -> None:
    request = model.card.request(REPORT, seed=7, solver=solver, steps=4, guidance=2.0)
    first, again = model.generate(request), model.generate(request)
    np.testing.assert_array_equal(first.hu, again.hu)
    assert (model.generate(replace(request, seed=8)).hu != first.hu).any()


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    outs = [tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"]
    for out in outs:
        command = [sys.executable, "-m", "ctflow", "generate", "--report", "No effusion.", "--seed", "3"]
        subprocess.run([*command, "--model", folder, "--device", "cpu", "--out", out], check=True, capture_output=True)
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_a_shorter_request_is_a_prefix_of_a_longer_one(model: CTFlow) -> None:
    short, long = (model.generate(model.card.request(REPORT, seed=5, chunks=n)).hu for n in (1, 3))
    np.testing.assert_array_equal(short, long[: len(short)])


def test_guidance_1_is_the_report_alone_and_more_weighs_it_against_no_report(folder: Path) -> None:
    """Against the plain forward pass, which knows nothing of guidance."""
    transformer = load_checkpoint(folder).transformer
    x, previous = torch.randn(2, 1, CARD.latent.channels, CARD.geometry.slices_per_chunk, 8, 8)
    text, t = torch.randn(1, 1, 8), 0.3
    with torch.inference_mode():
        alone, without = (transformer(x, previous, given, torch.tensor([t])) for given in (text, no_text(text)))
        assert torch.equal(velocity_of(transformer, "velocity", previous, text, guidance=1)(x, t), alone)
        guided = velocity_of(transformer, "velocity", previous, text, guidance=4)(x, t)
    torch.testing.assert_close(guided, without + 4 * (alone - without))
    assert not torch.allclose(guided, alone)


def test_guidance_counts_above_a_time_and_costs_nothing_at_or_below_it(folder: Path) -> None:
    transformer = load_checkpoint(folder).transformer
    x, previous = torch.randn(2, 1, CARD.latent.channels, CARD.geometry.slices_per_chunk, 8, 8)
    text = torch.randn(1, 1, 8)
    alone, guided, partly = (
        velocity_of(transformer, "velocity", previous, text, guidance, guidance_above_t=above_t)
        for guidance, above_t in ((1, 0.0), (4, 0.0), (4, 0.5))
    )
    with torch.inference_mode():
        assert torch.equal(partly(x, 0.51), guided(x, 0.51))
        assert torch.equal(partly(x, 0.5), alone(x, 0.5))
        assert not torch.equal(guided(x, 0.5), alone(x, 0.5))


def test_a_model_guides_in_the_part_of_t_that_its_card_or_the_request_says(folder: Path) -> None:
    card = replace(CARD, guidance=PartialGuidance(trained=True, default=4.0, above_t=0.5))
    model = CTFlow(replace(load_checkpoint(folder), card=card), torch.device("cpu"))
    part, whole, nowhere, alone = (
        model.generate(card.request(REPORT, seed=5, chunks=1, **changes)).hu
        for changes in ({}, {"guidance_above_t": 0}, {"guidance_above_t": 1}, {"guidance": 1})
    )
    assert (part != whole).any() and (part != alone).any()
    np.testing.assert_array_equal(nowhere, alone)


def test_guidance_1_gives_the_volume_of_a_model_without_guidance_and_more_another(model: CTFlow, folder: Path) -> None:
    card = replace(CARD, guidance=Guidance(trained=False, default=1.0))
    untrained = CTFlow(replace(load_checkpoint(folder), card=card), torch.device("cpu"))
    unguided = untrained.generate(untrained.card.request(REPORT, seed=5, chunks=1)).hu
    plain, guided = (model.generate(model.card.request(REPORT, seed=5, chunks=1, guidance=g)).hu for g in (1, 4))
    np.testing.assert_array_equal(plain, unguided)
    assert (guided != unguided).any()


def test_what_the_transformer_answers_with_is_in_the_card(model: CTFlow, folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "data")
    write_card(replace(CARD, prediction="data"), other / "card.json")
    request = model.card.request(REPORT, seed=5, chunks=1)
    assert (CTFlow.load(other, "cpu").generate(request).hu != model.generate(request).hu).any()


def test_closing_the_stream_stops_it_and_the_next_request_is_as_if_nothing_had_been(model: CTFlow) -> None:
    request = model.card.request(REPORT, seed=2)
    expected = model.generate(request).hu
    stream = model.stream(request)
    while not isinstance(next(stream), StepDone):
        pass
    stream.close()
    np.testing.assert_array_equal(model.generate(request).hu, expected)


def test_a_volume_that_ends_at_once_is_an_error_with_its_seed(tmp_path: Path) -> None:
    everything_is_white = replace(CARD.end, tolerance=1e6)
    model = CTFlow.load(tiny_checkpoint(tmp_path / "white", end=everything_is_white), "cpu")
    with pytest.raises(VolumeError, match="Seed 11"):
        model.generate(model.card.request(REPORT, seed=11))


@pytest.mark.parametrize("first_previous", ["black", "zeros"])
def test_the_card_says_which_rule_ends_a_volume(folder: Path, first_previous: str) -> None:
    avae = load_checkpoint(folder).avae
    assert isinstance(volume_end(CARD, avae), PublishedEnd)
    learnt = replace(CARD, end=LearntEndRule(border_whiteness=0.15), first_previous=first_previous)
    end = volume_end(learnt, avae)
    assert isinstance(end, LearntEnd)
    with torch.inference_mode():
        slices = avae.encode(torch.stack([torch.full((32, 32), value) for value in (0.0, 1.0)])).transpose(0, 1)
    torch.testing.assert_close(end.border_whiteness(slices), torch.tensor([0.0, 1.0]))
    assert end.is_end(slices) == [False, True]


@pytest.mark.parametrize(
    ("axes", "turn"),
    [
        (("I", "P", "L"), lambda hu: hu),
        (("I", "P", "R"), lambda hu: hu[:, :, ::-1]),
        (("I", "A", "L"), lambda hu: hu[:, ::-1]),
        (("S", "L", "P"), lambda hu: hu.transpose(0, 2, 1)),
        (("S", "R", "P"), lambda hu: hu[:, ::-1].transpose(0, 2, 1)),
    ],
)
def test_rows_run_to_the_back_and_columns_to_the_left_whatever_the_model_does(
    model: CTFlow, folder: Path, tmp_path: Path, axes: tuple[str, str, str], turn
) -> None:
    request = model.card.request(REPORT, seed=1, chunks=1)
    other = shutil.copytree(folder, tmp_path / "turned")
    write_card(replace(CARD, geometry=replace(CARD.geometry, axes=axes)), other / "card.json")
    turned = CTFlow.load(other, "cpu").generate(request)
    np.testing.assert_array_equal(turned.hu, turn(model.generate(request).hu))
    slices, rows, columns = turned.affine[:3, :3].T.tolist()
    assert slices == [0, 0, 3.0 if axes[0] == "S" else -3.0]
    assert rows == [0, 1.5, 0] and columns == [1.5, 0, 0]


def test_a_request_beyond_the_model_is_refused(model: CTFlow) -> None:
    with pytest.raises(RequestError, match="at most 3 chunks"):
        model.card.request(REPORT, seed=1, chunks=4)


def test_reading_counts_tokens_and_shows_what_is_cut(model: CTFlow) -> None:
    short = model.read(Report("No effusion."))
    assert short.limit == 16 and short.tokens < 16 and short.cut_text == ""
    long = model.read(Report("effusion " * 20 + "Last words."))
    assert long.tokens > 16 and long.cut_text.endswith("Last words.")
    assert long.cut_text.count("effusion") < 20


def test_a_tower_scores_volumes_on_its_own_grid_and_by_its_own_labels(tmp_path: Path) -> None:
    model = CTFlow.load(tiny_checkpoint(tmp_path / "tiny", heads=True), "cpu")
    volume = model.generate(model.card.request(REPORT, seed=1))
    score, labels = model.score(volume, REPORT), model.labels(volume)
    assert score is not None and 0 <= score <= 100
    assert labels is not None and list(labels) == ["Pleural effusion", "Pneumothorax"]
    assert all(0 < likely < 1 for likely in labels.values())
    shifted = Volume(np.roll(volume.hu, 8, axis=1), volume.affine)
    assert model.labels(shifted) != labels


def test_a_model_without_a_tower_gives_no_score(model: CTFlow) -> None:
    volume = model.generate(model.card.request(REPORT, seed=1))
    assert model.score(volume, REPORT) is None and model.labels(volume) is None


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory."),
    torch.AcceleratorError("CUDA error: out of memory", 2),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("can't allocate memory"),
    MemoryError(),
]


def raising(error: Exception) -> Callable[..., Any]:
    def exhausted(*_: object, **__: object) -> None:
        raise error

    return exhausted


def with_decoder(folder: Path, decode: Callable[[AVAE, torch.Tensor], torch.Tensor]) -> CTFlow:
    """The model of a folder with another way to decode."""
    checkpoint = load_checkpoint(folder)
    checkpoint.avae.decode = partial(decode, checkpoint.avae)  # type: ignore[method-assign]
    return CTFlow(checkpoint, torch.device("cpu"))


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_memory_that_runs_out_is_said_with_what_helps(folder: Path, error: Exception) -> None:
    model = with_decoder(folder, raising(error))
    with pytest.raises(ResourceError, match=r"memory of cpu is not enough.*guidance at 1"):
        model.generate(model.card.request(REPORT, seed=1))


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_memory_that_runs_out_while_a_model_is_loaded_is_said_too(error: Exception) -> None:
    class Exhausting(type(Path())):
        __truediv__ = raising(error)

    with pytest.raises(ResourceError, match="not enough"):
        CTFlow.load(Exhausting("anywhere"), "cpu")


def test_memory_that_runs_out_while_a_volume_is_scored_is_said_too(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(tiny_checkpoint(tmp_path / "tiny", heads=True))
    checkpoint.ctclip.image_latent = raising(torch.OutOfMemoryError("CUDA out of memory."))
    model = CTFlow(checkpoint, torch.device("cpu"))
    volume = model.generate(model.card.request(REPORT, seed=1))
    for ask in (lambda: model.score(volume, REPORT), lambda: model.labels(volume)):
        with pytest.raises(ResourceError, match="not enough"):
            ask()


def test_another_runtime_error_stays_what_it_is(folder: Path) -> None:
    model = with_decoder(folder, raising(RuntimeError("size mismatch")))
    with pytest.raises(RuntimeError, match="size mismatch"):
        model.generate(model.card.request(REPORT, seed=1))


def test_values_that_are_not_numbers_are_no_volume(folder: Path) -> None:
    """As fp16 gives them where it overflows: they would be stored as HU like any other."""
    model = with_decoder(
        folder, lambda avae, latents: AVAE.decode(avae, latents.index_fill(0, torch.tensor([1]), float("nan")))
    )
    with pytest.raises(VolumeError, match=r"On cpu, chunk 1 holds values that are not numbers"):
        model.generate(model.card.request(REPORT, seed=1))


def test_what_is_made_at_load_can_be_moved_as_zerogpu_does(folder: Path) -> None:
    """Its worker gives each tensor of the parent process other data, which an inference tensor does not survive."""
    before = {id(tensor) for tensor in tensors()}
    model = CTFlow.load(folder, "cpu", precision="float32")
    made = [tensor for tensor in tensors() if id(tensor) not in before]
    request = model.card.request(REPORT, seed=1)
    expected = model.generate(request).hu
    for tensor in made:
        tensor.data = tensor.clone()
    assert len(made) > 2
    np.testing.assert_array_equal(model.generate(request).hu, expected)


def tensors() -> list[torch.Tensor]:
    """All that there are in this process."""
    return [found for found in gc.get_objects() if issubclass(type(found), torch.Tensor)]
