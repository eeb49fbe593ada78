"""What the page is told, and what it can ask for."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from app.chunks import pack, unpack
from app.handlers import Handlers, View
from app.present import directions, tokens_html
from app.runs import Runs
from ctflow.events import Reading
from ctflow.io.sidecar import read_sidecar
from ctflow.volume import plane_affine
from tests.app.fake import FakeGenerator, chest, sleeping

FIELDS: dict[str, Any] = {
    "findings": "The lungs are clear.",
    "impression": "",
    "sex": "",
    "age": "",
    "seed": 1,
    "chunks": 2,
    "steps": 2,
    "solver": "euler",
    "guidance": 1,
}


@pytest.fixture
def handlers(tmp_path: Path) -> Handlers:
    generator = sleeping(0)
    return Handlers(generator, Runs(generator, tmp_path))


def generate(handlers: Handlers, **changes: Any) -> list[View]:
    return list(handlers.generate(*{**FIELDS, **changes}.values()))


def finished(handlers: Handlers, **changes: Any) -> dict[str, Any]:
    manifest = generate(handlers, **changes)[-1].manifest
    assert manifest is not None
    return manifest


def test_the_manifest_is_small_json_without_voxels_and_leads_to_them(handlers: Handlers) -> None:
    manifest = finished(handlers)
    assert len(json.dumps(manifest)) < 2000
    assert (manifest["state"], manifest["share"]) == ("finished", 1.0)
    assert manifest["grid"] == {"shape": (32, 256, 256), "spacing": [3.0, 1.5, 1.5], "axes": ["I", "P", "L"]}
    data = [unpack(Path(c["path"]).read_bytes(), (c["slices"], 256, 256)) for c in manifest["chunks"]]
    np.testing.assert_array_equal(np.concatenate(data), chest(32, 1, "I"))


def test_packing_keeps_every_hu() -> None:
    hu = np.arange(-32768, 32768, 1).astype(np.int16).reshape(1, 256, 256)
    np.testing.assert_array_equal(unpack(pack(hu), (1, 256, 256)), hu)


@pytest.mark.parametrize("axes", [("I", "P", "L"), ("S", "P", "L"), ("S", "A", "R")])
def test_directions_are_read_off_the_affine(axes: tuple[str, str, str]) -> None:
    assert directions(plane_affine(axes, (3, 1, 1), 8, 8)) == list(axes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"findings": " "}, "empty"),
        ({"age": "130"}, "120"),
        ({"age": "old"}, "old"),
        ({"age": "-1"}, "-1"),
        ({"steps": 3, "solver": "midpoint"}, "even"),
        ({"chunks": 7}, "at most 6"),
        ({"guidance": 3}, "not trained"),
        ({"seed": 1.5}, "whole number"),
    ],
)
def test_what_cannot_be_generated_is_said_and_leaves_the_picture_alone(
    handlers: Handlers, changes: dict[str, Any], words: str
) -> None:
    (view,) = generate(handlers, **changes)
    assert view.manifest is None
    assert words in view.problem
    assert not view.busy


def test_a_page_that_comes_back_sees_the_same_run(handlers: Handlers) -> None:
    manifest = finished(handlers)
    assert [view.manifest for view in handlers.attach({"run": manifest["run"]})] == [manifest]


@pytest.mark.parametrize("known", [None, {}, {"run": None}, {"run": "no such run"}, {"run": ["x"]}])
def test_a_page_that_comes_back_too_late_is_told_so(handlers: Handlers, known: Any) -> None:
    (view,) = handlers.attach(known)
    assert view.manifest is not None
    assert view.manifest["state"] == "gone"


def test_leaving_the_page_does_not_end_the_run(handlers: Handlers) -> None:
    views = handlers.generate(*FIELDS.values())
    manifest = next(views).manifest
    views.close()  # what Gradio does when a connection drops
    assert manifest is not None
    last = list(handlers.attach({"run": manifest["run"]}))[-1].manifest
    assert last is not None
    assert last["state"] == "finished"


def test_headings_that_were_pasted_with_the_report_are_understood(handlers: Handlers) -> None:
    run_id = finished(handlers, findings="Findings: Clear. Impression: Normal.")["run"]
    run = handlers.runs.get(run_id)
    assert run is not None
    assert (run.request.report.findings, run.request.report.impression) == ("Clear.", "Normal.")


@pytest.mark.parametrize(("typed", "age"), [("", None), (" 63 ", 63), ("0", 0), (None, None), (7, 7)])
def test_an_age_that_was_not_typed_is_no_age(handlers: Handlers, typed: Any, age: int | None) -> None:
    run = handlers.runs.get(finished(handlers, age=typed)["run"])
    assert run is not None
    assert run.request.report.age == age


def test_what_is_cut_off_is_shown_and_script_stays_text(handlers: Handlers) -> None:
    shown = handlers.read("word " * 64 + "<script>alert(1)</script>", "", "", "")
    assert "too long" in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script" not in shown
    assert handlers.read("", "", "", "") == tokens_html(Reading(0, 64, ""))


def test_a_whole_volume_downloads_with_its_place_in_the_patient(handlers: Handlers) -> None:
    run_id = finished(handlers)["run"]
    answer = handlers.export({"run": run_id, "kind": "nifti"})
    assert answer["name"] == "ctflow-fake-seed1.nii.gz"
    image = sitk.ReadImage(answer["path"])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), chest(32, 1, "I"))
    assert image.GetSpacing() == (1.5, 1.5, 3.0)
    np.testing.assert_allclose(image.GetDirection(), [1, 0, 0, 0, 1, 0, 0, 0, -1], atol=1e-6)
    sidecar = read_sidecar(Path(handlers.export({"run": run_id, "kind": "sidecar"})["path"]))
    assert sidecar.complete
    assert sidecar.seed == 1


def test_a_partial_volume_says_so_in_name_and_sidecar(tmp_path: Path) -> None:
    def fail_late(chunk: int, step: int) -> None:
        assert chunk < 2

    generator = FakeGenerator(fail_late)
    handlers = Handlers(generator, Runs(generator, tmp_path))
    run_id = finished(handlers, chunks=3)["run"]
    assert handlers.export({"run": run_id, "kind": "nifti"})["name"] == "ctflow-fake-seed1-PARTIAL-32of48.nii.gz"
    answer = handlers.export({"run": run_id, "kind": "sidecar"})
    assert answer["name"] == "ctflow-fake-seed1-PARTIAL-32of48.json"
    assert not read_sidecar(Path(answer["path"])).complete


@pytest.mark.parametrize("wanted", [{}, {"run": "x", "kind": "nifti"}])
def test_a_download_of_nothing_is_explained(handlers: Handlers, wanted: dict[str, str]) -> None:
    assert "no longer" in handlers.export(wanted)["problem"]


def test_the_page_needs_no_torch() -> None:
    script = "import sys, app.ui, app.export; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
