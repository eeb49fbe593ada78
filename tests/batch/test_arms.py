"""Arms of a study: other reports, the same noise."""

from dataclasses import replace
from pathlib import Path

import pytest

from ctflow.batch.arms import FORMAT, Arm, read_arms, reports_of, request_in
from ctflow.batch.cases import Case
from ctflow.card import Guidance
from ctflow.errors import RequestError
from ctflow.report import Report
from tests.tiny import CARD

CASES = [Case("a", Report("Large Right effusion. Right nodule.", "Right.")), Case("b", Report("Clear."))]


def test_the_file_that_the_help_shows_is_read(tmp_path: Path) -> None:
    (tmp_path / "arms.toml").write_text(FORMAT)
    arms = read_arms(tmp_path / "arms.toml")
    assert [(name, arm.report) for name, arm in arms.items()] == [
        ("true", "own"),
        ("shuffled", "shuffled"),
        ("left", "swapped"),
        ("none", "none"),
    ]


def test_words_are_swapped_wherever_they_stand_and_cases_without_them_are_not_in_the_arm() -> None:
    reports = reports_of(Arm(report="swapped", find="right", put=r"left\1"), CASES, seed=0)
    assert reports["a"] == Report(r"Large left\1 effusion. left\1 nodule.", r"left\1.")
    assert reports["b"] == "Its report does not say 'right'."


def test_a_report_of_which_nothing_is_left_is_not_in_the_arm() -> None:
    reports = reports_of(Arm(report="swapped", find="Clear.", put=""), CASES, seed=0)
    assert "report is empty" in str(reports["b"])


def test_no_report_is_guidance_0_at_all_times_and_nothing_else() -> None:
    request = CARD.request(Report("Clear."), seed=5, guidance=3, guidance_above_t=0.6)
    assert request_in(Arm(report="none"), request, CARD) == replace(request, guidance=0, guidance_above_t=0)
    assert request_in(Arm(report="own"), request, CARD) == request
    untrained = replace(CARD, guidance=Guidance(trained=False, default=1.0))
    with pytest.raises(RequestError, match="never trained without a report"):
        request_in(Arm(report="none"), request, untrained)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no arm"),
        ("[a", "cannot be read"),
        ("[a]\nreport = 'other'", r"a\.report is wrong"),
        ("[a]\nreport = 'own'\nseed = 3", r"a\.seed is not known"),
        ("[a]\nreport = 'swapped'", "needs find and put"),
        ("[a]\nreport = 'own'\nfind = 'x'", "needs find and put"),
        ("['../a']\nreport = 'own'", "cannot be the name of a folder"),
    ],
)
def test_a_file_that_is_none_says_so(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "arms.toml").write_text(text)
    with pytest.raises(RequestError, match=said):
        read_arms(tmp_path / "arms.toml")
