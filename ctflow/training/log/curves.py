"""The losses of a training: a table that grows while it runs, and a picture of it."""

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ctflow.errors import DatasetError
from ctflow.io.files import atomic, written

SMOOTHED_SHARE = 0.05  # of the table's lines are averaged into each point of a curve


def append_losses(table: Path, step: int, losses: dict[str, float]) -> None:
    """Appends a line to `losses.csv`, and before the first one the names of the columns.

    Raises VolumeError where the disk is full or may not be written to.
    """
    is_new = not table.exists() or not table.stat().st_size
    with written(table), table.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        if is_new:
            writer.writerow(["step", *losses])
        writer.writerow([step, *losses.values()])


def cut_losses(table: Path, step: int) -> None:
    """Removes the lines of steps after `step`, which a training that was cut short is about to make again.

    Raises DatasetError for a table that is damaged.
    """
    names, values = _read(table)
    if names:
        with atomic(table) as new, new.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([names, *(row for row in values if float(row[0]) <= step)])


def draw_losses(table: Path) -> None:
    """Writes `losses.png` beside `losses.csv`: a curve for each loss over the steps, smoothed, with its values behind.

    Without a table, or a line in it, there is nothing to draw.
    """
    names, complete = _read(table)
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
    picture = table.with_suffix(".png")
    with written(picture):
        figure.savefig(picture, dpi=100)


def _read(table: Path) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, and the lines that are whole: a training that is killed may leave half a line."""
    if not table.exists():
        return [], []
    try:
        with table.open(newline="", encoding="utf-8") as handle:
            names, *rows = [*csv.reader(handle)] or [[]]
        whole = [row for row in rows if len(row) == len(names)]
        np.array(whole, float)
    except ValueError as error:  # UnicodeDecodeError is one, too
        raise DatasetError(
            f"{table} is damaged ({error}). Move it away: the training then goes on with a new one."
        ) from error
    return names, whole


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Means over a window around each value; at the ends the window is narrower."""
    window = np.ones(1 + 2 * int(len(values) * SMOOTHED_SHARE / 2))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
