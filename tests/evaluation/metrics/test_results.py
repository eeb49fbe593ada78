"""A result is read back whole, and two of different protocols never meet."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.figure import Figure
from ctflow.evaluation.metrics.published import PUBLISHED, comparable
from ctflow.evaluation.metrics.results import Result, check_comparable, read_result, write_result
from ctflow.evaluation.metrics.table import results_markdown

FID = Figure(
    name="FID",
    value=66.0,
    low=60.0,
    high=math.nan,
    better="lower",
    reference=3.0,
    reference_is="real",
    beside_reference=70.0,
    samples=(100, 50_000),
    warnings=("100 samples",),
)
EXTRACTORS = {"inception-2015-12-05": {"weights_sha256": "6726825d" + "0" * 56, "preparation": "As it is."}}
RESULT = Result(
    title="L",
    mode="gt-head",
    fake_set_sha256="1" * 64,
    protocol={
        "name": "ctflow-paper",
        "version": 1,
        "status": "inferred",
        "measures": [{"measure": "Frechet", "name": "FID", "kinds": ["features"], "biased": True}],
        "extractors": EXTRACTORS,
        "counts": {"real volumes": 100},
        "real_set_sha256": "0" * 64,
        "seed": 0,
    },
    figures=(FID,),
    made={"torch": "2.13"},
)


def test_a_result_is_read_back_equal(tmp_path: Path) -> None:
    write_result(RESULT, tmp_path / "l.json")
    assert repr(read_result(tmp_path / "l.json")) == repr(RESULT)


def test_an_altered_protocol_is_refused(tmp_path: Path) -> None:
    write_result(RESULT, tmp_path / "l.json")
    content = json.loads((tmp_path / "l.json").read_text())
    content["protocol"]["counts"]["real volumes"] = 50
    (tmp_path / "l.json").write_text(json.dumps(content))
    with pytest.raises(RequestError, match="was altered"):
        read_result(tmp_path / "l.json")


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"format": 1}', "[]"])
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(RequestError, match=r"x\.json is no result"):
        read_result(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "version is 1 and 2"),
        ({"counts": {"real volumes": 99}}, "counts.real volumes is 100 and 99"),
        (
            {"measures": [{"measure": "Frechet", "name": "FID", "kinds": ["features"], "biased": False}]},
            r"measures\[0\].biased is true and false",
        ),
        ({"real_set_sha256": "1" * 64}, "real_set_sha256"),
        ({"extractors": {"inception-2015-12-05": {}}}, "weights_sha256"),
    ],
)
def test_results_of_different_protocols_refuse_to_be_compared(change: dict[str, object], says: str) -> None:
    other = replace(RESULT, title="S", protocol={**RESULT.protocol, **change})
    for refused in (check_comparable, results_markdown):
        with pytest.raises(RequestError, match=f"“L” and “S” cannot be compared.*{says}"):
            refused([RESULT, other])


def test_the_table_has_a_row_for_each_mode_and_model_and_says_what_published_figures_are_worth() -> None:
    other = replace(RESULT, title="S", mode="full-body", figures=(replace(FID, value=249.7, beside_reference=90),))
    table = results_markdown([RESULT, other])
    assert "| mode | model | FID ↓ |" in table
    assert "| gt-head | L | 66 (60 to —) |\n| full-body | S | 249.7 (60 to —) |" in table
    assert "| | reference, see below | 3 |" in table
    assert "| | better | L, gt-head | S, full-body | reference |" in table
    assert "| FID | lower | 66 (60 to —) | 249.7 (60 to —) | 3 | 70, 90 | real | 100 and 50,000 |" in table
    assert "- FID, L: 100 samples." in table
    assert "| full-body | S | 249.7 | 2286 | 6646 | 2.29 | — | FID: with care: the protocol is inferred, and" in table
    assert "FVD, 16 slices, FVD, 128 slices, IS: no: it was not measured |" in table
    assert "| gt-head | all of them | — | 623 | — | — | — | no: it sees the slices alone that were copied" in table
    assert "- FID: Frechet, kinds features, biased True" in table


def test_references_and_samples_that_differ_are_all_shown() -> None:
    """With the reports of another arm real volumes score otherwise, and the first result's reference stood for all."""
    other = replace(RESULT, title="S", figures=(replace(FID, reference=9.0, samples=(100, 40)),))
    table = results_markdown([RESULT, other])
    assert "| | reference, see below | 3, 9 |" in table
    assert "| FID | lower | 66 (60 to —) | 66 (60 to —) | 3, 9 | 70, 70 | real | 100 and 50,000, 100 and 40 |" in table


def test_a_published_figure_is_comparable_with_its_own_weights_and_protocol_alone() -> None:
    paper, named = PUBLISHED[0], frozenset({"FID", "FVD, 16 slices"})

    def said(metric: str, **change: object) -> str:
        return comparable(paper, metric, {**RESULT.protocol, **change}, named)

    assert said("FID").startswith("with care")
    assert said("FID", name="demo").startswith("no: this was measured by demo")
    other = {"inception-2015-12-05": {"weights_sha256": "f" * 64}, "i3d": {"weights_sha256": "e" * 64}}
    assert "are not the published ones" in said("FID", extractors=other)
    assert "the SHA-256 of the published weights of i3d is not known to us" in said("FVD, 16 slices", extractors=other)
