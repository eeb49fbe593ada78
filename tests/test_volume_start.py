"""Volumes built on other volumes of the same model: going on from a chunk, and chunks made from another's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctflow.errors import RequestError
from ctflow.generator import StepDone, joined
from ctflow.model_grid import ModelGrid
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.request import GenerationRequest, ScanStart, SharedPrevious, Start, VolumeStart, check_volume_start
from ctflow.volume import Volume

REPORT, OTHER = Report("Large right pleural effusion."), Report("No pleural effusion.")
PER_CHUNK = 4


def made(model: CTFlow, request: GenerationRequest, start: Start | None = None) -> tuple[np.ndarray, int]:
    """The HU, and how many evaluations of the transformer they took."""
    events = list(model.stream(request, start))
    return joined(events).hu, sum(isinstance(event, StepDone) for event in events)


def test_what_lies_before_the_chunk_stays_and_costs_nothing_and_the_rest_is_made_again(model: CTFlow) -> None:
    first = model.card.request(REPORT, seed=1, chunks=3)
    before, _ = made(model, first)
    edited = model.card.request(OTHER, seed=1, chunks=3)
    after, evaluations = made(model, edited, VolumeStart(request=first, chunks=1))
    np.testing.assert_array_equal(after[:PER_CHUNK], before[:PER_CHUNK])
    assert (after[PER_CHUNK:] != before[PER_CHUNK:]).any()
    assert (after[:PER_CHUNK] != made(model, edited)[0][:PER_CHUNK]).any(), "from its start it would be another"
    assert evaluations == 2 * edited.steps


def test_a_longer_volume_is_the_one_that_would_have_been_made_at_once(model: CTFlow) -> None:
    short, long = (model.card.request(REPORT, seed=2, chunks=chunks) for chunks in (1, 3))
    made(model, short)
    longer, evaluations = made(model, long, VolumeStart(request=short, chunks=1))
    np.testing.assert_array_equal(longer, made(model, long)[0])
    assert evaluations == 2 * long.steps


def test_a_stopped_volume_goes_on_after_its_last_whole_chunk(model: CTFlow) -> None:
    request = model.card.request(REPORT, seed=3, chunks=3)
    events = model.stream(request)
    while not isinstance(event := next(events), StepDone) or event.chunk < 2:
        pass
    events.close()
    resumed, evaluations = made(model, request, VolumeStart(request=request, chunks=2))
    assert evaluations == request.steps
    np.testing.assert_array_equal(resumed, made(model, request)[0])


def test_a_chain_is_made_again_by_a_model_that_keeps_none_of_it(folder: Path, model: CTFlow) -> None:
    first, second = (model.card.request(report, seed=4, chunks=3) for report in (REPORT, OTHER))
    third = model.card.request(REPORT, seed=5, chunks=3)
    chain = VolumeStart(request=second, chunks=2, start=VolumeStart(request=first, chunks=1))
    made(model, first)
    expected, few = made(model, third, chain)
    again, all_of_it = made(CTFlow.load(folder, "cpu"), third, chain)
    np.testing.assert_array_equal(again, expected)
    assert few < all_of_it == 3 * third.steps


def test_shared_previous_chunks_leave_the_first_chunk_alone_and_hold_the_others_near(model: CTFlow) -> None:
    """The second chunk is as if made after the other volume's first."""
    full, part = (model.card.request(report, seed=6, chunks=3) for report in (REPORT, OTHER))
    made(model, full)
    shared, evaluations = made(model, part, SharedPrevious(request=full))
    assert evaluations == 3 * part.steps
    np.testing.assert_array_equal(shared[:PER_CHUNK], made(model, part)[0][:PER_CHUNK])
    for head in (1, 2):
        alone, _ = made(model, part, VolumeStart(request=full, chunks=head))
        here = slice(head * PER_CHUNK, (head + 1) * PER_CHUNK)
        np.testing.assert_array_equal(shared[here], alone[here])


def test_the_first_chunk_of_a_volume_made_from_anothers_chunks_is_not_made_twice(model: CTFlow) -> None:
    full, part = (model.card.request(report, seed=7, chunks=2) for report in (REPORT, OTHER))
    made(model, full)
    made(model, part, SharedPrevious(request=full))
    plain, evaluations = made(model, part, VolumeStart(request=part, chunks=1))
    assert evaluations == part.steps
    np.testing.assert_array_equal(plain, made(model, part)[0])


def test_a_volume_that_began_with_a_scan_goes_on_too(model: CTFlow) -> None:
    rng = np.random.default_rng(0)
    affine = ModelGrid(model.card.geometry).affine
    affine[:3, 3] += (30, -40, 700)
    scan = ScanStart("gt-head", Volume(rng.integers(-1000, 400, (12, 32, 32)).astype(np.int16), affine), PER_CHUNK)
    first, edited = (model.card.request(report, seed=8, chunks=3) for report in (REPORT, OTHER))
    before = model.generate(first, scan)
    after = model.generate(edited, VolumeStart(request=first, chunks=2, start=scan))
    np.testing.assert_array_equal(after.hu[: 2 * PER_CHUNK], before.hu[: 2 * PER_CHUNK])
    assert (after.hu[2 * PER_CHUNK :] != before.hu[2 * PER_CHUNK :]).any()
    np.testing.assert_array_equal(after.affine, affine)


@pytest.mark.parametrize(
    ("chunks", "kept", "message"),
    [(3, 0, "from 1 to 2"), (3, 3, "from 1 to 2"), (2, 2, "ask for more chunks"), (9, 1, "at most 3 chunks")],
)
def test_what_leaves_nothing_to_keep_or_to_make_is_refused(model: CTFlow, chunks: int, kept: int, message: str) -> None:
    first = model.card.request(REPORT, seed=1, chunks=2)
    request = GenerationRequest(**{**vars(first), "chunks": chunks})
    with pytest.raises(RequestError, match=message):
        next(model.stream(request, VolumeStart(request=first, chunks=kept)))


def test_what_the_model_cannot_do_is_refused_in_a_start_too(model: CTFlow) -> None:
    first = model.card.request(REPORT, seed=1, chunks=2)
    too_long = GenerationRequest(**{**vars(first), "chunks": 4})
    with pytest.raises(RequestError, match="at most 3 chunks"):
        next(model.stream(first, VolumeStart(request=too_long, chunks=1)))


@pytest.mark.parametrize("chunks", [1.5, "1", True, None])
def test_what_is_kept_is_a_whole_number_of_chunks(model: CTFlow, chunks: Any) -> None:
    """A program may send anything for it."""
    request = model.card.request(REPORT, seed=1, chunks=3)
    with pytest.raises(RequestError, match="give a whole number from 1 to 3"):
        check_volume_start(VolumeStart(request=request, chunks=chunks), request)
