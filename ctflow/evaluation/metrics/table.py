"""Results as a table in Markdown, with the published figures and their protocol beneath."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ctflow.evaluation.metrics.figure import Figure
from ctflow.evaluation.metrics.published import PUBLISHED, comparable
from ctflow.evaluation.metrics.results import Result, check_comparable, protocol_sha256

DIGITS = 4


def results_markdown(results: Sequence[Result]) -> str:
    """One row a figure, one column a result. Raises RequestError for results of different protocols."""
    check_comparable(results)
    protocol = results[0].protocol
    lines = [*_figures(results), "", *_warnings(results), *_published(results[0]), "", *_protocol(protocol)]
    return "\n".join(lines) + "\n"


def _figures(results: Sequence[Result]) -> Iterator[str]:
    titles = " | ".join(result.title for result in results)
    yield f"| | better | {titles} | reference | and beside it | what the reference is | samples, real and fake |"
    yield f"|---|---|{'---|' * len(results)}---|---|---|---|"
    by_name = [{figure.name: figure for figure in result.figures} for result in results]
    for name, figure in {name: figure for figures in reversed(by_name) for name, figure in figures.items()}.items():
        cells = " | ".join(_cell(figures.get(name)) for figures in by_name)
        real, fake = figure.samples
        yield (
            f"| {name} | {figure.better} | {cells} | {_number(figure.reference)} | "
            f"{_number(figure.beside_reference)} | {figure.reference_is} | {real:,} and {fake:,} |"
        )


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "—"
    bounds = f" ({_number(figure.low)} to {_number(figure.high)})" if math.isfinite(figure.low) else ""
    return _number(figure.value) + bounds


def _number(value: float) -> str:
    return f"{value:.{DIGITS}g}" if math.isfinite(value) else "—"


def _warnings(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        for figure in result.figures:
            yield from (f"- {figure.name}, {result.title}: {warning}." for warning in figure.warnings)


def _published(result: Result) -> Iterator[str]:
    metrics = frozenset(figure.name for figure in result.figures)
    yield ""
    yield "| published | metric | values | comparable |"
    yield "|---|---|---|---|"
    for one in PUBLISHED:
        values = ", ".join(f"{what} {value:g}" for what, value in one.values.items())
        yield f"| {one.source} | {one.metric} | {values} | {comparable(one, result.protocol, metrics)} |"


def _protocol(protocol: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Protocol {protocol['name']}, version {protocol['version']}, {protocol['status']}; "
        f"fingerprint {protocol_sha256(protocol)[:16]}."
    )
    for name, extractor in protocol["extractors"].items():
        yield f"- {name}: weights {extractor['weights_sha256'][:16]}. {extractor['preparation']}"
    counts = ", ".join(f"{count} {what}" for what, count in protocol["counts"].items())
    yield f"- {counts}; seed {protocol['seed']}; real set {protocol['real_set_sha256'][:16]}"
