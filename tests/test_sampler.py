"""Chunk after chunk: what each is made from, where a volume ends, and what becomes of slices that turn white."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ctflow.card import EndRule, LearntEndRule
from ctflow.lineage import plan_chunks
from ctflow.report import Report
from ctflow.request import GenerationRequest, ScanMode, ScanStart, SharedPrevious, Start, VolumeStart
from ctflow.sampler import Chunks, ChunkSampled, Conditions, KeptChunks, sample
from ctflow.volume import Volume
from ctflow.volume_end import LearntEnd, PublishedEnd, VolumeEnd

SLICES = 4
WHITE = 9.0
TURNING = 6.0  # half black, half white; what is 5 or less is chest
BLACK_SLICE, WHITE_SLICE = torch.full((1, 1, 1), 3.0), torch.full((1, 1, 1), WHITE)
END = PublishedEnd(WHITE_SLICE, EndRule(tolerance=0.1, share=0.9))
LEARNT_END = LearntEnd(BLACK_SLICE, WHITE_SLICE, LearntEndRule(border_whiteness=0.4))


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


REQUEST = GenerationRequest(
    report=Report("Clear."), seed=0, solver="euler", steps=1, shift=1, chunks=1, guidance=1, guidance_above_t=0
)


def sampled(
    transformer: Scripted,
    chunks: int,
    start: Start | None = None,
    end: VolumeEnd = END,
    kept: KeptChunks | None = None,
    report: str = "Clear.",
) -> list[list[float]]:
    """The slices of each chunk. `start`: a scan's slices are their HU."""
    request = replace(REQUEST, chunks=chunks, report=Report(report))

    def noise(chunk: int) -> Iterator[Tensor]:
        yield torch.zeros(1, SLICES, 1, 1)

    def scan_chunk(start: ScanStart, chunk: int) -> Tensor:
        return torch.from_numpy(start.scan.hu)[None, chunk * SLICES : (chunk + 1) * SLICES].float()

    conditions = Conditions(torch.zeros(1, 1, 1), noise)
    before = torch.full((1, SLICES, 1, 1), -1.0)
    made = Chunks(transformer, "velocity", before, lambda _: conditions, scan_chunk, kept or KeptChunks(8))  # type: ignore[arg-type]
    events = sample(plan_chunks(request, start, SLICES), made, end)
    return [event.latents.flatten().tolist() for event in events if isinstance(event, ChunkSampled)]


def scan_start(mode: ScanMode, slices: list[float], head: int = SLICES) -> ScanStart:
    """Of slices of one pixel that has these values."""
    hu = np.array(slices, np.int16).reshape(-1, 1, 1)
    return ScanStart(mode, Volume(hu, np.eye(4)), head)


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
    scan: list[float] = [11, 12, 13, 14, 21, 22, 23, 24, 31, 32, 33, 34]
    transformer = Scripted([1, 2, 3, 4], [5, 6, 7, 8])
    goes_on = sampled(transformer, 3, scan_start("gt-head", scan))
    assert goes_on == [[11, 12, 13, 14], [1, 2, 3, 4], [5, 6, 7, 8]]
    assert transformer.previous == [[11, 12, 13, 14], [1, 2, 3, 4]]
    transformer = Scripted([WHITE, WHITE, 3, 4], [5, 6, 7, 8])
    assert len(sampled(transformer, 3, scan_start("next-block", scan))) == 3
    assert transformer.previous == [[11, 12, 13, 14], [21, 22, 23, 24]], "and no white slice ends it early"


