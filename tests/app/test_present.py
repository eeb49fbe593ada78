"""How a run and a reading are put for the page."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.export import file_name
from app.present import directions, grid, manifest
from app.run import Run, digest
from app.scan import Scan, SentFile
from ctflow.generator import ChunkDone, Started, StepDone
from ctflow.report import Report
from ctflow.volume import plane_affine
from tests.app.clock import FakeClock
from tests.app.fake import fake_card

SHAPE = (96, 4, 4)
AFFINE = plane_affine(("I", "P", "L"), (3.0, 1.5, 1.5), 4, 4)
CHUNK = np.zeros((16, 4, 4), np.int16)


@pytest.fixture
def run(tmp_path: Path, clock: FakeClock) -> Run:
    request = fake_card("I").request(Report("Clear."), seed=7)
    return Run(run_id="a", request=request, folder=tmp_path / "a", visitor="v", clock=clock)


def shown(run: Run, ahead: int = 0, wait_s: float | None = None) -> dict[str, Any]:
    return manifest(run, ahead, wait_s, slices_per_chunk=16)


@pytest.mark.parametrize(
    ("ahead", "wait_s", "status"),
    [
        (0, None, "Starting."),
        (1, None, "Waiting for the model: 1 run ahead of yours. Press Stop to leave the line."),
        (2, 4.0, "Waiting for the model: 2 runs ahead of yours, about 10 s. Press Stop to leave the line."),
        (2, 94.0, "Waiting for the model: 2 runs ahead of yours, about 90 s. Press Stop to leave the line."),
        (3, 200.0, "Waiting for the model: 3 runs ahead of yours, about 3 min. Press Stop to leave the line."),
    ],
)
def test_a_run_that_waits_is_told_how_long_and_the_way_out(
    run: Run, ahead: int, wait_s: float | None, status: str
) -> None:
    assert shown(run, ahead, wait_s)["status"] == status


def test_a_run_is_told_what_it_does_from_its_first_step_to_its_end(run: Run, clock: FakeClock) -> None:
    run.begin()
    run.record(Started(run.request, SHAPE, AFFINE))
    for done in range(5):
        clock.advance(2)
        run.record(StepDone(*divmod(done, 4)))
    now = shown(run)
    assert now["status"] == "Making slices 17 to 32 of 96."
    assert now["detail"] == "step 1 of 4, about 38 s left"
    assert now["share"] == 5 / 24
    run.record(ChunkDone(0, 0, CHUNK))
    clock.advance(110)
    run.end("finished")
    assert shown(run)["status"] == "Done: 16 slices, 48 mm, in 2 min 00 s. Seed 7."


def stopped(run: Run) -> None:
    run.end("stopped")


def failed(run: Run) -> None:
    run.end("failed", "The GPU has no memory left.")


@pytest.mark.parametrize(("end", "word"), [(stopped, "Stopped."), (failed, "The GPU has no memory left.")])
def test_a_run_that_ends_early_is_told_what_was_kept(run: Run, end: Callable[[Run], None], word: str) -> None:
    run.begin()
    end(run)
    assert shown(run)["status"] == f"{word} No slices were made."
    run.record(Started(run.request, SHAPE, AFFINE))
    run.record(ChunkDone(0, 0, CHUNK))
    assert shown(run)["status"] == f"{word} 16 of 96 slices kept."


@pytest.mark.parametrize("axes", [("I", "P", "L"), ("S", "P", "L"), ("S", "A", "R")])
def test_directions_are_read_off_the_affine(axes: tuple[str, str, str]) -> None:
    assert directions(plane_affine(axes, (3, 1, 1), 8, 8)) == list(axes)


def test_a_grid_says_where_voxels_lie_in_the_patient_also_where_they_lie_aslant() -> None:
    affine = plane_affine(("I", "P", "L"), (3.0, 1.5, 0.7), 4, 4)
    turn = np.eye(4)
    turn[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    shown = grid(SHAPE, turn @ affine)
    np.testing.assert_allclose(shown["affine"], (turn @ affine)[:3])
    np.testing.assert_allclose(shown["spacing"], (3.0, 1.5, 0.7))
    assert shown["axes"] == ["I", "P", "L"]


def test_runs_of_one_report_and_settings_share_their_digits_and_their_downloads_name_has_them(run: Run) -> None:
    digits = shown(run)["digest"]
    assert digits in file_name(run, "demo")
    assert digest(replace(run.request, seed=8)) == digits
    assert digest(replace(run.request, report=Report("Not clear."))) != digits


def test_a_scan_is_told_as_one_and_has_no_seed(tmp_path: Path, clock: FakeClock) -> None:
    scan = Scan(files=[SentFile(4, "1.nii")], run_id="b", folder=tmp_path / "b", visitor="v", clock=clock)
    scan.begin()
    assert (shown(scan)["status"], shown(scan)["share"]) == ("Receiving the scan.", 0)
    scan.receive(0, b"1234")
    assert (shown(scan)["status"], shown(scan)["share"]) == ("Reading the scan.", 0.5)
    scan.shape, scan.affine = SHAPE, AFFINE
    scan.record(ChunkDone(0, 0, CHUNK))
    assert shown(scan)["share"] == (1 + 16 / 96) / 2
    scan.end("finished")
    now = shown(scan)
    assert (now["title"], now["is_scan"], now["seed"], now["digest"]) == ("Scan", True, None, "")
    assert now["status"] == "Scan: 16 slices, 48 mm."
