"""The losses of a training: a table that grows while it runs, and a picture of it."""

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ctflow.io.files import atomic

SMOOTHED_SHARE = 0.05  # of the table's lines are averaged into each point of a curve


def append_losses(table: Path, step: int, losses: dict[str, float]) -> None:
    """Appends a line to a table, and before the first one the names of the columns."""
    is_new = not table.exists()
    with table.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        if is_new:
            writer.writerow(["step", *losses])
        writer.writerow([step, *losses.values()])


def cut_losses(table: Path, step: int) -> None:
    """Removes the lines of steps after `step`, which a training that was cut short is about to make again."""
    if not table.exists():
        return
    with table.open(newline="", encoding="utf-8") as handle:
        names, *rows = csv.reader(handle)
    kept = [row for row in rows if len(row) == len(names) and int(row[0]) <= step]
    if len(kept) < len(rows):
        with atomic(table) as new, new.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([names, *kept])


def draw_losses(table: Path) -> None:
    """Writes `losses.png` beside `losses.csv`: a curve for each loss over the steps, smoothed, with its values behind.

    Without a table, or a line in it, there is nothing to draw.
    """
    if not table.exists():
        return
    with table.open(newline="", encoding="utf-8") as handle:
        names, *rows = csv.reader(handle)
    complete = [row for row in rows if len(row) == len(names)]  # a training that is killed may leave half a line
    if not complete:
        return
    steps, *losses = np.array(complete, float).T
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, values in zip(names[1:], losses, strict=True):
        (line,) = axes.plot(steps, _smoothed(values), label=name)
        axes.plot(steps, values, color=line.get_color(), alpha=0.25, linewidth=0.8)
    axes.set(yscale="log", xlabel=names[0], ylabel="loss", title=table.parent.name)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(table.with_suffix(".png"), dpi=100)


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Means over a window around each value; at the ends the window is narrower."""
    window = np.ones(1 + 2 * int(len(values) * SMOOTHED_SHARE / 2))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
