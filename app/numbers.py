"""The numbers of the volumes that a page shows: charts, the same as a table, and as CSV."""

import csv
import io
from dataclasses import dataclass
from typing import Any

from app.charts import BIN_HU, SHOWN_HU, between, change_along_z, histogram, mean_along_z
from app.handlers import Handlers, Json, answering
from app.present import directions, unknown_run
from app.run import Run
from ctflow.analysis.measure import DENSITY_PERCENTILE, EMPHYSEMA_HU, TISSUES, Measures, measure
from ctflow.errors import RequestError
from ctflow.volume import Volume

MOST = 4  # volumes at once: a chart of more cannot be read
_LONGEST_NAME = 60
COLUMNS = ("volume", "measure", "at", "value", "unit")


@dataclass(frozen=True, eq=False)
class Measured:
    """A run as it was when it was measured, with what it is called on the page.

    `made`: "48 of 96 slices" of one that is not finished. `computed`: what it is, if it was computed from several
    volumes. `borders_mm`: the depths of the borders of its chunks; of a scan there are none.
    """

    name: str
    made: str
    computed: str
    borders_mm: list[float]
    measures: Measures

    @property
    def title(self) -> str:
        return f"{self.name}, {self.made}" if self.made else self.name


class Numbers:
    """Answers what is asked about numbers. One for each server."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers

    @answering
    def numbers(self, asked: Json) -> Json:
        """Charts, table and CSV of some runs. `asked`: `runs`, a list of {`name`, `run`}, at most MOST of them."""
        runs = asked.get("runs")
        if not (isinstance(runs, list) and 0 < len(runs) <= MOST and all(isinstance(one, dict) for one in runs)):
            raise RequestError(f"Numbers are of one to {MOST} runs, each with its name and id. Reload the page.")
        measured = []
        for one in runs:
            run = self.handlers.runs.get(one.get("run"))
            if run is None:
                return {"problem": f"{_name(one)}: {unknown_run()['status']}"}
            run.mark_seen()
            measured.append(self._measured(_name(one), run))
        answer = {"charts": charts(measured), "table": table(measured), "csv": numbers_csv(measured)}
        return {**answer, "status": status(measured)}

    def _measured(self, name: str, run: Run) -> Measured:
        made, slices = run.missing()
        volume = run.volume(slices)
        borders_mm = [] if run.is_scan else self._borders_mm(volume)
        return Measured(name, made, run.title if run.is_computed else "", borders_mm, measure(volume))

    def _borders_mm(self, volume: Volume) -> list[float]:
        spacing_mm, head_first = volume.spacing_mm[0], directions(volume.affine)[0] == "I"
        slices, per_chunk = len(volume.hu), self.handlers.generator.card.geometry.slices_per_chunk
        edges = [edge if head_first else slices - edge for edge in range(per_chunk, slices, per_chunk)]
        return sorted((edge - 0.5) * spacing_mm for edge in edges)


def status(measured: list[Measured]) -> str:
    """Which of them are not whole yet, so that what is measured may still change, and which are no chests."""
    partial = [f"{one.name} has {one.made}" for one in measured if one.made]
    words = [f"Not whole: {'; '.join(partial)}. The numbers are of what there is."] if partial else []
    words += [
        f"{one.name} is no chest ({one.computed.lower()}): its numbers are of no patient."
        for one in measured
        if one.computed
    ]
    return " ".join(words)


def charts(measured: list[Measured]) -> list[Json]:
    """Each chart with its title and what it says in words, for whoever does not see it."""
    volumes = {one.title: one.measures for one in measured}
    in_chunks = next((one for one in measured if one.borders_mm), None)
    borders_mm = in_chunks.borders_mm if in_chunks else []
    of_which = f" of {in_chunks.name}" if in_chunks and len(measured) > 1 else ""
    borders = f" Dotted: borders between chunks{of_which}." if in_chunks else ""
    return [
        {
            "title": "HU of the body",
            "words": f"In bins of {BIN_HU} HU, from {_signed(SHOWN_HU[0])} to {SHOWN_HU[1]} HU; the CSV has all.",
            "figure": histogram(volumes),
        },
        {
            "title": "Mean HU of each slice",
            "words": f"Of all its voxels, air included.{borders}",
            "figure": mean_along_z(volumes, borders_mm),
        },
        {
            "title": "Change from slice to slice",
            "words": " ".join(_largest_change(one) for one in measured),
            "figure": change_along_z(volumes, borders_mm),
        },
    ]


def _largest_change(one: Measured) -> str:
    change = one.measures.change_hu
    if not change.size:
        return f"{one.name} has one slice."
    place = int(change.argmax())
    depth_mm = between(one.measures.depth_mm)[place]
    return f"{one.name}: largest at {depth_mm:.0f} mm, {change[place]:.0f} HU; mean {change.mean():.1f} HU."


def table(measured: list[Measured]) -> Json:
    """`columns`: the head; `rows`: lists of texts, the first of which names the row."""
    rows = [[f"{tissue.name.capitalize()}{_range(tissue.low_hu, tissue.high_hu)}"] for tissue in TISSUES]
    for row, tissue in zip(rows, TISSUES, strict=True):
        row += [f"{one.measures.tissue_ml()[tissue.name]:,.0f} ml" for one in measured]
    density, emphysema = (
        [f"Lung, {DENSITY_PERCENTILE}th percentile"],
        [f"Lung below {_signed(EMPHYSEMA_HU)} HU"],
    )
    for one in measured:
        hu, share = one.measures.lung_density_hu(), one.measures.emphysema_share()
        density.append("no lung" if hu is None else f"{_signed(round(hu))} HU")
        emphysema.append("no lung" if share is None else f"{100 * share:.1f} %")
    return {"columns": ["In the body", *(one.title for one in measured)], "rows": [*rows, density, emphysema]}


def _range(low_hu: int, high_hu: int) -> str:
    """Where a tissue's HU lie, in words; int16's own ends are no ends."""
    if low_hu == -32768:
        return f", below {_signed(high_hu + 1)} HU"
    return f", above {low_hu - 1} HU" if high_hu == 32767 else f", {_signed(low_hu)} to {_signed(high_hu)} HU"


def _signed(hu: int) -> str:
    return str(hu).replace("-", "−")


def numbers_csv(measured: list[Measured]) -> str:
    """All numbers, one a line, with a head of COLUMNS. `at`: HU or mm, where a number belongs to such a place."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in measured:
        writer.writerows([one.title, *line] for line in _lines(one.measures))
    return text.getvalue()


def _lines(measures: Measures) -> list[list[Any]]:
    """Measure, at, value, unit."""
    density_hu, share = measures.lung_density_hu(), measures.emphysema_share()
    ml = [[f"volume of {name}", "", f"{value:.3f}", "ml"] for name, value in measures.tissue_ml().items()]
    single = [
        [f"lung {DENSITY_PERCENTILE}th percentile", "", "" if density_hu is None else f"{density_hu:g}", "HU"],
        [f"lung below {EMPHYSEMA_HU} HU", "", "" if share is None else f"{share:.6f}", "share"],
    ]
    rows = [("mean of slice", "mm", measures.depth_mm, measures.mean_hu, "HU")]
    rows.append(("mean change between slices", "mm", between(measures.depth_mm), measures.change_hu, "HU"))
    rows.append((f"volume per {BIN_HU} HU", "HU", *measures.histogram_ml(BIN_HU), "ml"))
    curves = [
        [name, f"{at:g} {unit_at}", f"{value:.3f}", unit]
        for name, unit_at, places, values, unit in rows
        for at, value in zip(places, values, strict=True)
    ]
    return ml + single + curves


def _name(asked: Json) -> str:
    return str(asked.get("name"))[:_LONGEST_NAME]
