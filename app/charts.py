"""Figures for Plotly in the browser, from what was measured of volumes: plain dictionaries, ready for JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ctflow.analysis.measure import Measures

Figure = dict[str, Any]
BIN_HU = 20
SHOWN_HU = (-1050, 1050)
# Told apart by their dashes, too. The first two are the page's accent and its warning (style.css).
_LINES = (
    {"color": "#58b4ff", "dash": "solid"},
    {"color": "#ffb454", "dash": "dash"},
    {"color": "#7fdca4", "dash": "dot"},
    {"color": "#d6a4ff", "dash": "dashdot"},
)
_INK, _DIM, _GRID = "#e8edf2", "#a3b0bf", "#28303a"


def histogram(volumes: Mapping[str, Measures]) -> Figure:
    """How many ml of each body have which HU, in bins of 20 HU. `volumes`: by the names that the page shows."""
    lines = []
    for name, measures in volumes.items():
        middles, ml = measures.histogram_ml(BIN_HU)
        lines.append((name, middles, ml, "%{x:.0f} HU: %{y:.1f} ml"))
    return _figure(lines, x="HU", y=f"ml per {BIN_HU} HU", shown=SHOWN_HU, shape="hvh")


def mean_along_z(volumes: Mapping[str, Measures], borders_mm: list[float]) -> Figure:
    """The mean HU of each slice against its depth. `borders_mm`: the depths of the borders between chunks."""
    lines = [(name, one.depth_mm, one.mean_hu, "%{x:.0f} mm: %{y:.1f} HU") for name, one in volumes.items()]
    return _figure(lines, x=_DEPTH, y="mean HU", borders_mm=borders_mm)


def change_along_z(volumes: Mapping[str, Measures], borders_mm: list[float]) -> Figure:
    """The mean |change| between neighbouring slices, each at the depth between the two."""
    lines = [(name, between(one.depth_mm), one.change_hu, "%{x:.0f} mm: %{y:.1f} HU") for name, one in volumes.items()]
    return _figure(lines, x=_DEPTH, y="mean |change|, HU", borders_mm=borders_mm)


_DEPTH = "mm below the highest slice"


def between(depth_mm: np.ndarray) -> np.ndarray:
    """(slices,) -> (slices - 1,): the depths between neighbouring slices."""
    return (depth_mm[:-1] + depth_mm[1:]) / 2


def _figure(
    lines: list[tuple[str, np.ndarray, np.ndarray, str]],
    *,
    x: str,
    y: str,
    shown: tuple[float, float] | None = None,
    shape: str = "linear",
    borders_mm: list[float] | None = None,
) -> Figure:
    """`lines`: name, x, y and what is said of a point under the pointer."""
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": np.round(along, 2).tolist(),
            "y": np.round(values, 2).tolist(),
            "line": {**look, "shape": shape, "width": 2},
            "hovertemplate": f"{words}<extra>{name}</extra>",
        }
        for (name, along, values, words), look in zip(lines, _LINES, strict=False)
    ]
    axis = {"gridcolor": _GRID, "zerolinecolor": _GRID, "automargin": True, "fixedrange": True}
    layout = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": _INK, "size": 12, "family": "system-ui, sans-serif"},
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {**axis, "title": {"text": x}, **({"range": list(shown)} if shown else {})},
        "yaxis": {**axis, "title": {"text": y}, "rangemode": "tozero" if shape == "hvh" else "normal"},
        "showlegend": len(traces) > 1,
        "legend": {"orientation": "h", "x": 0, "y": 1.12},
        "hovermode": "closest",
        "dragmode": False,  # Plotly follows a drag on an element that a dialog lies over; a finger scrolls the dialog
        "shapes": [_border(depth_mm) for depth_mm in borders_mm or []],
    }
    return {"data": traces, "layout": layout}


def _border(depth_mm: float) -> dict[str, Any]:
    """A line from the bottom of a chart to its top."""
    place = {"type": "line", "x0": depth_mm, "x1": depth_mm, "y0": 0, "y1": 1, "yref": "paper"}
    return {**place, "line": {"color": _DIM, "width": 1, "dash": "dot"}, "layer": "below"}
