"""Results on disk. Each carries its whole protocol, and results of different protocols are never put side by side."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.figure import Figure
from ctflow.io.files import write_atomic

FORMAT = 3
MOST_NAMED = 4
_NUMBERS = ("value", "low", "high", "reference", "beside_reference")  # of a figure; null where there is none


@dataclass(frozen=True, kw_only=True)
class Result:
    """`title`: whose the fake volumes are, such as "L". `mode`: the paper's mode in which they were made.
    `fake_set_sha256`: of their contents.

    `protocol`: all that makes the figures comparable. `made`: by which versions of Python and its packages, which
    should not matter.
    """

    title: str
    mode: str
    fake_set_sha256: str
    protocol: Mapping[str, Any]
    figures: tuple[Figure, ...]
    made: Mapping[str, str]


def protocol_sha256(protocol: Mapping[str, Any]) -> str:
    """A hash of a result's protocol."""
    return hashlib.sha256(json.dumps(protocol, sort_keys=True).encode()).hexdigest()


def check_comparable(results: Sequence[Result]) -> None:
    """Raises RequestError that names the settings in which the protocols of results differ."""
    first = results[0]
    for other in results[1:]:
        different = list(_differences(first.protocol, other.protocol))
        if different:
            more = f" and {len(different) - MOST_NAMED} more" if len(different) > MOST_NAMED else ""
            raise RequestError(
                f"“{first.title}” and “{other.title}” cannot be compared, because they were measured differently: "
                f"{'; '.join(different[:MOST_NAMED])}{more}. Measure one of them again."
            )


def _differences(one: object, other: object, place: str = "") -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from _differences(one.get(key), other.get(key), f"{place}.{key}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from _differences(a, b, f"{place}[{i}]")
    elif one != other:
        yield f"{place} is {_short(one)} and {_short(other)}"


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def write_result(result: Result, path: Path) -> None:
    """Writes JSON; a number that is none becomes null. Raises VolumeError where `path` cannot be written."""
    content = {
        "format": FORMAT,
        "title": result.title,
        "mode": result.mode,
        "fake_set_sha256": result.fake_set_sha256,
        "protocol_sha256": protocol_sha256(result.protocol),
        "protocol": result.protocol,
        "figures": [_without_nan(asdict(figure)) for figure in result.figures],
        "made": result.made,
    }
    write_atomic(path, json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False).encode() + b"\n")


def read_result(path: Path) -> Result:
    """Reads what `write_result` wrote. Raises RequestError for anything else, and for an altered protocol."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}")
        figures = tuple(_figure(one) for one in content["figures"])
        fields = {name: content[name] for name in ("title", "mode", "fake_set_sha256", "protocol", "made")}
        result = Result(**fields, figures=figures)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(
            f"{path} is no result of `evaluate metrics` of format {FORMAT} ({error}): give the JSON that it wrote."
        ) from error
    if protocol_sha256(result.protocol) != content.get("protocol_sha256"):
        raise RequestError(f"{path} was altered: its protocol is not the one that its figures were measured by.")
    return result


def _without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _figure(values: Mapping[str, Any]) -> Figure:
    numbers = {k: math.nan if values[k] is None else values[k] for k in _NUMBERS}
    lists = {"samples": tuple(values["samples"]), "warnings": tuple(values["warnings"])}
    return Figure(**{**values, **numbers, **lists})
