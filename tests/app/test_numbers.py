"""What is answered about numbers: charts that Plotly accepts, a table, CSV, and words where there is nothing."""

import csv
import io
import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from app.handlers import Handlers
from app.numbers import MOST, Numbers
from app.runs import Runs
from ctflow.analysis.measure import measure
from tests.app.asking import ask, ended, run_of
from tests.app.fake import WAIT_S, FakeGenerator, Gate, chest


@pytest.fixture
def numbers(handlers: Handlers) -> Numbers:
    return Numbers(handlers)


def asked(**runs: Any) -> dict[str, Any]:
    return {"runs": [{"name": name, "run": run} for name, run in runs.items()]}


def test_the_figures_are_plotlys_and_hold_what_was_measured(numbers: Numbers) -> None:
    run = ended(numbers.handlers)
    answer = numbers.numbers(asked(A=run["run"]))
    figures = [go.Figure(chart["figure"]) for chart in answer["charts"]]  # raises for what Plotly does not know
    expected = measure(run_of(numbers.handlers, run).volume())
    histogram, mean, change = (figure.data[0] for figure in figures)
    assert sum(histogram.y) == pytest.approx(expected.histogram_ml(20)[1].sum(), rel=1e-4)
    np.testing.assert_allclose(mean.y, expected.mean_hu, atol=0.01)
    np.testing.assert_allclose(change.y, expected.change_hu, atol=0.01)
    assert list(mean.x[:2]) == [0, 3] and list(change.x[:2]) == [1.5, 4.5], "mm; a change lies between two slices"
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize("towards", ["I", "S"])
def test_the_borders_of_chunks_are_where_the_chunks_meet(gate: Gate, tmp_path: Any, towards: str) -> None:
    """Of 20 slices, the second chunk has four; a file that begins at the feet has them at the head."""
    gate.open(100)
    generator = FakeGenerator(gate, towards, ends_at=20)
    handlers = Handlers(generator, Runs(generator, tmp_path))
    answer = Numbers(handlers).numbers(asked(A=ended(handlers)["run"]))
    for chart in answer["charts"][1:]:
        borders = [line["x0"] for line in chart["figure"]["layout"]["shapes"]]
        assert borders == [(15.5 if towards == "I" else 3.5) * 3.0]
    assert answer["charts"][0]["figure"]["layout"]["shapes"] == []


def test_each_volume_has_its_column_and_its_lines_in_the_csv(numbers: Numbers) -> None:
    first, second = (ended(numbers.handlers, seed=seed) for seed in (1, 3))
    answer = numbers.numbers(asked(A=first["run"], B=second["run"]))
    assert answer["table"]["columns"] == ["In the body", "A", "B"]
    assert all(len(row) == 3 for row in answer["table"]["rows"])
    rows = list(csv.DictReader(io.StringIO(answer["csv"])))
    for name, seed in (("A", 1), ("B", 3)):
        means = {
            row["at"]: float(row["value"]) for row in rows if (row["volume"], row["measure"]) == (name, "mean of slice")
        }
        assert list(means)[:3] == ["0 mm", "3 mm", "6 mm"]
        np.testing.assert_allclose(list(means.values()), chest(32, seed, "I").mean(axis=(1, 2)), atol=0.001)
    lung_ml = {row["volume"]: float(row["value"]) for row in rows if row["measure"] == "volume of lung"}
    assert [f"{lung_ml[name]:,.0f} ml" for name in "AB"] == answer["table"]["rows"][0][1:]


def test_a_half_made_volume_says_how_much_of_it_was_measured(gated: FakeGenerator, gate: Gate, tmp_path: Any) -> None:
    handlers = Handlers(gated, Runs(gated, tmp_path))
    run = run_of(handlers, ask(handlers, chunks=3, steps=4))
    gate.open(4)
    with run.news:
        assert run.news.wait_for(lambda: len(run.chunks) == 1, WAIT_S)
    answer = Numbers(handlers).numbers(asked(A=run.id))
    assert answer["status"] == "Not whole: A has 16 of 48 slices. The numbers are of what there is."
    assert answer["table"]["columns"][1] == "A, 16 of 48 slices"
    assert len(answer["charts"][1]["figure"]["data"][0]["y"]) == 16


def test_of_what_was_computed_from_several_volumes_it_is_said_that_it_is_no_chest(numbers: Numbers) -> None:
    handlers = numbers.handlers
    volume = run_of(handlers, ended(handlers)).volume()
    request = handlers.request({"findings": "Clear."})
    spread = handlers.runs.keep(volume, "v", request=request, title="Mean of 2 seeds", is_computed=True)
    assert numbers.numbers(asked(A=spread.id))["status"] == (
        "A is no chest (mean of 2 seeds): its numbers are of no patient."
    )


@pytest.mark.parametrize(
    "wanted", [{}, {"runs": []}, {"runs": "x"}, {"runs": [1]}, {"runs": [{"name": "A", "run": "x"}] * (MOST + 1)}]
)
def test_what_is_no_list_of_runs_is_refused_in_words(numbers: Numbers, wanted: Any) -> None:
    assert "Numbers are of one to 4 runs" in numbers.numbers(wanted)["problem"]


def test_runs_that_are_gone_or_have_no_slices_are_explained(gated: FakeGenerator, gate: Gate, tmp_path: Any) -> None:
    handlers = Handlers(gated, Runs(gated, tmp_path))
    assert "B: This volume is no longer" in Numbers(handlers).numbers(asked(B="x"))["problem"]
    waiting = ask(handlers)["run"]
    assert "no slices yet" in Numbers(handlers).numbers(asked(A=waiting))["problem"]


def test_a_scan_has_no_chunks_and_the_borders_are_those_of_the_volume_beside_it(numbers: Numbers) -> None:
    """They were drawn where its slices had been cut into pieces for the page."""
    made = ended(numbers.handlers)
    scan = numbers.handlers.runs.keep(run_of(numbers.handlers, made).volume(), "v", request=None, title="Scan")
    alone = numbers.numbers(asked(A=scan.id))["charts"][1]
    assert alone["words"] == "Of all its voxels, air included."
    assert alone["figure"]["layout"]["shapes"] == []
    beside = numbers.numbers(asked(A=scan.id, B=made["run"]))["charts"][1]
    assert beside["words"].endswith("Dotted: borders between chunks of B.")
    assert beside["figure"]["layout"]["shapes"]
