import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctflow.card import EndRule, LearntEndRule, PartialGuidance, read_card, write_card
from ctflow.errors import CheckpointError, RequestError
from ctflow.report import Report
from tests.app.fake import fake_card
from tests.junk import junk, spoil

REPORT = Report("Clear lungs.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "card.json"
    write_card(fake_card("I"), path)
    return path


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text())
    edit(values)
    path.write_text(json.dumps(values))


def test_a_card_is_read_back_as_it_was_written(path: Path) -> None:
    assert read_card(path) == fake_card("I")


def test_which_rule_ends_a_volume_is_told_by_its_numbers(path: Path) -> None:
    """Cards that were written before there was a second rule are read, and written, as they were."""
    assert json.loads(path.read_text())["stop"] == {"tolerance": 0.1, "share": 0.9}
    assert read_card(path).end == EndRule(tolerance=0.1, share=0.9)
    change(path, lambda v: v.update(stop={"border_whiteness": 0.15}))
    card = read_card(path)
    assert card.end == LearntEndRule(border_whiteness=0.15)
    write_card(card, path)
    assert json.loads(path.read_text())["stop"] == {"border_whiteness": 0.15}


def test_guidance_in_part_of_t_is_told_by_its_number(path: Path) -> None:
    """Cards that were written before there was such guidance are read, and written, as they were."""
    assert json.loads(path.read_text())["guidance"] == {"trained": False, "default": 1.0}
    assert read_card(path).request(REPORT, 7).guidance_above_t == 0
    change(path, lambda v: v.update(guidance={"trained": True, "default": 2.0, "above_t": 0.8}))
    card = read_card(path)
    assert card.guidance == PartialGuidance(trained=True, default=2.0, above_t=0.8)
    assert card.request(REPORT, 7).guidance_above_t == 0.8
    assert card.request(REPORT, 7, guidance_above_t=0).guidance_above_t == 0
    write_card(card, path)
    assert read_card(path) == card


@pytest.mark.parametrize("axes", [a + b for a in "SI" for b in ("LP", "LA", "RP", "RA", "PL", "AL", "PR", "AR")])
def test_every_way_that_slices_across_the_body_can_lie_is_a_card(path: Path, axes: str) -> None:
    change(path, lambda v: v["geometry"].update(axes=list(axes)))
    assert read_card(path).geometry.axes == tuple(axes)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda v: v.pop("licence"), "licence is missing"),
        (lambda v: v["intensity"].pop("hu_white"), "intensity.hu_white is missing"),
        (lambda v: v["geometry"].update(tilt=3), "geometry.tilt is not known"),
        (lambda v: v["intensity"].update(gamma=2), "intensity.gamma is not known"),
        (lambda v: v["latent"].update(channels="16"), "latent.channels is wrong"),
        (lambda v: v["latent"].update(scale=float("nan")), "latent.scale is wrong"),
        (lambda v: v["geometry"].update(axes=["I", "P"]), "geometry.axes.2 is missing"),
        (lambda v: v["geometry"].update(axes=["S", "L", "L"]), "geometry.axes is wrong (slices go to S or I"),
        (lambda v: v["geometry"].update(axes=["L", "P", "S"]), "geometry.axes is wrong (slices go to S or I"),
        (lambda v: v["geometry"].update(axes=["S", "I", "P"]), "geometry.axes is wrong (slices go to S or I"),
        (lambda v: v.update(format=2), "format is wrong"),
        (lambda v: v["geometry"].update(slice_spacing_mm=0), "geometry.slice_spacing_mm is wrong"),
        (lambda v: v["geometry"].update(max_chunks=0), "geometry.max_chunks is wrong"),
        (lambda v: v["latent"].update(scale=0), "latent.scale is wrong"),
        (lambda v: v["intensity"].update(hu_white=-1000), "-1000 to -1000 HU"),
        (lambda v: v["intensity"].update(white=0), "intensity is wrong (black must lie below white"),
        (lambda v: v["intensity"].update(hu_white=40_000), "HU must be from -32767 to 32767"),
        (lambda v: v["text"].update(parts=["Findings: {finding}"]), "names finding, and a report has findings"),
        (lambda v: v["text"].update(parts=["Findings: {findings"]), "text.parts is wrong"),
        (lambda v: v["text"].update(parts=["{findings}", "{age:z}"]), "text.parts is wrong"),
        (lambda v: v["text"].update(parts=["{findings}", "{age:{width}}"]), "cannot be filled in"),
        (lambda v: v["text"].update(parts=["Length: 256"]), "no part contains {findings}"),
        (lambda v: v["text"].update(max_tokens=1), "text.max_tokens is wrong"),
        (lambda v: v["stop"].pop("share"), "stop.published.share is missing"),
        (lambda v: v["stop"].update(border_whiteness=0.15), "stop.learnt.tolerance is not known"),
        (lambda v: v.update(stop={"border_whiteness": 1}), "stop.learnt.border_whiteness is wrong"),
        (lambda v: v.update(stop={"border_whiteness": 0}), "stop.learnt.border_whiteness is wrong"),
        (lambda v: v["guidance"].pop("trained"), "guidance.whole.trained is missing"),
        (lambda v: v["guidance"].update(above_t=0.5), "guidance.partial.trained is wrong"),
        (lambda v: v.update(guidance={"trained": True, "default": 2, "above_t": 1}), "guidance.partial.above_t is"),
        (lambda v: v.update(stop=None), "stop.published is wrong"),
    ],
)
def test_a_fault_is_an_error_that_names_the_file_and_the_field(
    path: Path, edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    change(path, edit)
    with pytest.raises(CheckpointError) as caught:
        read_card(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_card_of_a_later_version_is_said_to_be_that(path: Path) -> None:
    change(path, lambda v: v.update(format=2, weather="fine"))
    with pytest.raises(CheckpointError, match="it is 2, perhaps of a later CTFlow") as caught:
        read_card(path)
    assert "weather" not in str(caught.value)


@given(junk)
def test_any_json_is_a_card_or_an_error_that_names_the_file(tmp_path_factory: Any, values: Any) -> None:
    path = tmp_path_factory.mktemp("card") / "card.json"
    path.write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=r"card\.json"):
        read_card(path)


@given(st.data())
def test_a_card_with_any_value_anywhere_is_read_or_refused(tmp_path_factory: Any, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("card") / "card.json"
    write_card(fake_card("I"), path)
    change(path, lambda values: spoil(values, data))
    try:
        card = read_card(path)
    except CheckpointError as error:
        assert str(path) in str(error)
    else:
        write_card(card, path)
        assert read_card(path) == card


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_file_that_is_no_card_is_an_error_that_names_it(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"card\.json"):
        read_card(path)


def test_a_folder_without_a_card_is_an_error_that_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"needs its card\.json"):
        read_card(tmp_path / "card.json")


def test_a_request_takes_the_models_defaults_where_nothing_was_said() -> None:
    card = fake_card("I")
    request = card.request(REPORT, 7, steps=2, chunks=None)
    assert (request.steps, request.chunks) == (2, card.defaults.chunks)
    assert (request.solver, request.shift, request.guidance) == ("euler", 1.0, 1.0)


def test_more_than_the_model_can_do_is_refused() -> None:
    with pytest.raises(RequestError, match="at most 6 chunks"):
        fake_card("I").request(REPORT, 7, chunks=7)
    with pytest.raises(RequestError, match="not trained for guidance"):
        fake_card("I").request(REPORT, 7, guidance=2.0)