def test_a_volume_begins_with_chunks_of_another_which_are_made_only_if_they_are_not_kept() -> None:
    first = replace(REQUEST, chunks=2, report=Report("Effusion."))
    script: list[list[float]] = [[1, 2, 3, 4], [5, 6, 7, 8], [1, 3, 5, 7]]
    start, kept = VolumeStart(request=first, chunks=1), KeptChunks(8)
    unkept = Scripted(*script[:1], *script[2:])
    assert sampled(unkept, 2, start) == [script[0], script[2]]
    assert sampled(Scripted(*script[:2]), 2, kept=kept, report="Effusion.") == script[:2]
    transformer = Scripted(script[2])
    assert sampled(transformer, 2, start, kept=kept) == [script[0], script[2]]
    assert transformer.previous == [script[0]]
    longer = Scripted([4, 4, 4, 4])
    chain = VolumeStart(request=replace(REQUEST, chunks=2), chunks=2, start=start)
    assert sampled(longer, 3, chain, kept=kept, report="Clear again.") == [script[0], script[2], [4] * 4]
    assert longer.previous == [script[2]]


def test_what_is_asked_for_is_made_although_it_is_kept() -> None:
    kept = KeptChunks(8)
    for _ in range(2):
        transformer = Scripted([1, 2, 3, 4])
        assert sampled(transformer, 1, kept=kept) == [[1, 2, 3, 4]]
        assert len(transformer.previous) == 1


def test_every_chunk_can_be_made_from_the_one_before_it_of_another_volume() -> None:
    kept, other = KeptChunks(8), replace(REQUEST, chunks=3, report=Report("Effusion."))
    sampled(Scripted([1, 2, 3, 4], [5, 6, 7, 8], [1, 3, 5, 7]), 3, kept=kept, report="Effusion.")
    transformer = Scripted([2, 2, 2, 2], [WHITE, WHITE, 3, 3], [4, 4, 4, 4])
    shown = sampled(transformer, 3, SharedPrevious(request=other), kept=kept)
    assert shown == [[2] * 4, [WHITE, WHITE, 3, 3], [4] * 4], "and no white slice ends it early"
    assert transformer.previous == [[-1] * 4, [1, 2, 3, 4], [5, 6, 7, 8]]


def test_only_the_last_chunks_are_kept() -> None:
    kept = KeptChunks(2)
    sampled(Scripted([1, 2, 3, 4], [5, 6, 7, 8], [1, 3, 5, 7]), 3, kept=kept, report="Effusion.")
    transformer = Scripted([1, 2, 3, 4], [4] * 4)
    sampled(
        transformer, 2, VolumeStart(request=replace(REQUEST, chunks=1, report=Report("Effusion.")), chunks=1), kept=kept
    )
    assert len(transformer.previous) == 2, "the first is made again"


def test_slices_held_back_where_another_request_goes_on_are_neither_lost_nor_kept_at_an_end() -> None:
    start = VolumeStart(request=replace(REQUEST, report=Report("Effusion.")), chunks=1)
    assert sampled(Scripted([1, 2, WHITE, WHITE], [5, 6, 7, 8]), 2, start) == [[1, 2], [WHITE, WHITE, 5, 6, 7, 8]]
    assert sampled(Scripted([1, 2, WHITE, WHITE], [WHITE] * 4), 2, start) == [[1, 2], []]


@pytest.mark.parametrize(
    ("chunks", "shown"),
    [
        ([[1, 2, TURNING, WHITE], [WHITE] * 4], [[1, 2], []]),
        ([[1, 2, 3, TURNING], [WHITE] * 4], [[1, 2, 3], []]),
        ([[1, 2, 3, 4], [TURNING, WHITE, WHITE, WHITE]], [[1, 2, 3, 4], []]),
        ([[1, 2, 3, 4], [TURNING, TURNING, WHITE, TURNING]], [[1, 2, 3, 4], []]),
        ([[1, 2, TURNING, TURNING], [TURNING, WHITE, WHITE, WHITE]], [[1, 2], []]),
    ],
    ids=["inside a chunk", "before a chunk", "first of a chunk", "never all white", "across two chunks"],
)
def test_a_learnt_end_is_where_the_volume_begins_to_turn_white(
    chunks: list[list[float]], shown: list[list[float]]
) -> None:
    """Half-white slices were kept, and the published rule made one chunk more after a half-white first slice."""
    transformer = Scripted(*chunks, [1, 2, 3, 4])
    assert sampled(transformer, 3, end=LEARNT_END) == shown
    assert len(transformer.previous) == 2, "the third chunk is never made"


