"""What the page is told, and what it can ask for."""

import asyncio
import json
import secrets
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.chunks import Chunk, pack, unpack
from app.handlers import Handlers
from app.present import directions, reading
from app.runs import Runs
from app.ui import Page
from ctflow.errors import VolumeError
from ctflow.io.sidecar import read_sidecar
from ctflow.reading import Mention, Reading
from ctflow.volume import plane_affine
from tests.app.fake import WAIT_S, FakeGenerator, Gate, chest, sleeping
from tests.junk import junk

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


def ask(handlers: Handlers, **changes: Any) -> dict[str, Any]:
    return handlers.start({**FIELDS, "visitor": "somebody", **changes})


def news(handlers: Handlers, run_id: Any, seen: int | None = None) -> dict[str, Any]:
    return asyncio.run(handlers.news({"run": run_id, "seen": seen}))


def finished(handlers: Handlers, **changes: Any) -> dict[str, Any]:
    manifest = news(handlers, ask(handlers, **changes)["run"])
    while manifest["state"] in ("waiting", "running"):
        manifest = news(handlers, manifest["run"], manifest["version"])
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
        ({"seed": "seven"}, "'seven'"),
        ({"seed": -1}, "from 0 to"),
        ({"seed": 1e300}, "from 0 to"),
        ({"steps": float("nan")}, "whole number"),
        ({"steps": [4]}, "whole number"),
        ({"chunks": True}, "whole number"),
        ({"guidance": "much"}, "'much'"),
        ({"solver": ["euler"]}, "one of euler"),
        ({"sex": ["F"]}, "Sex is"),
        ({"age": "1" * 5000}, "Age is"),
        ({"age": "٣"}, "Age is"),
        ({"findings": 7}, "must be text"),
        ({"findings": "x" * 50_000}, "at most 20,000"),
        ({"findings": "\x00\u202e"}, "empty"),
    ],
)
def test_what_cannot_be_generated_is_said_and_no_run_begins(
    handlers: Handlers, changes: dict[str, Any], words: str
) -> None:
    answer = ask(handlers, **changes)
    assert answer.keys() == {"problem"}
    assert words in answer["problem"]
    assert not list(handlers.runs.root.iterdir())


def test_a_page_that_comes_back_sees_the_same_run(handlers: Handlers) -> None:
    manifest = finished(handlers)
    assert news(handlers, manifest["run"]) == manifest


def test_a_page_that_asks_again_because_it_heard_nothing_gets_the_same_run(handlers: Handlers) -> None:
    run_id = "a" * 22
    assert ask(handlers, run=run_id) == ask(handlers, run=run_id, seed=9) == {"run": run_id}
    finished(handlers, run=run_id)
    assert len(handlers.generator.requests) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("run_id", ["short", "a" * 21 + "/", "../" + "a" * 19, 7, ["x"]])
def test_an_id_that_is_none_is_refused(handlers: Handlers, run_id: Any) -> None:
    assert "22 letters" in ask(handlers, run=run_id)["problem"]
    assert not list(handlers.runs.root.iterdir())


@pytest.mark.parametrize("asked", [None, [], "x", {}, {"run": None}, {"run": "no such run"}, {"run": ["x"]}])
def test_a_page_that_comes_back_too_late_is_told_so(handlers: Handlers, asked: Any) -> None:
    manifest = asyncio.run(handlers.news(asked))
    assert manifest["state"] == "gone"
    assert manifest["server"] == handlers.runs.id


@pytest.mark.parametrize("asked", [None, [], "x", {}, {"findings": 3}, {"findings": {"a": 1}, "impression": []}])
def test_nothing_that_is_asked_is_a_bug_of_ours(handlers: Handlers, asked: Any) -> None:
    for handler in (handlers.start, handlers.read, handlers.export):
        assert "our side" not in handler(asked).get("problem", "")
    assert handlers.stop(asked) == {}
    handlers.drive(asked)


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


def test_what_is_cut_off_is_shown(handlers: Handlers) -> None:
    shown = handlers.read({"findings": "word " * 64})
    assert shown == {"count": "Report length: 65 of 64 tokens: too long", "cut": "word"}
    assert handlers.read({"findings": " ", "impression": ""}) == {"count": "Report length: 0 of 64 tokens", "cut": ""}


def test_what_the_model_recognised_is_said_in_words(tmp_path: Path) -> None:
    generator = FakeGenerator(lambda chunk, step: None, known=("Pleural effusion", "Pneumothorax"))
    handlers = Handlers(generator, Runs(generator, tmp_path))
    read = handlers.read(
        {"findings": "Large right pleural effusion. No pneumothorax on the left.\nThe dog <b>barks</b>."}
    )
    assert read["found"] == ["Pleural effusion, right, large"]
    assert read["denied"] == ["no pneumothorax, left"]
    assert read["unread"] == ["The dog <b>barks</b>."]
    assert handlers.read({"findings": " ", "impression": ""})["known"] == ["Pleural effusion", "Pneumothorax"]


