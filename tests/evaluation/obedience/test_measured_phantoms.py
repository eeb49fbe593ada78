"""Measured phantoms are kept on disk, one a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctflow.evaluation.obedience.measured_phantoms import kept_in, measured_phantoms
from ctflow.evaluation.obedience.phantom_views import PlainView
from ctflow.phantom import Truth, make_phantom

LINE = json.dumps({"measures": {"ml": 1.0}, "truth": Truth().to_json()})


def test_a_line_that_a_killed_run_cut_off_is_removed(tmp_path: Path) -> None:
    kept = kept_in(tmp_path, 0, PlainView())
    kept.write_text(f"{LINE}\n{LINE[:20]}")
    assert [one.measures for one in measured_phantoms(tmp_path, 1, 0, 1, PlainView())] == [{"ml": 1.0}]
    assert kept.read_text() == f"{LINE}\n"


@pytest.mark.slow
def test_what_is_missing_is_measured_and_kept(tmp_path: Path) -> None:
    kept_in(tmp_path, 5, PlainView()).write_text(f"{LINE}\n")
    first, second = measured_phantoms(tmp_path, 2, 5, 1, PlainView())
    assert first.measures == {"ml": 1.0}
    assert second.truth == make_phantom(6).truth and len(second.measures) > 200
    assert list(measured_phantoms(tmp_path, 2, 5, 1, PlainView())) == [first, second]
