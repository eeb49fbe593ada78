"""Several volumes in step: each is the one that would have been made alone, whatever the others do."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ctflow.card import EndRule
from ctflow.errors import RequestError, ShortVolumeError
from ctflow.lineage import plan_chunks
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.request import GenerationRequest, ScanStart, Start, VolumeStart
from ctflow.runtime.cuda import ReplayedTransformer
from ctflow.sampler import Chunks, ChunkSampled, Conditions, KeptChunks, StepSampled, sample, sample_together
from ctflow.volume import Volume, plane_affine
from ctflow.volume_end import PublishedEnd
from tests.runtime.test_cuda import engine_with, record_nothing
from tests.tiny import tiny_checkpoint

SLICES = 4
WHITE = 9.0
END = PublishedEnd(torch.full((1, 1, 1), WHITE), EndRule(tolerance=0.1, share=0.9))
REPORTS = [Report("Large right pleural effusion."), Report("Clear lungs."), Report("Nodule.", "Nodule.")]


class Counting:
    """A transformer whose chunk is the text of its volume plus one for each chunk before it; batches of any size."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def modulation_at(self, t: float) -> float:
        return t

    def condition(self, previous: Tensor, text: Tensor) -> Tensor:
        self.batches.append(len(previous))
        last = previous[:, :, -1:]
        return torch.where(last > 0, last + 1, text[..., None, None]).expand_as(previous)

    def step(self, x: Tensor, condition: Tensor, modulation: float) -> Tensor:
        return x - condition  # one Euler step from t = 1 to 0 then ends in `condition`


def chunks_of(transformer: Counting) -> Chunks:
    def conditions(request: GenerationRequest) -> Conditions:
        def noise(chunk: int) -> Iterator[Tensor]:
            while True:
                yield torch.full((1, SLICES, 1, 1), float(request.seed))

        return Conditions(torch.full((1, 1, 1), float(request.report.findings)), noise)

    def scan_chunk(start: ScanStart, chunk: int) -> Tensor:
        return torch.from_numpy(start.scan.hu)[None, chunk * SLICES : (chunk + 1) * SLICES].float()

    before = torch.full((1, SLICES, 1, 1), -1.0)
    return Chunks(transformer, "velocity", before, conditions, scan_chunk, KeptChunks(32))  # type: ignore[arg-type]


def request(first: int, chunks: int, seed: int = 0) -> GenerationRequest:
    return GenerationRequest(
        report=Report(str(first)),
        seed=seed,
        solver="euler",
        steps=1,
        shift=1,
        chunks=chunks,
        guidance=1,
        guidance_above_t=0,
    )


def alone(asked: GenerationRequest, start: Start | None) -> list[list[float]]:
    events = sample(plan_chunks(asked, start, SLICES), chunks_of(Counting()), END)
    return [event.latents.flatten().tolist() for event in events if isinstance(event, ChunkSampled)]


def together(
    transformer: Counting, asked: list[tuple[GenerationRequest, Start | None]]
) -> dict[int, list[list[float]]]:
    found: dict[int, list[list[float]]] = {number: [] for number in range(len(asked))}
    plans = [plan_chunks(*one, SLICES) for one in asked]
    for event in sample_together(plans, chunks_of(transformer), END):
        if not isinstance(event, StepSampled):
            number, sampled = event
            assert sampled.chunk == len(found[number])
            found[number].append(sampled.latents.flatten().tolist())
    return found


def scan_start(value: int) -> ScanStart:
    return ScanStart("gt-head", Volume(np.full((3 * SLICES, 1, 1), value, np.int16), np.eye(4)), SLICES)


def test_each_volume_has_its_own_text_and_previous_chunk_and_length() -> None:
    transformer = Counting()
    made = together(transformer, [(request(1, 2), None), (request(5, 3), None), (request(3, 1), None)])
    assert made == {0: [[1] * 4, [2] * 4], 1: [[5] * 4, [6] * 4, [7] * 4], 2: [[3] * 4]}
    assert transformer.batches == [3, 2, 1], "what has ended is in no later batch"


def test_a_volume_that_ends_takes_no_other_with_it() -> None:
    transformer = Counting()
    made = together(transformer, [(request(8, 3), None), (request(1, 3), None)])
    assert made == {0: [[8] * 4, []], 1: [[1] * 4, [2] * 4, [3] * 4]}
    assert transformer.batches == [2, 2, 1]