def test_a_place_is_said_as_far_as_it_is_known() -> None:
    found = (
        Mention("Consolidation", True, "right", "lower", "small"),
        Mention("Consolidation", True, "both", "lower", None),
        Mention("Cardiomegaly", False, None, None, None),
    )
    read = reading(Reading(9, 64, "", ("Consolidation", "Cardiomegaly"), found))
    assert read["found"] == ["Consolidation, right lower lobe, small", "Consolidation, bilateral lower lobes"]
    assert read["denied"] == ["no cardiomegaly"]


def test_a_normal_study_is_one_word_and_not_one_for_every_finding() -> None:
    known = ("Consolidation", "Cardiomegaly")
    denied = tuple(Mention(finding, False, None, None, None) for finding in known)
    assert reading(Reading(9, 64, "", known, denied))["denied"] == ["no abnormal findings"]
    assert reading(Reading(9, 64, "", known, denied[:1]))["denied"] == ["no consolidation"]


def test_a_whole_volume_downloads_with_its_place_in_the_patient(handlers: Handlers) -> None:
    run_id = finished(handlers)["run"]
    answer = handlers.export({"run": run_id, "kind": "nifti"})
    assert answer["name"] == "synthetic-ctflow-fake-seed1.nii.gz"
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
    assert (
        handlers.export({"run": run_id, "kind": "nifti"})["name"] == "synthetic-ctflow-fake-seed1-PARTIAL-32of48.nii.gz"
    )
    answer = handlers.export({"run": run_id, "kind": "sidecar"})
    assert answer["name"] == "synthetic-ctflow-fake-seed1-PARTIAL-32of48.json"
    assert not read_sidecar(Path(answer["path"])).complete


def test_a_download_that_the_disk_does_not_take_names_no_path_of_the_server(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise VolumeError("/somewhere/on/the/server.nii.gz cannot be written.")

    run_id = finished(handlers)["run"]
    for kind in ("nifti", "sidecar"):
        monkeypatch.setattr(f"app.export.write_{kind}", full)
        problem = handlers.export({"run": run_id, "kind": kind})["problem"]
        assert "takes no more files" in problem and "/" not in problem


def test_of_partial_downloads_the_last_one_alone_takes_disk_space(tmp_path: Path) -> None:
    gate = Gate()
    generator = FakeGenerator(gate)
    handlers = Handlers(generator, Runs(generator, tmp_path))
    run = handlers.runs.get(ask(handlers, chunks=3)["run"])
    assert run is not None
    for chunks in (1, 2, 3):
        gate.open(4)
        with run.news:
            assert run.news.wait_for(lambda done=chunks: len(run.chunks) == done, WAIT_S)
        for kind in ("nifti", "sidecar"):
            handlers.export({"run": run.id, "kind": kind})
    assert sorted(path.suffix for path in run.folder.iterdir()) == [".bin", ".bin", ".bin", ".gz", ".json"]


def test_a_download_keeps_nobody_from_news_of_the_run(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Voxels were read under the lock that every answer needs, and the server stood still."""
    run_id = finished(handlers)["run"]
    heard = []

    def load(chunks: list[Chunk]) -> np.ndarray:
        asking = threading.Thread(target=lambda: heard.append(news(handlers, run_id)), daemon=True)
        asking.start()
        asking.join(WAIT_S)
        heard_meanwhile.append(len(heard))
        return np.zeros((32, 2, 2), np.int16)

    heard_meanwhile: list[int] = []
    monkeypatch.setattr("app.run.load", load)
    handlers.export({"run": run_id, "kind": "nifti"})
    assert heard_meanwhile == [1]


@pytest.mark.parametrize("wanted", [{}, {"run": "x", "kind": "nifti"}])
def test_a_download_of_nothing_is_explained(handlers: Handlers, wanted: dict[str, str]) -> None:
    assert "no longer" in handlers.export(wanted)["problem"]


@pytest.mark.parametrize("kind", ["pdf", None, ["nifti"], "../x"])
def test_a_download_that_there_is_not_is_explained(handlers: Handlers, kind: Any) -> None:
    assert "one of nifti, sidecar" in handlers.export({"run": finished(handlers)["run"], "kind": kind})["problem"]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*FIELDS, "run", "kind"], junk)))
def test_whatever_is_sent_the_answer_is_an_answer(handlers: Handlers, asked: dict[str, Any]) -> None:
    for handler in (handlers.start, handlers.read, handlers.stop, handlers.export):
        answer = handler({**asked, "visitor": secrets.token_hex(4)})
        assert "our side" not in answer.get("problem", "")
        if handler == handlers.start and "run" in answer:
            handlers.stop(answer)


def test_the_page_needs_no_torch() -> None:
    script = "import sys, app.ui, app.export; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0


def test_sex_and_age_are_asked_for_where_the_model_reads_them() -> None:
    generator = sleeping(0)
    page = Page(generator)
    assert page.sex.visible and page.age.visible
    generator.card = replace(generator.card, text=replace(generator.card.text, parts=("{findings}", "{age}")))
    page = Page(generator)
    assert not page.sex.visible and page.age.visible
