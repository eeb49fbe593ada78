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


def test_of_many_lines_the_broken_reports_are_named_without_their_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [{"name": f"c{i}", "findings": f"Secret {i}."} for i in range(1000)]
    lines[7]["findings"], lines[500]["findings"] = "", "Secret " * 10_000
    (tmp_path / "r.jsonl").write_text("\n".join([*map(json.dumps, lines), "{", "", "[1]"]), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        reports = read_case_reports(tmp_path / "r.jsonl")
    assert len(reports) == 998
    assert "line 8: the report of c7 is left out" in caplog.text and "line 501: the report of c500" in caplog.text
    assert "line 1001: " in caplog.text and "line 1003: " in caplog.text
    assert "Secret" not in caplog.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"name": "a", "findings": "x"}\n{"name": "a", "findings": "y"}', "two reports of a, the second in line 2"),
        ('{"name": "a"}', "no report that can be used. Line 1: It has no findings"),
        ("no JSON", "Line 1: It is no JSON"),
        ("[1]", "Line 1: It is no JSON object, but list"),
        ("[" * 100_000, "Line 1: It is no JSON"),
        ("", "no report that can be used"),
    ],
)
def test_a_file_that_is_no_table_of_reports_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "r.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(RequestError, match=says):
        read_case_reports(tmp_path / "r.jsonl")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.csv", "\ufeffVolumeName,Findings_EN,Impressions_EN\na.nii.gz,No effusion.,\nb.mha,Effusion.,\n"),
        ("r.json", '[{"input_image_name": "a", "report": "No effusion."}, {"input_image_name": "b", "report": "x"}]'),
        ("r.jsonl", '{"name": "a.nii.gz", "findings": "No effusion."}\n{"name": "b", "findings": "One\u2028line."}\n'),
    ],
)
def test_what_volumes_were_made_from_is_what_they_are_judged_by(tmp_path: Path, name: str, text: str) -> None:
    """`generate --reports` took each of these files, and `evaluate metrics --reports` none."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    reports = read_case_reports(tmp_path / name)
    assert reports["a"].findings == "No effusion." and reports.keys() == {"a", "b"}
