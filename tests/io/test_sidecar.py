import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctflow.errors import RequestError, VolumeError
from ctflow.io.sidecar import Sidecar, read_sidecar, request_of, sidecar_of, sidecar_path, write_sidecar
from ctflow.report import Report
from ctflow.request import MAX_SEED
from tests.app.fake import sleeping
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
