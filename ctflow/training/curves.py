"""The losses of a training as a picture, beside the table that it is drawn from."""

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

SMOOTHED_SHARE = 0.05  # of the table's lines are averaged into a point of a line


def draw_losses(table: Path) -> None:
    """Writes `losses.png` beside `losses.csv`: one line per loss over the steps, smoothed, both in its own colour."""
    with table.open(newline="", encoding="utf-8") as handle:
        names, *rows = csv.reader(handle)
    whole = [row for row in rows if len(row) == len(names)]  # a killed training may have cut a line
    steps, *losses = np.array(whole, float).T
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
    """Means over a window about each value, which is narrower at the ends."""
    window = np.ones(1 + 2 * int(len(values) * SMOOTHED_SHARE / 2))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
