"""The arms of an intervention study: of each case several volumes, which differ by the report and by nothing else."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ctflow.batch.cases import FILE_NAME, Case, shuffled
from ctflow.card import ModelCard
from ctflow.errors import RequestError
from ctflow.report import Report
from ctflow.request import GenerationRequest
from ctflow.validation import wrong_fields

FORMAT = """\
  [true]                            # an arm's name, which is that of its folder
  report = "own"                    # the case's own report

  [shuffled]
  report = "shuffled"               # that of another case, which the seed decides

  [left]
  report = "swapped"                # its own with other words; cases without these words are left out
  find = "right pleural effusion"
  put = "left pleural effusion"

  [none]
  report = "none"                   # no report: guidance 0, for models that were trained for guidance"""
_strict = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_strict)
class Arm:
    """How the reports of an arm are made, see FORMAT. `find` and `put` are of `swapped` alone."""

    report: Literal["own", "shuffled", "swapped", "none"]
    find: str = ""
    put: str = ""


OWN = Arm(report="own")
_adapter = TypeAdapter(dict[str, Arm])


def read_arms(path: Path) -> dict[str, Arm]:
    """The arms of a TOML file by their names. Raises RequestError for a file that holds none, or anything else."""
    try:
        arms = _adapter.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RequestError(f"{path} cannot be read ({error}). Arms in TOML were expected, such as\n{FORMAT}") from error
    except ValidationError as error:
        raise RequestError(f"{path}: {wrong_fields(error)}. Arms in TOML were expected, such as\n{FORMAT}") from error
    if not arms:
        raise RequestError(f"{path} has no arm. Arms in TOML were expected, such as\n{FORMAT}")
    for name, arm in arms.items():
        _check(name, arm, path)
    return arms


def _check(name: str, arm: Arm, path: Path) -> None:
    if not FILE_NAME.fullmatch(name):
        raise RequestError(f"{path} names an arm {name!r}, which cannot be the name of a folder: use letters.")
    if (arm.report == "swapped") != bool(arm.find) or (arm.put and not arm.find):
        raise RequestError(f"{path}: the arm {name} needs find and put if its report is swapped, and else neither.")


def reports_of(arm: Arm, cases: Sequence[Case], seed: int) -> dict[str, Report | str]:
    """By case, the report that it has in this arm, or the reason why it is not in it."""
    if arm.report == "shuffled":
        return {**shuffled(cases, seed)}
    if arm.report == "swapped":
        return {case.name: _swapped(case.report, arm) for case in cases}
    return {case.name: case.report for case in cases}


def _swapped(report: Report, arm: Arm) -> Report | str:
    words = re.compile(re.escape(arm.find), re.IGNORECASE)
    texts = [words.subn(lambda _: arm.put, text) for text in (report.findings, report.impression)]
    if not any(count for _, count in texts):
        return f"Its report does not say {arm.find!r}."
    try:
        return replace(report, findings=texts[0][0], impression=texts[1][0])
    except RequestError as error:
        return str(error)


def request_in(arm: Arm, request: GenerationRequest, card: ModelCard) -> GenerationRequest:
    """The request of a case in this arm: without a report, guidance 0 leaves nothing of it.

    Raises RequestError for a model that does not know what no report is.
    """
    if arm.report != "none":
        return request
    if not card.guidance.trained:
        raise RequestError(f"{card.name} was never trained without a report: leave out the arms of none.")
    return replace(request, guidance=0, guidance_above_t=0)
