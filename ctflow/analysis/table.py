"""What an ablation found, as a table in Markdown for people and in CSV for programs."""

import csv
import io
from collections.abc import Iterable
from typing import Protocol

from ctflow.analysis.ablation import Way
from ctflow.analysis.places import Place

COLUMNS = ("sentence", "way", "place", "changed_ml", "mean_hu", "inside_hu", "outside_hu")
HEAD = (
    "| sentence | made with | changed beyond chance | mean ΔHU | place it names: inside | outside |\n"
    "|---|---|---|---|---|---|"
)
WAYS = {"shared": "shared chunks", "plain": "its own chunks"}
BY_CHANCE = "another seed instead"


class Change(Protocol):
    """The numbers of a ChanceFloor."""

    @property
    def way(self) -> Way: ...
    @property
    def changed_ml(self) -> float: ...
    @property
    def mean_hu(self) -> float: ...


class Effect(Change, Protocol):
    """The numbers of a SentenceEffect."""

    @property
    def sentence(self) -> str: ...
    @property
    def places(self) -> tuple[Place, ...]: ...
    @property
    def inside_hu(self) -> float | None: ...
    @property
    def outside_hu(self) -> float | None: ...


def effects_markdown(floors: Iterable[Change], effects: Iterable[Effect]) -> str:
    """One line a sentence and way, and below them what another seed changes, by the same measure."""
    lines = [
        _line(_cell(one.sentence), WAYS[one.way], one.changed_ml, one.mean_hu, _inside(one), _number(one.outside_hu))
        for one in effects
    ]
    lines += [_line(f"*{BY_CHANCE}*", WAYS[one.way], one.changed_ml, one.mean_hu, "", "") for one in floors]
    return "\n".join([HEAD, *lines]) + "\n"


def effects_csv(floors: Iterable[Change], effects: Iterable[Effect]) -> str:
    """The same with a head of `COLUMNS`; in the line of chance, the sentence is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in effects:
        numbers = (one.changed_ml, one.mean_hu, one.inside_hu, one.outside_hu)
        writer.writerow([one.sentence, one.way, _places(one), *map(_plain, numbers)])
    for floor in floors:
        writer.writerow(["", floor.way, "", *map(_plain, (floor.changed_ml, floor.mean_hu, None, None))])
    return text.getvalue()


def _line(sentence: str, way: str, changed_ml: float, mean_hu: float, inside: str, outside: str) -> str:
    return f"| {sentence} | {way} | {changed_ml:.0f} ml | {mean_hu:.1f} | {inside} | {outside} |"


def _inside(effect: Effect) -> str:
    return f"{_number(effect.inside_hu)} ({_places(effect)})" if effect.places else ""


def _places(effect: Effect) -> str:
    return ", ".join(map(str, effect.places))


def _number(hu: float | None) -> str:
    return "" if hu is None else f"{hu:.1f}"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _cell(text: str) -> str:
    """Text that ends no cell and no line of a table."""
    return " ".join(text.replace("|", "\\|").split())
