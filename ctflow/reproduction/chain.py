"""Runs a reproduction: each step once, in its order; called again, it goes on with the step that was cut short."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ctflow.data.ctrate import (
    Split,
    labels_path,
    read_labels,
    read_reports,
    reports_path,
    volumes_folder,
    write_labels,
    write_reports,
)
from ctflow.data.lock import only_run
from ctflow.errors import RequestError
from ctflow.evaluation.metrics.results import Result, protocol_sha256, read_result
from ctflow.evaluation.metrics.table import results_markdown
from ctflow.io.files import write_atomic
from ctflow.reproduction.controls import write_controls
from ctflow.reproduction.orders import orders_in_words
from ctflow.reproduction.plan import Plan
from ctflow.reproduction.steps import Places, Step, judging, making

RunStep = Callable[[Step, str], None]  # the second: which step it is, as "3 of 26"
DONE, TABLE = "reproduction.json", "table.md"
CONTROLS = "controls"  # the one step that is no command
# The training is cut in two calls, and the rate of the preset would fall to zero at the end of each.
CONFIG = """\
preset = "phantom"

[batch]
seed = {seed}

[optimizer]
decay = "inverse_root"
decay_steps = 2000
"""


def reproduce(plan: Plan, out: Path, run_step: RunStep) -> str:
    """The table of results in Markdown, which is also kept in `out`. `run_step` raises where its command fails.

    Raises RequestError where `out` holds another reproduction, DatasetError where one is at work in it.
    """
    with only_run(out):
        places, done = Places(out), Done(out / DONE, plan)
        _write_config(plan, places)
        made, judged = list(making(plan, places)), list(judging(plan, places))
        steps = Steps(done, run_step, len(made) + len(judged))
        steps.run(made, 1)
        if not done.has(CONTROLS):
            write_controls(volumes_folder(places.others, "train"), places.controls, plan.seed)
            _write_tables(places)
            done.add(CONTROLS)
        steps.run(judged, len(made) + 1)
        table = _table(places)
        write_atomic(out / TABLE, table.encode())
        return table


class Done:
    """The names of the steps that are done, on disk beside the plan."""

    def __init__(self, path: Path, plan: Plan) -> None:
        self._path, self._plan = path, asdict(plan)
        self._names: list[str] = []
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["plan"] != self._plan:
                raise RequestError(
                    f"{path.parent} holds another reproduction, {_in_words(found['plan'])}; this one is of "
                    f"{_in_words(self._plan)}. Name another --out."
                )
            self._names = found["done"]

    def has(self, name: str) -> bool:
        """Whether that step is done."""
        return name in self._names

    def add(self, name: str) -> None:
        """Notes that it is."""
        self._names.append(name)
        write_atomic(self._path, json.dumps({"plan": self._plan, "done": self._names}, indent=1).encode())


def _in_words(plan: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in plan.items())


def _write_config(plan: Plan, places: Places) -> None:
    content = Path(plan.config).read_bytes() if plan.config else CONFIG.format(seed=plan.seed).encode()
    write_atomic(places.config, content)


@dataclass(frozen=True)
class Steps:
    """Runs those steps, of `count` in all, that are not done."""

    done: Done
    run_step: RunStep
    count: int

    def run(self, steps: Sequence[Step], first: int) -> None:
        """`first`: the number of the first of these."""
        for number, step in enumerate(steps, first):
            if not self.done.has(step.name):
                self.run_step(step, f"{number} of {self.count}")
                self.done.add(step.name)


def _write_tables(places: Places) -> None:
    """One of reports and one of labels for all that is judged, since the results must be comparable."""
    both: tuple[tuple[Path, Split], ...] = ((places.phantoms, "valid"), (places.others, "train"))
    write_reports(places.reports, [row for root, split in both for row in read_reports(reports_path(root, split))])
    labels = [read_labels(labels_path(root, split)) for root, split in both]
    write_labels(places.labels, {name: found for one in labels for name, found in one.items()})


def _table(places: Places) -> str:
    found = [read_result(path) for path in sorted(places.results.glob("*.json"))]
    titles = list(dict.fromkeys(title for title, _ in places.judged()))
    results = sorted(found, key=lambda result: titles.index(result.title))
    tables = "\n".join(results_markdown(group) for group in comparable_groups(results))
    orders = "\n".join(orders_in_words(results))
    return f"{tables}\nWhat the metrics must tell apart:\n\n{orders}\n"


def comparable_groups(results: Sequence[Result]) -> list[list[Result]]:
    """Results by protocol. There are several where some volumes could not be made, because their numbers differ."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(protocol_sha256(result.protocol), []).append(result)
    return list(groups.values())