def test_a_scans_own_chunk_stands_at_the_beginning_of_its_volume_alone() -> None:
    made = together(Counting(), [(request(1, 2), None), (request(1, 2), scan_start(20))])
    assert made == {0: [[1] * 4, [2] * 4], 1: [[20] * 4, [21] * 4]}


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(1, 4), st.sampled_from(["alone", "scan", "volume"])),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_is_made_together_is_what_is_made_alone(wanted: list[tuple[int, int, str]]) -> None:
    asked: list[tuple[GenerationRequest, Start | None]] = []
    for first, chunks, kind in wanted:
        starts = {"alone": None, "scan": scan_start(first), "volume": VolumeStart(request=request(2, 1), chunks=1)}
        start = starts[kind] if chunks > 1 else None
        asked.append((request(first, chunks, seed=first), start))
    made = together(Counting(), asked)
    assert list(made.values()) == [alone(*one) for one in asked]


@pytest.mark.parametrize("solver", ["euler", "midpoint", "stochastic"])
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_batch_gives_the_same_volumes_as_one_by_one_to_rounding(model: CTFlow, solver: str, guidance: float) -> None:
    asked = [
        model.card.request(report, seed, solver=solver, steps=4, guidance=guidance, chunks=3 - seed % 2)
        for seed, report in enumerate(REPORTS)
    ]
    for one, volume in zip(asked, model.generate_together([(one, None) for one in asked]), strict=True):
        assert isinstance(volume, Volume)
        expected = model.generate(one)
        np.testing.assert_allclose(volume.hu.astype(int), expected.hu, atol=1)
        np.testing.assert_array_equal(volume.affine, expected.affine)


def test_a_batch_of_volumes_that_begin_with_scans_is_the_same_too(model: CTFlow) -> None:
    hu = np.random.default_rng(0).integers(-900, 100, (2, 12, 32, 32)).astype(np.int16)
    affine = plane_affine(("I", "P", "L"), (3.0, 1.5, 1.5), 32, 32)
    starts = [ScanStart("next-block", Volume(one, affine), 4) for one in hu]
    asked = [(model.card.request(REPORTS[i], i, chunks=3), start) for i, start in enumerate(starts)]
    for one, volume in zip(asked, model.generate_together(asked), strict=True):
        assert isinstance(volume, Volume)
        np.testing.assert_allclose(volume.hu.astype(int), model.generate(*one).hu, atol=1)


def test_a_recorded_step_is_replayed_for_each_number_of_volumes(model: CTFlow, folder: Path) -> None:
    """As on a GPU. What is recorded is of one size, and volumes end one after another."""
    replaying = engine_with(transformer=lambda engine: ReplayedTransformer(engine.transformer, record_nothing))
    replayed = CTFlow.load(folder, "cpu", precision="float32", make_engine=replaying)
    asked = [(model.card.request(REPORTS[i], i, chunks=1 + i, guidance=2.0), None) for i in range(3)]
    for one, volume in zip(asked, replayed.generate_together(asked), strict=True):
        assert isinstance(volume, Volume)
        np.testing.assert_allclose(volume.hu.astype(int), model.generate(*one).hu, atol=1)


def test_a_volume_without_a_slice_is_an_error_of_its_own_that_names_its_seed(tmp_path: Path) -> None:
    """The white latent is anything up to this tolerance, so that every slice belongs to the end."""
    model = CTFlow.load(tiny_checkpoint(tmp_path / "white", end=EndRule(tolerance=1e9, share=0.5)), "cpu")
    found = model.generate_together([(model.card.request(REPORTS[0], seed), None) for seed in (3, 4)])
    for seed, error in zip((3, 4), found, strict=True):
        assert isinstance(error, ShortVolumeError)
        assert f"Seed {seed} ended this volume before its first slice" in str(error)


def test_what_goes_another_way_through_the_solver_is_not_made_together(model: CTFlow) -> None:
    one, other = (model.card.request(REPORTS[0], 0, steps=steps) for steps in (2, 4))
    with pytest.raises(RequestError, match="the same solver, steps, shift and guidance"):
        model.generate_together([(one, None), (other, None)])
