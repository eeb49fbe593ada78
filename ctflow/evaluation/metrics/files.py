"""What is written of a result: its JSON, its tables in Markdown, and a page of pictures, all of one name."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.judging import Judging
from ctflow.evaluation.metrics.pictures import draw_cases
from ctflow.evaluation.metrics.results import Result, read_result, write_result
from ctflow.evaluation.metrics.table import results_markdown
from ctflow.io.files import write_atomic

log = logging.getLogger(__name__)


def write_files(judging: Judging, beside: Sequence[Result], out: Path) -> str:
    """Measures, once all features are there, and writes into `out` -> the tables, with the results `beside` it.

    Raises CTFlowError where something cannot be measured or written, or the results cannot be compared.
    """
    result = judging.measure()
    table = results_markdown([result, *beside])
    stem = out / _file_name(result)
    write_result(result, stem.with_name(f"{stem.name}.json"))
    write_atomic(stem.with_name(f"{stem.name}.md"), table.encode())
    if cases := judging.cases():
        draw_cases(cases, f"{result.title}, {result.mode}", stem.with_name(f"{stem.name}.png"))
    else:
        log.warning("No fake volume has the name of a real one, so there is no page of pictures.")
    return table


def check_replaceable(judging: Judging, out: Path) -> None:
    """Raises RequestError where a result of other volumes lies in `out` under the name that this one will have."""
    coming = judging.result_of(())
    path = out / f"{_file_name(coming)}.json"
    if path.exists() and read_result(path).fake_set_sha256 != coming.fake_set_sha256:
        raise RequestError(
            f"{path} is the result of other volumes of the same title: give these another --title, or remove it."
        )


def _file_name(result: Result) -> str:
    """Without an ending."""
    words = f"{result.protocol['name']}-{result.mode}-{result.title}"
    return "".join(sign if sign.isalnum() else "-" for sign in words)
