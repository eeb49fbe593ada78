"""Does a model draw what the report asks for, and nothing that it denies? Measured in the volume."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ctflow.evaluation import detectors as detecting
from ctflow.evaluation.detectors import Detectors
from ctflow.evaluation.pictures import join_pictures
from ctflow.evaluation.pool import PICTURES, Item, Result, draw_item, fill, fill_with_phantoms
from ctflow.evaluation.rows import (
    Row,
    chest_rows,
    judge,
    over_pairs,
    place_rows,
    pooled_auroc,
    presence_rows,
    recall,
    size_rows,
)
from ctflow.evaluation.sanity import distance, thumbnail
from ctflow.evaluation.statistics import Estimate, auroc, mean, share
from ctflow.events import Generator, generate
from ctflow.phantom import KINDS, Kind, affine
from ctflow.volume import Volume

log = logging.getLogger(__name__)

HELD_OUT, KNOWN, SEEDS = "held-out", "known", "seeds"
GUIDANCES = (1.0, 2.0, 4.0)
FIT_SEED = 10**6  # detectors' phantoms lie far from every model's training phantoms
OTHER_SEEDS = 3


@dataclass(frozen=True)
class Plan:
    """How much to measure: `n` reports, and `phantoms` for the detectors to learn from."""

    n: int
    seed: int
    phantoms: int
    workers: int


def items(plan: Plan, guidance: float, guided: bool) -> dict[str, list[Item]]:
    """All volumes to make, by group: the pool, and parts of it in other words, with other guidance, of other seeds."""

    def part(group: str, count: int, strength: float = guidance, shift: int = 0) -> list[Item]:
        phrasings = "known" if group == KNOWN else "held-out"
        return [draw_item(i, plan.seed, group, phrasings, strength, shift) for i in range(count)]  # type: ignore[arg-type]

    groups = {HELD_OUT: part(HELD_OUT, plan.n), KNOWN: part(KNOWN, max(1, plan.n // 4))}
    if guided:
        others = [g for g in GUIDANCES if g != guidance]
        groups |= {f"guidance {g:g}": part(f"guidance {g:g}", max(1, plan.n // 8), g) for g in others}
    few = max(1, plan.n // 16)
    groups[SEEDS] = [item for shift in range(1, 1 + OTHER_SEEDS) for item in part(SEEDS, few, guidance, shift)]
    return groups


def obedience(generator: Generator, out: Path, plan: Plan, training: Path | None = None) -> Iterator[str]:
    """Measures and writes `obedience.md`, `obedience.json` and `obedience.png` to `out`; yields what it is doing.

    Everything costly is kept in `out` and taken up again. `training`: a folder of `phantom_set`, for distances to it.
    """
    out.mkdir(parents=True, exist_ok=True)
    yield "detectors"
    known, tested = _examples(out, plan)
    detectors = detecting.fit(known)
    limits = detecting.thresholds(detectors, tested)
    card = generator.card
    groups = items(plan, card.guidance.default, card.guidance.trained)

    def make(item: Item) -> Volume:
        return generate(generator, card.request(item.report, item.seed, guidance=item.guidance))

    folder = out / f"pool-{generator.model_sha256[:12]}"  # another model, another pool
    made: dict[str, list[Result]] = {}
    for name, some in groups.items():
        made[name] = []
        for result in fill(folder, some, make):
            made[name].append(result)
            yield f"{name} {len(made[name])} of {len(some)}"
    yield "phantoms of the same truths"
    phantoms = {
        name: list(fill_with_phantoms(out / "phantoms", groups[name], plan.workers)) for name in (HELD_OUT, SEEDS)
    }
    rows, theirs = _rows(made, detectors, limits), _rows(phantoms, detectors, limits)
    rows += _distances(made[HELD_OUT], training)
    theirs += detector_rows(detectors, tested, limits)
    _write(out, card.name, plan, rows, theirs, made[HELD_OUT])
    pictures = [folder / f"{result.item.name}.png" for result in made[HELD_OUT][:PICTURES]]
    join_pictures([path for path in pictures if path.exists()], out / "obedience.png")


def _examples(out: Path, plan: Plan) -> tuple[list[detecting.Example], list[detecting.Example]]:
    every = list(detecting.examples(out / "detectors.jsonl", plan.phantoms, FIT_SEED, plan.workers))
    return detecting.split(every)


def _rows(made: dict[str, list[Result]], detectors: Detectors, limits: dict[Kind, float]) -> list[Row]:
    judged = {name: judge(results, detectors) for name, results in made.items()}
    pool = judged[HELD_OUT]
    rows = [*presence_rows(pool, limits), *place_rows(pool), *size_rows(pool), *chest_rows(pool)]
    indices = {j.item.index for j in judged.get(KNOWN, [])}
    same = [j for j in pool if j.item.index in indices]
    if same:
        rows.append(Row("phrasings, shown when asked", "known", recall(judged[KNOWN], limits)))
        rows.append(Row("phrasings, shown when asked", "held out", recall(same, limits)))
    for name in [HELD_OUT, *(name for name in judged if name.startswith("guidance"))]:
        title = name if name != HELD_OUT else f"guidance {pool[0].item.guidance:g}, the default"
        rows.append(Row("AUROC, asked against denied, all kinds", title, pooled_auroc(judged[name], limits)))
    thumbs = _by_index([r for name in (HELD_OUT, SEEDS) for r in made[name] if r.measures])
    rows.append(Row("diversity", "HU between seeds of one report", over_pairs(thumbs, distance)))
    return rows


def _by_index(results: Sequence[Result]) -> list[list[np.ndarray]]:
    groups: dict[int, list[np.ndarray]] = {}
    for result in results:
        groups.setdefault(result.item.index, []).append(result.thumb)
    return [group for group in groups.values() if len(group) > OTHER_SEEDS]


def _distances(results: Sequence[Result], training: Path | None) -> list[Row]:
    """How near the nearest training volume lies, against how near training volumes lie to each other."""
    if training is None:
        return []
    hu = np.load(training / "phantoms.npy", mmap_mode="r")
    slices = [one["slices"] for one in json.loads((training / "phantoms.json").read_text())["phantoms"]]
    thumbs = [thumbnail(Volume(hu[i, :count], affine())) for i, count in enumerate(slices)]
    theirs = [min(distance(a, b) for j, b in enumerate(thumbs) if j != i) for i, a in enumerate(thumbs)]
    ours = [min(distance(r.thumb, b) for b in thumbs) for r in results if r.measures]
    return [
        Row("HU to the nearest training volume", "generated", mean(ours)),
        Row("HU to the nearest training volume", "training volumes among themselves", mean(theirs)),
    ]


def _write(out: Path, name: str, plan: Plan, rows: list[Row], theirs: list[Row], results: list[Result]) -> None:
    empty = sum(result.measures is None for result in results)
    data = {
        "model": name,
        "plan": asdict(plan),
        "empty volumes": empty,
        "rows": [asdict(row) for row in rows],
        "phantoms": [asdict(row) for row in theirs],
    }
    (out / "obedience.json").write_text(json.dumps(data, indent=1))
    (out / "obedience.md").write_text(
        table(name, rows, theirs) + f"\nVolumes that ended before their first slice: {empty}.\n"
    )


def table(name: str, rows: Sequence[Row], theirs: Sequence[Row]) -> str:
    """Markdown: a line per row, the model's value beside that of phantoms of the same truths."""
    found = {(row.group, row.name): row.estimate for row in theirs}
    lines = [f"| | | {name} | n | phantoms | n |", "|---|---|---|---|---|---|"]
    mine_too = {(row.group, row.name) for row in rows}
    for row in [*rows, *(row for row in theirs if (row.group, row.name) not in mine_too)]:
        other = found.get((row.group, row.name))
        mine = _cells(row.group, row.estimate) if (row.group, row.name) in mine_too else "| | |"
        beside = _cells(row.group, other) if other else "| | |"
        lines.append(f"| {row.group} | {row.name} {mine}{beside[1:]}")
    return "\n".join(lines) + "\n"


