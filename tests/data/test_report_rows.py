"""Each line of a file of reports is read by itself: one that is broken takes no other with it."""

import json
from pathlib import Path

import pytest

from ctflow.batch.cases import Case, read_cases, seed_of, shuffled
from ctflow.errors import RequestError
from ctflow.report import Report
from ctflow.request import MAX_SEED

HEAD = "VolumeName,Findings_EN,Impressions_EN"


def written(path: Path, *lines: str | bytes) -> Path:
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n")
    return path


def test_of_ten_thousand_lines_the_three_that_are_broken_are_listed_and_the_others_are_cases(tmp_path: Path) -> None:
    lines = [f"valid_{number}_a_1.nii.gz,Nodule {number}.,Normal." for number in range(10_000)]
    lines[16] = 'valid_16_a_1.nii.gz,"Nobody closes this quote,'
    lines[4000] = "valid_4000_a_1.nii.gz,Not given.,Not given."
    lines[9000] = "valid_9000_a_1.nii.gz"
    cases, left_out = read_cases(written(tmp_path / "r.csv", HEAD, *lines))
    assert len(cases) == 9997
    assert cases[-1] == Case("valid_9999_a_1", Report("Nodule 9999.", "Normal."))
    assert [one.line for one in left_out] == [18, 4002, 9002]
    for one, reason in zip(left_out, ("Is a quote left open?", "report is empty", "1 columns"), strict=True):
        assert reason in one.reason and "Nobody" not in one.reason


def test_a_report_may_have_lines_of_its_own_and_the_place_is_where_it_begins(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", HEAD, 'a.nii.gz,"Two\nlines, ""quoted"".",', "", "b,,", "c.nii,Clear.,")
    cases, left_out = read_cases(path)
    assert [(case.name, case.report.findings) for case in cases] == [("a", 'Two\nlines, "quoted".'), ("c", "Clear.")]
    assert [(one.line, one.name) for one in left_out] == [(5, "b")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",Clear.,", "no VolumeName"),
        ("../x,Clear.,", "cannot be that of a file"),
        (".hidden,Clear.,", "cannot be that of a file"),
        (f"{'x' * 201},Clear.,", "cannot be that of a file"),
        ("a,Clear.,", "Line 2 has the same name"),
        ("a.nii.gz,Clear.,", "Line 2 has the same name"),
        (b"b,\xff\xfe,", "not UTF-8"),
        ("b,Clear.,,", "4 columns"),
        (f"b,{'x' * 20_001},", "20,001 characters"),
    ],
)
def test_a_line_that_is_no_case_says_why(tmp_path: Path, line: str | bytes, reason: str) -> None:
    cases, (left_out,) = read_cases(written(tmp_path / "r.csv", HEAD, "a,Clear.,", line))
    assert [case.name for case in cases] == ["a"]
    assert left_out.line == 3 and reason in left_out.reason


def test_sex_and_age_are_read_where_a_table_has_them(tmp_path: Path) -> None:
    cases, left_out = read_cases(
        written(tmp_path / "r.csv", f"{HEAD},PatientSex,PatientAge", "a,Clear.,,F,054Y", "b,Clear.,,O,", "c,Clear.,,x,")
    )
    assert [(case.report.sex, case.report.age) for case in cases] == [("F", 54), (None, None)]
    assert "sex is 'X'" in left_out[0].reason


def test_json_lines_are_read_one_by_one(tmp_path: Path) -> None:
    lines = [
        {"name": "a", "findings": "Clear.", "impression": "Normal.", "sex": "M", "age": 60},
        {"name": "b"},
        ["c", "Clear."],
        {"name": "d", "findings": 5},
        {"name": "e", "findings": "Clear.", "age": "old"},
        {"findings": "Clear."},
    ]
    path = written(tmp_path / "r.jsonl", *map(json.dumps, lines[:2]), "{", "", *map(json.dumps, lines[2:]))
    cases, left_out = read_cases(path)
    assert cases == [Case("a", Report("Clear.", "Normal.", "M", 60))]
    reasons = ("no findings", "no JSON", "no JSON object", "must be text", "Age is", "no name")
    assert [one.line for one in left_out] == [2, 3, 5, 6, 7, 8]
    for one, reason in zip(left_out, reasons, strict=True):
        assert reason in one.reason


def test_prompts_of_the_challenge_are_read_with_their_headings(tmp_path: Path) -> None:
    prompts = [
        {"input_image_name": "valid_1_a_1", "report": "Findings: Clear. Impression: Normal."},
        {"input_image_name": "valid_2_a_1", "report": ["Clear."]},
        {"report": "Clear."},
    ]
    cases, left_out = read_cases(written(tmp_path / "prompts.json", json.dumps(prompts)))
    assert cases == [Case("valid_1_a_1", Report("Clear.", "Normal."))]
    assert [(one.line, one.name) for one in left_out] == [(2, "valid_2_a_1"), (3, "")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("r.txt", "Clear.", "no file of reports by its ending"),
        ("r.csv", "VolumeName,Findings_EN\na,Clear.", "no column Impressions_EN"),
        ("r.csv", "", "no column VolumeName, Findings_EN, Impressions_EN"),
        ("r.csv", f"{HEAD},Findings_EN\na,Clear.,,", "two columns 'Findings_EN'"),
        ("r.csv", f"{HEAD}\na,,", r"no report that can be used, in 1 lines. Line 2: .*empty"),
        ("r.json", '{"a": 1}', "holds no list"),
        ("r.json", "[", "is no JSON"),
        ("r.json", "[" * 100_000, "is no JSON"),
        ("r.jsonl", "", "no report that can be used"),
    ],
)
def test_a_file_that_holds_no_reports_says_what_was_expected(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(RequestError, match=said):
        read_cases(tmp_path / name)
    with pytest.raises(RequestError, match="cannot be read"):
        read_cases(tmp_path / "none.csv")


def test_a_seed_depends_on_name_and_base_alone() -> None:
    seeds = {seed_of(0, f"valid_{number}_a_1") for number in range(10_000)}
    assert len(seeds) > 9_980  # of 2 ** 32, a few are equal by chance
    assert min(seeds) < MAX_SEED / 100 and MAX_SEED * 0.99 < max(seeds) <= MAX_SEED
    assert seed_of(0, "valid_1_a_1") == seed_of(0, "valid_1_a_1") != seed_of(1, "valid_1_a_1")


def test_shuffled_reports_are_those_of_others_whatever_the_order_of_the_cases() -> None:
    cases = [Case(f"c{number}", Report(f"Nodule {number // 2}.")) for number in range(20)]
    mixed = shuffled(cases, base=3)
    assert all(mixed[case.name] != case.report for case in cases)
    assert mixed == shuffled(cases[::-1], base=3) != shuffled(cases, base=4)
    with pytest.raises(RequestError, match="All reports are the same"):
        shuffled(cases[:2], base=3)
