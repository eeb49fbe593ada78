"""Going on from a volume: what lies before stays byte for byte, and its sidecar holds the whole chain."""

import asyncio
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.export import export
from app.handlers import Handlers
from app.run import Run
from app.runs import Runs
from ctflow.errors import RequestError
from ctflow.io.sidecar import read_sidecar, start_of
from ctflow.lineage import plan_chunks
from ctflow.report import Report
from ctflow.request import ScanMode, ScanStart, SharedPrevious, VolumeStart
from ctflow.volume import Volume, plane_affine
from tests.app.asking import FIELDS, ask, ended, run_of
from tests.app.fake import SIZE, SPACING_MM, FakeGenerator, Gate, Heeding, chest, wait_until

BEFORE, AFTER = "Clear.", "Right effusion."


@pytest.fixture
def handlers(tmp_path: Path) -> Handlers:
    generator = Heeding(lambda chunk, step: None)
    return Handlers(generator, Runs(generator, tmp_path))


def made(handlers: Handlers, **changes: Any) -> Run:
    return run_of(handlers, ended(handlers, **changes))


def test_from_here_on_the_rest_is_made_from_the_edited_report(handlers: Handlers) -> None:
    before = made(handlers, findings=BEFORE, chunks=3)
    after = made(handlers, run_before=before.id, keep=1, findings=AFTER, chunks=None, seed=99)
    assert after.request and after.request.seed == 1, "the seed and settings are those of the volume itself"
    assert after.slices_made == 48
    np.testing.assert_array_equal(after.volume().hu[:16], before.volume().hu[:16])
    changed = after.volume().hu[16:][Heeding.RIGHT_LUNG]
    assert (changed == Heeding.EFFUSION_HU).all()
    assert after.digest != before.digest


def test_longer_makes_more_slices_after_the_last(handlers: Handlers) -> None:
    before = made(handlers, chunks=2)
    longer = made(handlers, run_before=before.id, findings=None, impression=None, chunks=4)
    assert longer.slices_made == 64
    assert longer.request and longer.request.report == before.request.report  # type: ignore[union-attr]  # it was made
    np.testing.assert_array_equal(longer.volume().hu[:32], before.volume().hu)


def test_a_stopped_run_is_continued(tmp_path: Path, gate: Gate) -> None:
    generator = FakeGenerator(gate)
    handlers = Handlers(generator, Runs(generator, tmp_path))
    gate.open(3)
    run = run_of(handlers, ask(handlers, chunks=3))
    wait_until(lambda: run.slices_made == 16)
    handlers.stop({"run": run.id})
    gate.open(10)
    wait_until(lambda: run.ended)
    assert (run.state, run.slices_made) == ("stopped", 16)
    rest = made(handlers, run_before=run.id, findings=None, impression=None, chunks=None)
    np.testing.assert_array_equal(rest.volume().hu, chest(48, 1, "I"))
    assert gate.count == 4 + 4, "the chunk that stays takes no step"


def test_the_sidecar_holds_the_chain_of_every_volume_that_was_gone_on_from(handlers: Handlers) -> None:
    first = made(handlers, findings=BEFORE, chunks=3)
    second = made(handlers, run_before=first.id, keep=1, findings=AFTER, chunks=None)
    third = made(handlers, run_before=second.id, keep=2, findings=BEFORE, chunks=4)
    sidecar = read_sidecar(export(third, handlers.generator, "sidecar"))
    assert [(one.report, one.chunks) for one in sidecar.earlier] == [(Report(BEFORE), 1), (Report(AFTER), 2)]
    assert third.request
    plans = [plan_chunks(third.request, start, 16).lineages for start in (third.start, start_of(sidecar, scan=None))]
    assert plans[0] == plans[1], "replayed, each chunk is made by the same requests"
    assert len({run.digest for run in (first, second, third)}) == 3


SCAN = Volume(chest(64, 5, "I") + np.int16(3), plane_affine(("I", "P", "L"), SPACING_MM, SIZE, SIZE))


def from_scan(handlers: Handlers, mode: ScanMode, slices: int) -> Run:
    """A volume of four chunks that begins with a scan."""
    request = handlers.request({**FIELDS, "findings": BEFORE, "chunks": 4})
    run = handlers.put_in_line(request, "somebody", None, ScanStart(mode, SCAN, slices, "0" * 64))
    wait_until(lambda: run.ended)
    return run


def test_from_here_on_after_a_scan_keeps_what_was_made_and_the_scans_own_slices(handlers: Handlers) -> None:
    before = from_scan(handlers, "gt-head", 32)
    after = made(handlers, run_before=before.id, keep=3, findings=AFTER, chunks=None)
    np.testing.assert_array_equal(after.volume().hu[:32], SCAN.hu[:32])
    np.testing.assert_array_equal(after.volume().hu[:48], before.volume().hu[:48])
    assert (after.volume().hu[48:][Heeding.RIGHT_LUNG] == Heeding.EFFUSION_HU).all()
    assert isinstance(after.start, VolumeStart)
    assert (after.start.chunks, after.start.start) == (3, before.start)
    sidecar = read_sidecar(export(after, handlers.generator, "sidecar"))
    assert sidecar.start is not None
    assert (sidecar.start.mode, sidecar.start.slices, "real patient" in sidecar.notice) == ("gt-head", 32, True)
    assert [(one.report, one.chunks) for one in sidecar.earlier] == [(Report(BEFORE), 3)]


