"""What the page can ask for, and what it is answered."""

import asyncio
import json
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.chunks import unpack
from app.handlers import Handlers
from app.present import grid
from app.runs import Runs
from ctflow.volume import plane_affine
from tests.app.asking import FIELDS, ask, ended, news, run_of
from tests.app.fake import FakeGenerator, chest
from tests.junk import junk


def test_the_manifest_is_small_json_without_voxels_and_leads_to_them(handlers: Handlers) -> None:
    manifest = ended(handlers)
    assert len(json.dumps(manifest)) < 2000
    assert (manifest["state"], manifest["share"]) == ("finished", 1.0)
    assert manifest["grid"] == grid((32, 256, 256), plane_affine(("I", "P", "L"), (3.0, 1.5, 1.5), 256, 256))
    data = [unpack(Path(c["path"]).read_bytes(), (c["slices"], 256, 256)) for c in manifest["chunks"]]
    np.testing.assert_array_equal(np.concatenate(data), chest(32, 1, "I"))


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
        ({"guidance_above_t": 2}, "from 0 to 1"),
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
def test_a_request_that_cannot_be_carried_out_is_refused_in_words_and_no_run_begins(
    handlers: Handlers, changes: dict[str, Any], words: str
) -> None:
    answer = ask(handlers, **changes)
    assert answer.keys() == {"problem"}
    assert words in answer["problem"]
    assert not list(handlers.runs.root.iterdir())


def test_a_page_that_comes_back_sees_the_same_run(handlers: Handlers) -> None:
    manifest = ended(handlers)
    assert news(handlers, manifest["run"]) == manifest


def test_a_page_that_asks_again_because_it_heard_nothing_gets_the_same_run(
    handlers: Handlers, instant: FakeGenerator
) -> None:
    run_id = "a" * 22
    assert ask(handlers, run=run_id) == ask(handlers, run=run_id, seed=9) == {"run": run_id}
    ended(handlers, run=run_id)
    assert [request.seed for request in instant.requests] == [1]


@pytest.mark.parametrize("run_id", ["short", "a" * 21 + "/", "../" + "a" * 19, 7, ["x"]])
def test_what_is_not_an_id_is_refused(handlers: Handlers, run_id: Any) -> None:
    assert "22 characters" in ask(handlers, run=run_id)["problem"]
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


def test_headings_that_were_pasted_with_the_report_are_understood(handlers: Handlers) -> None:
    report = run_of(handlers, ask(handlers, findings="Findings: Clear. Impression: Normal.")).request.report
    assert (report.findings, report.impression) == ("Clear.", "Normal.")


@pytest.mark.parametrize(("typed", "age"), [("", None), (" 63 ", 63), ("0", 0), (None, None), (7, 7)])
def test_an_age_that_was_not_typed_is_no_age(handlers: Handlers, typed: Any, age: int | None) -> None:
    assert run_of(handlers, ask(handlers, age=typed)).request.report.age == age


def test_what_is_cut_off_is_shown(handlers: Handlers) -> None:
    shown = handlers.read({"findings": "word " * 64})
    assert (shown["count"], shown["cut"]) == ("Report length: 65 of 64 tokens", "word")
    assert [one["is_cut"] for one in shown["sentences"]] == [True]
    empty = handlers.read({"findings": " ", "impression": ""})
    assert empty == {
        "count": "Report length: 0 of 64 tokens",
        "cut": "",
        "known": [],
        "contradicted": [],
        "sentences": [],
    }


def test_what_the_model_recognised_is_said_in_words(tmp_path: Path) -> None:
    generator = FakeGenerator(lambda chunk, step: None, known=("Pleural effusion", "Pneumothorax"))
    handlers = Handlers(generator, Runs(generator, tmp_path))
    read = handlers.read(
        {"findings": "Large right pleural effusion. No pneumothorax on the left.\nThe dog <b>barks</b>."}
    )
    said = [([chip["text"] for chip in one["chips"]], one["unread"]) for one in read["sentences"]]
    assert said == [
        (["Pleural effusion, right, large"], []),
        (["no pneumothorax, left"], []),
        ([], ["The dog <b>barks</b>."]),
    ]
    assert handlers.read({"findings": " ", "impression": ""})["known"] == ["Pleural effusion", "Pneumothorax"]


def test_a_sentence_is_turned_into_its_opposite(tmp_path: Path) -> None:
    generator = FakeGenerator(lambda chunk, step: None, known=("Pleural effusion",))
    handlers = Handlers(generator, Runs(generator, tmp_path))
    assert handlers.opposite({"sentence": "Large right pleural effusion."}) == {
        "text": "No pleural effusion on the right."
    }
    assert "by hand" in handlers.opposite({"sentence": "Fog."})["problem"]
    assert "must be text" in handlers.opposite({})["problem"]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*FIELDS, "run", "kind"], junk)))
def test_whatever_is_sent_the_answer_is_an_answer(handlers: Handlers, asked: dict[str, Any]) -> None:
    for handler in (handlers.start, handlers.read, handlers.opposite, handlers.stop, handlers.export):
        answer = handler({**asked, "visitor": secrets.token_hex(4)})
        assert "our side" not in answer.get("problem", "")
        if handler == handlers.start and "run" in answer:
            handlers.stop(answer)
