"""Chunk after chunk: what each is made from, where a volume ends, and what becomes of white slices."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ctflow.card import EndRule
from ctflow.report import Report
from ctflow.request import GenerationRequest
from ctflow.sampler import ChunkSampled, ScanLatents, VolumeEnd, sample

SLICES = 4
WHITE = 9.0
END = VolumeEnd(torch.full((1, 1, 1), WHITE), EndRule(tolerance=0.1, share=0.9))


class Scripted:
    """A transformer whose chunks hold these values, one a slice; `previous`: what it was given each time."""

    def __init__(self, *chunks: list[float]) -> None:
        self.chunks = [torch.tensor(chunk).reshape(1, 1, SLICES, 1, 1) for chunk in chunks]
        self.previous: list[list[float]] = []

    def modulation_at(self, t: float) -> float:
        return t

    def condition(self, previous: Tensor, text: Tensor) -> Tensor:
        self.previous.append(previous.flatten().tolist())
        return self.chunks[len(self.previous) - 1]

    def step(self, x: Tensor, condition: Tensor, modulation: float) -> Tensor:
        return x - condition  # one Euler step from t = 1 to 0 then ends in `condition`


def sampled(transformer: Scripted, chunks: int, scan: ScanLatents | None = None) -> list[list[float]]:
    """The slices of each chunk."""
    request = GenerationRequest(
        report=Report("Clear."), seed=0, solver="euler", steps=1, shift=1, chunks=chunks, guidance=1
    )

    def noise(chunk: int) -> Iterator[Tensor]:
        yield torch.zeros(1, SLICES, 1, 1)

    before, text = torch.full((1, SLICES, 1, 1), -1.0), torch.zeros(1, 1, 1)
    events = sample(transformer, "velocity", request, text, before, END, noise, scan)  # type: ignore[arg-type]
    return [event.latents.flatten().tolist() for event in events if isinstance(event, ChunkSampled)]


def test_each_chunk_is_made_from_the_one_before_it() -> None:
    transformer = Scripted([1, 2, 3, 4], [5, 6, 7, 8], [1, 3, 5, 7])
    assert sampled(transformer, 3) == [[1, 2, 3, 4], [5, 6, 7, 8], [1, 3, 5, 7]]
    assert transformer.previous == [[-1] * 4, [1, 2, 3, 4], [5, 6, 7, 8]]


def test_white_slices_at_the_end_of_a_chunk_come_with_the_next_one() -> None:
    assert sampled(Scripted([1, 2, WHITE, WHITE], [5, 6, 7, 8]), 2) == [[1, 2], [WHITE, WHITE, 5, 6, 7, 8]]


def test_a_chunk_that_begins_white_ends_the_volume_before_its_trailing_white_slices() -> None:
    transformer = Scripted([1, 2, 3, WHITE], [WHITE, WHITE, WHITE, WHITE], [1, 2, 3, 4])
    assert sampled(transformer, 3) == [[1, 2, 3], []]
    assert len(transformer.previous) == 2, "the third chunk is never made"


def test_white_slices_before_the_last_others_are_kept() -> None:
    assert sampled(Scripted([WHITE, 2, 3, WHITE], [1, 2, 3, 4]), 2) == [[WHITE, 2, 3]]


def test_a_scan_gives_the_first_chunks_or_every_previous_one() -> None:
    scan = torch.tensor([[11.0, 12, 13, 14, 21, 22, 23, 24]]).reshape(1, 8, 1, 1)
    transformer = Scripted([1, 2, 3, 4], [5, 6, 7, 8])
    goes_on = sampled(transformer, 3, ScanLatents(scan, head=1, always_previous=False))
    assert goes_on == [[11, 12, 13, 14], [1, 2, 3, 4], [5, 6, 7, 8]]
    assert transformer.previous == [[11, 12, 13, 14], [1, 2, 3, 4]]
    transformer = Scripted([WHITE, WHITE, 3, 4], [5, 6, 7, 8])
    assert len(sampled(transformer, 3, ScanLatents(scan, head=1, always_previous=True))) == 3
    assert transformer.previous == [[11, 12, 13, 14], [21, 22, 23, 24]], "and no white slice ends it early"
