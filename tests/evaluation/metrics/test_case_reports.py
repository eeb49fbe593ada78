"""Reports are found by the volumes' names, and what is no report is said."""

import json
import logging
from pathlib import Path

import pytest

from ctflow.data.ctrate import ReportRow, write_reports
from ctflow.errors import RequestError
from ctflow.evaluation.metrics.case_reports import read_case_reports


def row(name: str, findings: str, impression: str = "Not given.") -> ReportRow:
    return ReportRow(name=name, clinical_information="", technique="", findings=findings, impression=impression)


def test_ct_rates_table_is_read_by_the_names_of_volumes(tmp_path: Path) -> None:
    write_reports(tmp_path / "r.csv", [row("valid_1_a_1.nii.gz", "No effusion."), row("b", "Not given.", "Effusion.")])
    reports = read_case_reports(tmp_path / "r.csv")
    assert (reports["valid_1_a_1"].findings, reports["valid_1_a_1"].impression) == ("No effusion.", "")
    assert (reports["b"].findings, reports["b"].impression) == ("", "Effusion.")


def test_a_separator_of_unicode_within_a_report_is_no_end_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"name": "a", "findings": "No\u2028effusion."}', encoding="utf-8")
    assert read_case_reports(tmp_path / "r.jsonl")["a"].findings == "No\u2028effusion."


def test_of_many_lines_the_broken_reports_are_named_without_their_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [{"name": f"c{i}", "findings": f"Secret {i}."} for i in range(1000)]
    lines[7]["findings"], lines[500]["findings"] = "", "Secret " * 10_000
    (tmp_path / "r.jsonl").write_text("\n".join([*map(json.dumps, lines), "{", "", "[1]"]), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        reports = read_case_reports(tmp_path / "r.jsonl")
    assert len(reports) == 998
    for place in ("line 8: c7", "line 501: c500", "line 1001: it", "line 1003: it"):
        assert f"{place} is left out" in caplog.text
    assert "Secret" not in caplog.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"name": "a", "findings": "x"}\n{"name": "a", "findings": "y"}', "two reports of a, the second in line 2"),
        ('{"name": "a"}', "no report that can be used. Line 1: It has no findings"),
        ("no JSON", "Line 1: It is no JSON"),
        ("[1]", "Line 1: It is no JSON object, but list"),
        ('{"name": "a", "findings": null}', "Line 1: .* must be text"),
        ("[" * 100_000, "Line 1: It is no JSON"),
        ("", "no report that can be used"),
    ],
)
def test_a_file_that_is_no_table_of_reports_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "r.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(RequestError, match=says):
        read_case_reports(tmp_path / "r.jsonl")
