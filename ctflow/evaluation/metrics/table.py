"""Results as tables in Markdown: in short as papers have it, what is published, every figure, and the protocol."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ctflow.evaluation.metrics.figure import Better, Figure
from ctflow.evaluation.metrics.protocols import PROTOCOLS
from ctflow.evaluation.metrics.published import METRICS, PUBLISHED, Published, comparable
from ctflow.evaluation.metrics.results import Result, check_comparable, protocol_sha256

DIGITS = 4
NONE = "—"
_ARROWS: Mapping[Better, str] = {"lower": " ↓", "higher": " ↑", "as real": "", "—": ""}


def results_markdown(results: Sequence[Result]) -> str:
    """Modes and models against metrics, then one row a figure. Raises RequestError for results of other protocols."""
    check_comparable(results)
    protocol = results[0].protocol
    parts = (
        _in_short(results),
        _published(results[0]),
        _figures(results),
        _warnings(results),
        _protocol(protocol),
    )
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _in_short(results: Sequence[Result]) -> Iterator[str]:
    """One row a result, as the paper's table has it; the last row is of real volumes against real ones."""
    by_name = _by_name(results)
    columns = [figures[name] for name in _summary(results) if (figures := _any_with(by_name, name))]
    heads = " | ".join(one.name + _ARROWS[one.better] for one in columns)
    yield f"| mode | model | {heads} |"
    yield f"|---|---|{'---|' * len(columns)}"
    for result, figures in zip(results, by_name, strict=True):
        cells = " | ".join(_cell(figures.get(one.name)) for one in columns)
        yield f"| {result.mode} | {result.title} | {cells} |"
    yield f"| | reference, see below | {' | '.join(_of_all(by_name, one.name, _reference) for one in columns)} |"


def _summary(results: Sequence[Result]) -> tuple[str, ...]:
    """The names of the figures of a short table; for a protocol that we no longer know, all that can be better."""
    if known := PROTOCOLS.get(results[0].protocol["name"]):
        return known.summary
    return tuple(dict.fromkeys(one.name for result in results for one in result.figures if _ARROWS[one.better]))


def _by_name(results: Sequence[Result]) -> list[dict[str, Figure]]:
    return [{figure.name: figure for figure in result.figures} for result in results]


def _any_with(by_name: Sequence[Mapping[str, Figure]], name: str) -> Mapping[str, Figure]:
    return next((figures for figures in by_name if name in figures), {})


def _published(result: Result) -> Iterator[str]:
    yield f"| published | mode | model | {' | '.join(METRICS)} | comparable with these |"
    yield f"|---|---|---|{'---|' * len(METRICS)}---|"
    for one in PUBLISHED:
        values = " | ".join(_number(one.values.get(metric, math.nan)) for metric in METRICS)
        yield f"| {one.source} | {one.mode} | {one.model} | {values} | {_comparable(one, result)} |"


def _comparable(published: Published, result: Result) -> str:
    """What holds for all its metrics is said once."""
    measured = frozenset(figure.name for figure in result.figures)
    said = {metric: comparable(published, metric, result.protocol, measured) for metric in published.values}
    metrics_by_words: dict[str, list[str]] = {}
    for metric, words in said.items():
        metrics_by_words.setdefault(words, []).append(metric)
    if len(metrics_by_words) == 1:
        return next(iter(metrics_by_words))
    return "; ".join(f"{', '.join(metrics)}: {words}" for words, metrics in metrics_by_words.items())


def _figures(results: Sequence[Result]) -> Iterator[str]:
    titles = " | ".join(f"{result.title}, {result.mode}" for result in results)
    yield f"| | better | {titles} | reference | and beside it | what the reference is | samples, real and fake |"
    yield f"|---|---|{'---|' * len(results)}---|---|---|---|"
    by_name = _by_name(results)
    for name, figure in {name: figure for figures in reversed(by_name) for name, figure in figures.items()}.items():
        cells = " | ".join(_cell(figures.get(name)) for figures in by_name)
        beside = ", ".join(_beside(figures.get(name)) for figures in by_name)
        reference, samples = (_of_all(by_name, name, said) for said in (_reference, _samples))
        yield f"| {name} | {figure.better} | {cells} | {reference} | {beside} | {figure.reference_is} | {samples} |"


def _of_all(by_name: Sequence[Mapping[str, Figure]], name: str, said: Callable[[Figure], str]) -> str:
    """What is said of a figure, once where it is the same of all results, as it is of most; else of each."""
    found = [said(figures[name]) for figures in by_name if name in figures]
    return found[0] if len(set(found)) == 1 else ", ".join(found)


def _reference(figure: Figure) -> str:
    """CLIP scores with other reports have another one."""
    return _number(figure.reference)


def _samples(figure: Figure) -> str:
    real, fake = figure.samples
    return f"{real:,} and {fake:,}"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return NONE
    bounds = f" ({_number(figure.low)} to {_number(figure.high)})" if math.isfinite(figure.low) else ""
    return _number(figure.value) + bounds


def _beside(figure: Figure | None) -> str:
    return NONE if figure is None else _number(figure.beside_reference)


def _number(value: float) -> str:
    return f"{value:.{DIGITS}g}" if math.isfinite(value) else NONE


def _warnings(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        for figure in result.figures:
            yield from (f"- {figure.name}, {result.title}: {warning}." for warning in figure.warnings)


def _protocol(protocol: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Protocol {protocol['name']}, version {protocol['version']}, {protocol['status']}; "
        f"fingerprint {protocol_sha256(protocol)[:16]}."
    )
    yield ""
    for name, extractor in protocol["extractors"].items():
        yield f"- {name}: weights {extractor['weights_sha256'][:16]}. {extractor['preparation']}"
    yield from (f"- {_measure(one)}" for one in protocol["measures"])
    counts = ", ".join(f"{count} {what}" for what, count in protocol["counts"].items())
    yield f"- {counts}; seed {protocol['seed']}; {', '.join(_hashes(protocol))}"


def _hashes(protocol: Mapping[str, Any]) -> Iterator[str]:
    ending = "_sha256"
    for name in (name for name in protocol if name.endswith(ending)):
        yield f"{name.removesuffix(ending).replace('_', ' ')} {protocol[name][:16]}"


def _measure(settings: Mapping[str, Any]) -> str:
    """A measure with those of its settings that change something, in a line."""
    names = settings.get("names") or [settings["name"]]
    rest = {what: value for what, value in settings.items() if what not in ("name", "names", "measure")}
    given = {what.replace("_", " "): value for what, value in rest.items() if value not in (None, False, [])}
    return f"{', '.join(names)}: {settings['measure']}, {', '.join(f'{k} {_setting(v)}' for k, v in given.items())}"


def _setting(value: object) -> str:
    return "–".join(map(str, value)) if isinstance(value, list) else str(value)
