"""The table of `trade`, and its picture: one row for each way to sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from matplotlib.figure import Figure

from ctflow.evaluation.statistics import Estimate
from ctflow.report import Report
from ctflow.request import GenerationRequest, Solver


@dataclass(frozen=True)
class Setting:
    """How chunks are sampled: fields of a request."""

    solver: Solver
    steps: int
    shift: float
    guidance: float
    guidance_above_t: float

    @property
    def name(self) -> str:
        """In words, for tables."""
        guided = f"guidance {self.guidance:g}"
        if self.guidance == 1:
            guided = "no guidance"
        elif self.guidance_above_t:
            guided += f" above {self.guidance_above_t:g}"
        return f"{self.solver} {self.steps}, shift {self.shift:g}, {guided}"

    @property
    def folder(self) -> str:
        """Where its volumes' measures are kept."""
        return self.name.replace(" ", "-").replace(",", "")

    @property
    def evaluations(self) -> int:
        """Of the transformer, for each chunk: a guided step takes two."""
        return GenerationRequest(report=Report("Any."), seed=0, chunks=1, **asdict(self)).evaluations


@dataclass(frozen=True, kw_only=True)
class TradeRow:
    """One setting: its evaluations for each chunk, its time as a share of the first setting's, and what it draws.

    `auroc`: the mean of all findings, asked against not asked; `change`: how far it lies above that of the first
    setting, in the same reports. The others are the rows of the table of obedience that are pooled over findings.
    """

    setting: Setting
    evaluations: int
    time: float
    auroc: Estimate
    change: Estimate
    denied: Estimate
    side: Estimate
    size_order: Estimate
    seam: Estimate


HEAD = (
    "| setting | evaluations a chunk | time | mean AUROC of the findings | against the first | side right "
    "| “no X” shows X | size order kept | seam index | n |\n|---|---|---|---|---|---|---|---|---|---|"
)


def markdown(rows: Sequence[TradeRow]) -> str:
    """One line for each setting, under HEAD."""
    return "\n".join([HEAD, *map(_line, rows)]) + "\n"


def _line(row: TradeRow) -> str:
    change = f"{row.change.value:+.2f} ({row.change.low:+.2f} to {row.change.high:+.2f})"
    cells = [
        row.setting.name,
        f"{row.evaluations}",
        f"{row.time:.2f}",
        _number(row.auroc),
        change,
        _percent(row.side),
        _percent(row.denied),
        _percent(row.size_order),
        _number(row.seam),
        f"{row.auroc.n}",
    ]
    return f"| {' | '.join(cells)} |"


def _number(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"


def _percent(estimate: Estimate) -> str:
    return f"{estimate.value:.0%} ({100 * estimate.low:.0f}–{100 * estimate.high:.0f})".replace("%", " %")


def draw(rows: Sequence[TradeRow], path: Path) -> None:
    """Writes a picture: mean AUROC and seam index over time, with intervals."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for row in rows:
        for axes, estimate in ((left, row.auroc), (right, row.seam)):
            below, above = estimate.value - estimate.low, estimate.high - estimate.value
            axes.errorbar(row.time, estimate.value, [[below], [above]], fmt="o", capsize=3, label=row.setting.name)
    left.set(xlabel="time, as a share of the first", ylabel="mean AUROC of the findings, 95 % interval")
    right.set(xlabel="time, as a share of the first", ylabel="seam index (1 = none), 95 % interval")
    for axes in (left, right):
        axes.set_xlim(left=0)
        axes.grid(alpha=0.3)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.savefig(path, dpi=100)
