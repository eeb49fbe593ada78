import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctflow.errors import RequestError, VolumeError
from ctflow.io.scan import read_volume
from ctflow.io.sidecar import (
    Sidecar,
    has_exact_hash,
    is_recorded,
    read_sidecar,
    request_of,
    scan_sha256,
    sidecar_of,
    sidecar_path,
    write_sidecar,
)
from ctflow.report import Report
from ctflow.request import MAX_SEED
from ctflow.volume import Volume, plane_affine
from tests.app.fake import sleeping
from tests.io.geometry import Chest, chests, hu_with_ball, write_by_nibabel, write_by_pydicom, write_by_sitk
from tests.junk import junk, spoil

GENERATOR = sleeping(0)
REQUEST = GENERATOR.card.request(Report("Kleiner Erguß.", "≤ 3 mm", sex="F", age=54), 7, shift=1.5)


def sidecar() -> Sidecar:
    return sidecar_of(REQUEST, GENERATOR, seconds=1.234, complete=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    write_sidecar(sidecar(), path)
    return path


def test_a_sidecar_is_read_back_as_it_was_written_and_gives_its_request_again(path: Path) -> None:
    assert read_sidecar(path) == sidecar()
    assert request_of(read_sidecar(path)) == REQUEST


def test_an_older_sidecar_guides_at_all_times(path: Path) -> None:
    """Before there was guidance in part of t, none said so."""
    in_part = replace(sidecar(), guidance_above_t=0.75)
    write_sidecar(in_part, path)
    assert request_of(read_sidecar(path)).guidance_above_t == 0.75
    older = json.loads(path.read_text(encoding="utf-8"))
    del older["guidance_above_t"]
    path.write_text(json.dumps(older), encoding="utf-8")
    assert request_of(read_sidecar(path)).guidance_above_t == 0


@given(
    st.builds(
        Report,
        st.text(st.characters()).map("Clear. {}".format),
        st.text(st.characters()),
        st.sampled_from(["F", "M", None]),
        st.none() | st.integers(0, 120),
    ),
    st.integers(0, MAX_SEED),
    st.floats(0.1, 10),
)
def test_every_request_survives_the_file(tmp_path_factory: Any, report: Report, seed: int, shift: float) -> None:
    path = tmp_path_factory.mktemp("sidecar") / "a.json"
    request = GENERATOR.card.request(report, seed, shift=shift)
    write_sidecar(sidecar_of(request, GENERATOR, seconds=0, complete=False), path)
    assert request_of(read_sidecar(path)) == request


def test_a_person_who_opens_the_file_sees_what_it_is_and_what_made_it(path: Path) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    assert values["synthetic"] is values["not_for_diagnosis"] is True
    assert "Not for diagnosis" in values["notice"]
    assert values["model"] == {"name": "fake", "sha256": GENERATOR.model_sha256}
    assert {"ctflow", "python", "numpy", "torch"} <= values["versions"].keys()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda v: v.pop("seed"), "seed is missing"),
        (lambda v: v["model"].pop("sha256"), "model.sha256 is missing"),
        (lambda v: v.update(sampler="x"), "sampler is not known"),
        (lambda v: v["report"].update(patient="x"), "report.patient is not known"),
        (lambda v: v.update(steps="16"), "steps is wrong"),
        (lambda v: v.update(synthetic=False), "synthetic is wrong"),
        (lambda v: v.update(format=2), "format is wrong"),
        (lambda v: v.update(seed=-1), "Seed is a whole number"),
        (lambda v: v["report"].update(findings="", impression=""), "The report is empty"),
    ],
)
def test_a_fault_is_an_error_that_names_the_file_and_the_field(
    path: Path, edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    edit(values)
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(RequestError) as caught:
        read_sidecar(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


@given(junk)
def test_any_json_is_a_sidecar_or_an_error_that_names_the_file(tmp_path_factory: Any, values: Any) -> None:
    path = tmp_path_factory.mktemp("sidecar") / "a.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(RequestError, match=r"a\.json"):
        read_sidecar(path)


@given(st.data())
def test_a_sidecar_with_any_value_anywhere_is_read_or_refused(tmp_path_factory: Any, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("sidecar") / "a.json"
    write_sidecar(sidecar(), path)
    values = json.loads(path.read_text(encoding="utf-8"))
    spoil(values, data)
    path.write_text(json.dumps(values), encoding="utf-8")
    try:
        read = read_sidecar(path)
    except RequestError as error:
        assert str(path) in str(error)
    else:
        request_of(read)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.mktemp("sidecar") / "a.json"
    path.write_bytes(content)
    with pytest.raises(RequestError, match=r"a\.json"):
        read_sidecar(path)


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\x1f\x8b\xff"])
def test_a_file_that_is_missing_or_no_sidecar_is_an_error_that_names_it(path: Path, content: bytes | None) -> None:
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RequestError, match=r"a\.json"):
        read_sidecar(path)


def test_the_sidecar_lies_beside_its_volume() -> None:
    assert sidecar_path(Path("x/a.b.nii.gz")) == Path("x/a.b.json")
    assert sidecar_path(Path("a.nii")) == Path("a.json")
    with pytest.raises(VolumeError, match="end in"):
        sidecar_path(Path("a.dcm"))


def test_a_sidecar_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        sidecar().seed = 8  # type: ignore[misc]
    assert replace(sidecar(), seed=8) != sidecar()


def test_a_scan_has_one_hash_in_every_format_and_in_every_order_of_its_voxels(tmp_path: Path) -> None:
    """A scan that was saved again was refused as another one."""
    affine = plane_affine(("S", "P", "L"), (2.5, 0.78125, 0.78125), 10, 12)
    affine[:3, 3] = (-199.609375, -180.05, -412.35)
    chest = Chest(hu_with_ball((8, 10, 12), np.array([2, 3, 4])), affine, np.zeros(3))
    write_by_nibabel(chest, tmp_path / "a.nii.gz")
    write_by_nibabel(chest, tmp_path / "b.nii", kind="f8", order=">")
    write_by_sitk(chest, tmp_path / "c.nrrd")
    write_by_sitk(chest, tmp_path / "d.mha")
    write_by_pydicom(chest, tmp_path / "e")
    scans = [read_volume(path) for path in tmp_path.iterdir()]
    turned = scans[0].turned(("R", "A", "S"))
    assert len({scan_sha256(scan) for scan in (*scans, turned)}) == 1
    brighter = Volume(scans[0].hu + np.int16(1), affine)
    higher = affine.copy()
    higher[2, 3] += 1
    wider = affine.copy()
    wider[:, 2] *= 1.05
    for other in (brighter, Volume(scans[0].hu, higher), Volume(scans[0].hu, wider)):
        assert not is_recorded(other, scan_sha256(scans[0]))


@settings(max_examples=60)
@given(chest=chests())
def test_a_scan_is_known_again_wherever_its_place_is_rounded(
    tmp_path_factory: pytest.TempPathFactory, chest: Chest
) -> None:
    folder = tmp_path_factory.mktemp("scan")
    exact = Volume(chest.hu, chest.affine)
    write_by_nibabel(chest, folder / "a.nii")
    write_by_sitk(chest, folder / "b.nrrd")
    for path in folder.iterdir():
        assert is_recorded(read_volume(path), scan_sha256(exact))


def test_the_hash_of_an_older_sidecar_is_known(tmp_path: Path) -> None:
    scan = Volume(hu_with_ball((8, 10, 12), np.array([2, 3, 4])), plane_affine(("S", "P", "L"), (3, 2, 1), 10, 12))
    assert is_recorded(scan, "a76bcac8ff355731efc2edcc59e0a3b11875823c75d212389f96a012a233e0ff")


@pytest.mark.parametrize(
    ("version", "exact"), [("0.1.0", True), ("0.2.0", True), ("0.3.0", False), ("0.10.1", False), ("1.0.0", False)]
)
def test_sidecars_before_0_3_hash_the_place_of_a_scan_to_the_last_bit(version: str, exact: bool) -> None:
    assert has_exact_hash(replace(sidecar(), versions={"ctflow": version})) == exact
    assert has_exact_hash(replace(sidecar(), versions={}))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII", "A.NII.GZ"])
def test_a_sidecar_lies_beside_its_volume(tmp_path: Path, name: str) -> None:
    assert sidecar_path(tmp_path / name) == tmp_path / f"{name[0]}.json"