def test_a_volume_that_turns_white_in_the_last_chunk_there_is_ends_there_too() -> None:
    assert sampled(Scripted([1, 2, 3, 4], [1, TURNING, WHITE, WHITE]), 2, end=LEARNT_END) == [[1, 2, 3, 4], [1]]


def test_a_volume_that_never_turns_white_has_all_its_slices() -> None:
    assert sampled(Scripted([1, 2, 3, 4], [5, 1, 2, 3]), 2, end=LEARNT_END) == [[1, 2, 3, 4], [5, 1, 2, 3]]


def test_slices_that_looked_like_the_learnt_end_come_with_the_next_chunk() -> None:
    goes_on = sampled(Scripted([1, 2, 3, TURNING], [1, 2, 3, 4]), 2, end=LEARNT_END)
    assert goes_on == [[1, 2, 3], [TURNING, 1, 2, 3, 4]]


@pytest.mark.parametrize("mode", ["gt-head", "next-block"])
def test_a_scans_own_slices_are_never_cut(mode: ScanMode) -> None:
    scan = scan_start(mode, [WHITE] * 12)
    shown = sampled(Scripted([1, 2, 3, TURNING], [WHITE] * 4), 3, scan, LEARNT_END)
    assert shown == [[WHITE] * 4, [1, 2, 3], []]


def test_a_chunk_that_turns_white_at_once_ends_a_volume_after_a_scan_but_not_one_from_true_chunks() -> None:
    scan = [1.0] * 12
    turning, chest = [TURNING, WHITE, 3.0, WHITE], [1.0, 2.0, 3.0, 4.0]
    after = sampled(Scripted(turning, chest), 3, scan_start("gt-head", scan), LEARNT_END)
    assert after == [[1] * 4, turning[:3]]
    true = sampled(Scripted(turning, chest), 3, scan_start("next-block", scan), LEARNT_END)
    assert true == [[1] * 4, turning[:3], [WHITE, *chest]]


@given(
    st.lists(st.lists(st.sampled_from([1.0, 5.0, TURNING, WHITE]), min_size=4, max_size=4), min_size=1, max_size=4),
    st.sampled_from([END, LEARNT_END]),
)
def test_what_is_shown_is_the_beginning_of_what_was_made_and_does_not_end_white(
    chunks: list[list[float]], end: VolumeEnd
) -> None:
    shown = [value for chunk in sampled(Scripted(*chunks), len(chunks), end=end) for value in chunk]
    made = [value for chunk in chunks for value in chunk]
    belongs_to_end = end.is_end(torch.tensor(made).reshape(1, -1, 1, 1))
    chest = [*belongs_to_end, True].index(True)
    assert shown == made[: len(shown)]
    assert len(shown) >= chest, "nothing before the first white slice is lost"
    assert not shown or not belongs_to_end[len(shown) - 1]


def test_how_white_a_border_is_does_not_depend_on_what_is_inside() -> None:
    black, white = torch.zeros(2, 4, 4), torch.stack([torch.full((4, 4), 2.0), torch.full((4, 4), -1.0)])
    end = LearntEnd(black, white, LearntEndRule(border_whiteness=0.15))
    inside, beside, half, beyond = (black.clone() for _ in range(4))
    inside[:, 1:3, 1:3] = white[:, 1:3, 1:3]
    beside[:, :1] = white[:, :1]
    half += white / 2
    beyond += 1.5 * white
    slices = torch.stack([black, inside, beside, half, white, beyond], dim=1)
    torch.testing.assert_close(end.border_whiteness(slices), torch.tensor([0, 0, 4 / 12, 0.5, 1, 1.5]))
    assert end.is_end(slices) == [False, False, True, True, True, True]