@pytest.mark.parametrize("keep", [1, 2])
def test_from_here_on_within_a_scans_own_slices_keeps_as_many_of_them_as_were_asked_for(
    handlers: Handlers, keep: int
) -> None:
    """All of the scan's slices stayed, also those after the one that was chosen."""
    before = from_scan(handlers, "gt-head", 32)
    after = made(handlers, run_before=before.id, keep=keep, findings=AFTER, chunks=None)
    assert isinstance(after.start, ScanStart)
    assert (after.start.mode, after.start.slices) == ("gt-head", 16 * keep)
    np.testing.assert_array_equal(after.volume().hu[: 16 * keep], SCAN.hu[: 16 * keep])
    assert (after.volume().hu[16 * keep :][Heeding.RIGHT_LUNG] == Heeding.EFFUSION_HU).all()
    assert read_sidecar(export(after, handlers.generator, "sidecar")).earlier == ()


def test_a_volume_from_a_scan_becomes_longer_as_far_as_the_scan_allows(handlers: Handlers) -> None:
    before = from_scan(handlers, "next-block", 16)
    longer = made(handlers, run_before=before.id, findings=None, impression=None, chunks=5)
    np.testing.assert_array_equal(longer.volume().hu[:64], before.volume().hu)
    for changes, words in (
        ({"keep": 1, "chunks": 5}, "The scan has 64 slices of 3 mm, and 80 are needed"),
        ({"keep": 1, "chunks": 1}, "ask for more chunks, or begin with fewer slices"),
    ):
        assert words in ask(handlers, **{"run_before": before.id, **changes})["problem"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"keep": 0}, "0 are to stay"),
        ({"keep": 4}, "4 are to stay"),
        ({"keep": "all"}, "'all' are to stay"),
        ({"keep": 3}, "ask for more chunks, or keep fewer"),
        ({"keep": 1, "chunks": 7}, "at most 6 chunks"),
        ({"keep": 1, "findings": ""}, "The report is empty"),
        ({"keep": 1, "run_before": "x" * 22}, "no longer on the server"),
    ],
)
def test_what_cannot_be_gone_on_from_is_refused_in_words(
    handlers: Handlers, changes: dict[str, Any], words: str
) -> None:
    before = made(handlers, chunks=3)
    assert words in ask(handlers, **{"run_before": before.id, "chunks": None, **changes})["problem"]


def test_there_is_no_more_of_a_volume_that_ended_by_itself(tmp_path: Path) -> None:
    generator = FakeGenerator(lambda chunk, step: None, ends_at=40)
    handlers = Handlers(generator, Runs(generator, tmp_path))
    before = made(handlers, chunks=4)
    refused = ask(handlers, run_before=before.id, findings=None, impression=None, chunks=5)["problem"]
    assert "ended this volume by itself, with 40 slices" in refused


def test_a_volume_of_a_question_is_neither_gone_on_from_nor_told_by_settings(handlers: Handlers) -> None:
    request = handlers.request({"findings": BEFORE, "chunks": 2})
    generator = handlers.generator
    volume = made(handlers, chunks=2).volume()
    shared = handlers.runs.keep(volume, "v", request=request, start=SharedPrevious(request=request), title="Without 1")
    mean = handlers.runs.keep(volume, "v", request=request, title="Mean of 2 seeds", is_computed=True)
    for run, why in ((shared, "chunk before it"), (mean, "computed from several volumes")):
        assert "cannot be gone on from" in ask(handlers, run_before=run.id, keep=1)["problem"]
        with pytest.raises(RequestError, match=why):
            export(run, generator, "sidecar")
    plain = handlers.runs.keep(volume, "v", request=request, title="The whole report")
    assert len({run.digest for run in (shared, mean, plain)}) == 3, "their files have names of their own"
    assert b"mean of 2 seeds" in gzip.decompress(export(mean, generator, "nifti").read_bytes())


def test_a_start_that_keeps_other_chunks_has_other_digits(handlers: Handlers) -> None:
    before = made(handlers, chunks=3)
    kept = [made(handlers, run_before=before.id, keep=keep, findings=AFTER, chunks=None) for keep in (1, 2)]
    assert kept[0].digest != kept[1].digest
    assert [run.start.chunks for run in kept if isinstance(run.start, VolumeStart)] == [1, 2]


def test_a_page_that_asks_twice_goes_on_once(handlers: Handlers) -> None:
    before = made(handlers, chunks=2)
    twice = [ask(handlers, run_before=before.id, keep=1, run="r" * 22, chunks=None) for _ in range(2)]
    assert twice == 2 * [{"run": "r" * 22}]
    asyncio.run(handlers.news({"run": "r" * 22, "seen": None}))
