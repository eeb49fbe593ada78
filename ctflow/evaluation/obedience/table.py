"""The table of obedience: its rows and columns, its file `obedience.json`, and the same in Markdown.

The file, format 1:

    {"format": 1,
     "plan": {"n": 96, "seed": 0, "phantoms": 360},
     "volumes": {"held-out": {"made": 96, "too_short": 0}, ...},
     "columns": ["ctflow-demo", "phantoms through its A-VAE", "phantoms"],
     "rows": [{"group": "shown when asked", "name": "Pleural effusion",
               "estimates": {"ctflow-demo": {"value": 0.71, "low": 0.47, "high": 0.87, "n": 17, "against": null}, ...}},
              ...]}

The first column is the model's. A row has no estimate for a column that it does not concern. Shares and AUROCs are from
0 to 1. A number that its cases do not give is null.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ctflow.errors import RequestError
from ctflow.evaluation.statistics import NAN, Estimate
from ctflow.io.files import write_atomic

FORMAT = 1
# Groups of rows.
AUROC_ASKED = "AUROC, asked against not asked"
AUROC_DENIED = "AUROC, asked against denied"
AUROC_ALL_KINDS = "AUROC, asked against denied, all kinds"
SHOWN_ASKED = "shown when asked"
SHOWN_DENIED = "shown when denied"
SIDE = "side correct"
LOBE = "lobe correct"
SIZE_ORDER = "size order kept"
DOSE = "dose, rank correlation"
SEAM = "seam index"
SANE = "sane anatomy"
PHRASINGS = "phrasings, shown when asked"
DIVERSITY = "diversity"
NEAREST = "HU to the nearest training volume"
DETECTOR_AUROC = "detector on held-out phantoms, AUROC"
DETECTOR_THERE = "shown when there, detector on held-out phantoms"
DETECTOR_ABSENT = "shown when absent, detector on held-out phantoms"
# How their values are printed; as numbers with two decimals where nothing else is said.
IN_PERCENT = {SHOWN_ASKED, SHOWN_DENIED, SIDE, LOBE, SIZE_ORDER, SANE, PHRASINGS, DETECTOR_THERE, DETECTOR_ABSENT}
IN_HU = {DIVERSITY, NEAREST}

Column = dict[tuple[str, str], Estimate]  # by the group and the name of the row


@dataclass(frozen=True)
class VolumeCount:
    """How many volumes a group of trials made, and how many of them have too few slices to be measured."""

    made: int
    too_short: int


@dataclass(frozen=True)
class ObedienceTable:
    """`plan`: reports (`n`), their seed, and the phantoms that detectors learnt from. `volumes`: by group of trials.

    `columns`: by name, the model's first.
    """

    plan: dict[str, int]
    volumes: dict[str, VolumeCount]
    columns: dict[str, Column]

    @property
    def model(self) -> Column:
        """What was measured in the model's own volumes."""
        return next(iter(self.columns.values()))

    def rows(self) -> list[tuple[str, str]]:
        """The group and the name of every row, in order."""
        return list(dict.fromkeys(key for column in self.columns.values() for key in column))


def read_table(path: Path) -> ObedienceTable:
    """Reads an `obedience.json`. Raises RequestError for a file that is not one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"its format is {data['format']!r}")
        columns: dict[str, Column] = {name: {} for name in data["columns"]}
        for row in data["rows"]:
            for name, numbers in row["estimates"].items():
                columns[name][row["group"], row["name"]] = _from_json(numbers)
        volumes = {group: VolumeCount(**counts) for group, counts in data["volumes"].items()}
        return ObedienceTable(data["plan"], volumes, columns)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise RequestError(
            f"{path} is not a table of obedience in format {FORMAT} ({error}): "
            "`python -m ctflow evaluate obedience` writes one."
        ) from error


def write_table(table: ObedienceTable, path: Path) -> None:
    """Writes `obedience.json` for `read_table`, one line per row of the table."""
    rows = [{"group": key[0], "name": key[1], "estimates": _estimates(table, key)} for key in table.rows()]
    parts = {
        "format": json.dumps(FORMAT),
        "plan": json.dumps(table.plan),
        "volumes": json.dumps({group: asdict(count) for group, count in table.volumes.items()}),
        "columns": json.dumps(list(table.columns)),
        "rows": "[\n  " + ",\n  ".join(json.dumps(row, allow_nan=False) for row in rows) + "\n ]",
    }
    lines = ",\n".join(f' "{name}": {value}' for name, value in parts.items())
    write_atomic(path, f"{{\n{lines}\n}}\n".encode())


def _estimates(table: ObedienceTable, key: tuple[str, str]) -> dict[str, dict[str, Any]]:
    return {name: _to_json(column[key]) for name, column in table.columns.items() if key in column}


def _to_json(estimate: Estimate) -> dict[str, Any]:
    """NaN, which JSON does not know, becomes None."""
    return {key: None if value != value else value for key, value in asdict(estimate).items()}


def _from_json(numbers: dict[str, Any]) -> Estimate:
    value, low, high = (NAN if numbers[key] is None else float(numbers[key]) for key in ("value", "low", "high"))
    return Estimate(value=value, low=low, high=high, n=int(numbers["n"]), against=numbers["against"])


def markdown(table: ObedienceTable) -> str:
    """One line per row, with the values of all columns side by side and the cases of the first column that has it."""
    lines = [f"| | | {' | '.join(table.columns)} | n |", "|---|---|" + "---|" * (len(table.columns) + 1)]
    for group, name in table.rows():
        beside = [column.get((group, name)) for column in table.columns.values()]
        values = " | ".join(_value(group, estimate) if estimate else "" for estimate in beside)
        cases = next(_cases(estimate) for estimate in beside if estimate)
        lines.append(f"| {group} | {name} | {values} | {cases} |")
    short, made = (sum(getattr(count, name) for count in table.volumes.values()) for name in ("too_short", "made"))
    lines += ["", f"Volumes too short to be measured, which count as showing nothing: {short} of {made}."]
    return "\n".join(lines) + "\n"


def _cases(estimate: Estimate) -> str:
    return f"{estimate.n}" if estimate.against is None else f"{estimate.n} against {estimate.against}"


def _value(group: str, estimate: Estimate) -> str:
    if group == DOSE and not estimate.n:
        return "not asked in numbers"
    if math.isnan(estimate.value):
        return "–"
    scale, digits, unit = 1, 2, ""
    if group in IN_PERCENT:
        scale, digits, unit = 100, 0, " %"
    elif group in IN_HU:
        digits = 1
    value, low, high = (f"{scale * x:.{digits}f}" for x in (estimate.value, estimate.low, estimate.high))
    interval = "" if math.isnan(estimate.low) else f" ({low}–{high})"
    return f"{value}{unit}{interval}"