def _cells(group: str, e: Estimate) -> str:
    cases = f"{e.n}" if e.against is None else f"{e.n} against {e.against}"
    if np.isnan(e.value):
        return f"| – | {cases} |"
    percent = group.startswith(("shown", "side", "lobe", "size", "sane", "phrasings"))
    scale, digits = (100, 0) if percent else (1, 1 if "HU" in group or group == "diversity" else 2)
    value, low, high = (f"{scale * x:.{digits}f}" for x in (e.value, e.low, e.high))
    interval = "" if np.isnan(e.low) else f" ({low}–{high})"
    return f"| {value}{' %' * percent}{interval} | {cases} |"


def detector_rows(detectors: Detectors, tested: Sequence[detecting.Example], limits: dict[Kind, float]) -> list[Row]:
    """How well each kind is detected in phantoms that the detectors were not fitted on."""
    odds = [(one.truth, detectors.log_odds(one.measures)) for one in tested]
    rows = []
    for kind in KINDS:
        there = [detecting.presence(o, kind) for truth, o in odds if truth.has(kind)]
        absent = [detecting.presence(o, kind) for truth, o in odds if not truth.has(kind)]
        rows.append(Row("detector on held-out phantoms, AUROC", kind, auroc(there, absent)))
        shown = share(sum(value > limits[kind] for value in there), len(there))
        rows.append(Row("shown, detector on held-out phantoms", kind, shown))
    return rows
