"""Does a model draw what the report asks for, and nothing that it denies? Measured in the volume."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ctflow.errors import RequestError, VolumeError
from ctflow.evaluation import detectors as detecting
from ctflow.evaluation.detectors import Detectors
from ctflow.evaluation.examples import Example, examples
from ctflow.evaluation.measures import LEAST_SLICES
from ctflow.evaluation.pictures import join_pictures
from ctflow.evaluation.pool import PICTURES, Item, Result, draw_item, fill, fill_with_phantoms
from ctflow.evaluation.rows import (
    Judged,
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
from ctflow.evaluation.sources import sources
from ctflow.evaluation.statistics import Estimate, auroc, mean, share
from ctflow.events import Generator, generate
from ctflow.io.files import write_whole
from ctflow.phantom import KINDS, Kind, affine
from ctflow.volume import Volume

log = logging.getLogger(__name__)

HELD_OUT, KNOWN, SEEDS, GUIDANCE = "held-out", "known", "seeds", "guidance"
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
        groups |= {name: part(name, max(1, plan.n // 8), g) for g in others for name in [f"{GUIDANCE} {g:g}"]}
    few = max(1, plan.n // 16)
    groups[SEEDS] = [item for shift in range(1, 1 + OTHER_SEEDS) for item in part(SEEDS, few, guidance, shift)]
    return groups


def obedience(generator: Generator, out: Path, plan: Plan, training: Path | None = None) -> Iterator[str]:
    """Measures and writes `obedience.md`, `obedience.json` and `obedience.png` to `out`; yields what it is doing.

    Everything costly is kept in `out` and taken up again. `training`: a folder of `phantom_set`, for distances to it;
    raises RequestError, before anything is made, where it is none.
    """
    taught = None if training is None else _training_volumes(training)
    out.mkdir(parents=True, exist_ok=True)
    yield "detectors"
    known, tested = detecting.split(list(examples(out, plan.phantoms, FIT_SEED, plan.workers)))
    detectors, limits = detecting.fit(known), detecting.thresholds(known)
    card = generator.card
    groups = items(plan, card.guidance.default, card.guidance.trained)

    def make(item: Item) -> Volume:
        return generate(generator, card.request(item.report, item.seed, guidance=item.guidance))

    # Of another model, or measured otherwise: another pool.
    folder = out / f"pool-{generator.model_sha256[:12]}-{sources()}"
    made: dict[str, list[Result]] = {}
    for name, some in groups.items():
        made[name] = []
        for result in fill(folder, some, make):
            made[name].append(result)
            yield f"{name} {len(made[name])} of {len(some)}"
    yield "phantoms of the same truths"
    phantoms = {
        name: list(fill_with_phantoms(out / f"phantoms-{sources()}", groups[name], plan.workers))
        for name in (HELD_OUT, SEEDS)
    }
    # Guidances are compared on the reports that all were tried on.
    tried = next((some for name, some in groups.items() if name.startswith(GUIDANCE)), groups[HELD_OUT])
    shared = {item.index for item in tried}
    rows, theirs = (_rows(some, detectors, limits, shared) for some in (made, phantoms))
    rows += [] if taught is None else _distances(made[HELD_OUT], taught)
    theirs += detector_rows(detectors, tested, limits)
    _write(out, card.name, plan, rows, theirs, made)
    pictures = [folder / f"{result.item.name}.png" for result in made[HELD_OUT][:PICTURES]]
    join_pictures([path for path in pictures if path.exists()], out / "obedience.png")


def _rows(
    made: dict[str, list[Result]], detectors: Detectors, limits: dict[Kind, float], shared: set[int]
) -> list[Row]:
    judged = {name: judge(results, detectors) for name, results in made.items()}
    pool = judged[HELD_OUT]
    rows = [*presence_rows(pool, limits), *place_rows(pool), *size_rows(pool), *chest_rows(pool)]
    indices = {j.item.index for j in judged.get(KNOWN, [])}
    same = [j for j in pool if j.item.index in indices]
    if same:
        rows.append(Row("phrasings, shown when asked", "known", recall(judged[KNOWN], limits)))
        rows.append(Row("phrasings, shown when asked", "held out", recall(same, limits)))
    for title, some in _by_guidance(judged, shared).items():
        rows.append(Row("AUROC, asked against denied, all kinds", title, pooled_auroc(some, limits)))
    thumbs = _by_index([r for name in (HELD_OUT, SEEDS) for r in made[name] if r.measures])
    rows.append(Row("diversity", "HU between seeds of one report", over_pairs(thumbs, distance)))
    return rows


def _by_guidance(judged: dict[str, list[Judged]], shared: set[int]) -> dict[str, list[Judged]]:
    default = [j for j in judged[HELD_OUT] if j.item.index in shared]
    others = {name: some for name, some in judged.items() if name.startswith(GUIDANCE)}
    return {f"{GUIDANCE} {default[0].item.guidance:g}, the default": default, **others}


def _by_index(results: Sequence[Result]) -> list[list[np.ndarray]]:
    groups: dict[int, list[np.ndarray]] = {}
    for result in results:
        groups.setdefault(result.item.index, []).append(result.thumb)
    return [group for group in groups.values() if len(group) > OTHER_SEEDS]


def _training_volumes(folder: Path) -> list[Volume]:
    """Read from disk when they are looked at."""
    try:
        hu = np.load(folder / "phantoms.npy", mmap_mode="r")
        slices = [one["slices"] for one in json.loads((folder / "phantoms.json").read_text())["phantoms"]]
        volumes = [Volume(hu[i, :count], affine()) for i, count in enumerate(slices)]
    except (OSError, ValueError, LookupError, TypeError, VolumeError) as error:
        raise RequestError(
            f"--training is a folder of training phantoms with phantoms.npy and phantoms.json, as `train demo` leaves "
            f"it; {folder} is none ({error})."
        ) from error
    if len(volumes) < 2:
        raise RequestError(f"--training needs 2 phantoms or more, to compare distances; {folder} has {len(volumes)}.")
    return volumes


def _distances(results: Sequence[Result], taught: Sequence[Volume]) -> list[Row]:
    """How near the nearest training volume lies, against how near training volumes lie to each other."""
    thumbs = [thumbnail(volume) for volume in taught]
    theirs = [min(distance(a, b) for j, b in enumerate(thumbs) if j != i) for i, a in enumerate(thumbs)]
    ours = [min(distance(r.thumb, b) for b in thumbs) for r in results if r.measures]
    return [
        Row("HU to the nearest training volume", "generated", mean(ours)),
        Row("HU to the nearest training volume", "training volumes among themselves", mean(theirs)),
    ]


def _write(out: Path, name: str, plan: Plan, rows: list[Row], theirs: list[Row], made: dict[str, list[Result]]) -> None:
    short = {group: sum(result.measures is None for result in results) for group, results in made.items()}
    data = {
        "model": name,
        "plan": asdict(plan),
        "too short": short,
        "rows": [_plain(row) for row in rows],
        "phantoms": [_plain(row) for row in theirs],
    }
    write_whole(out / "obedience.json", json.dumps(data, indent=1, allow_nan=False).encode())
    count = sum(len(results) for results in made.values())
    ended = f"Volumes that ended before their slice {LEAST_SLICES}, and show nothing: {sum(short.values())} of {count}."
    write_whole(out / "obedience.md", f"{table(name, rows, theirs)}\n{ended}\n".encode())


def _plain(row: Row) -> dict[str, object]:
    """Without NaN, which JSON does not know."""
    estimate = {key: None if value != value else value for key, value in asdict(row.estimate).items()}
    return {"group": row.group, "name": row.name, "estimate": estimate}


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
    if group.startswith("dose") and not e.n:
        return "| not asked in numbers | 0 |"
    if np.isnan(e.value):
        return f"| – | {cases} |"
    percent = group.startswith(("shown", "side", "lobe", "size", "sane", "phrasings"))
    scale, digits = (100, 0) if percent else (1, 1 if "HU" in group or group == "diversity" else 2)
    value, low, high = (f"{scale * x:.{digits}f}" for x in (e.value, e.low, e.high))
    interval = "" if np.isnan(e.low) else f" ({low}–{high})"
    return f"| {value}{' %' * percent}{interval} | {cases} |"


def detector_rows(detectors: Detectors, tested: Sequence[Example], limits: dict[Kind, float]) -> list[Row]:
    """How well each kind is detected in phantoms that neither the detectors nor their limits were fitted on."""
    odds = [(one.truth, detectors.log_odds(one.measures)) for one in tested]
    rows = []
    for kind in KINDS:
        there = [detecting.presence(o, kind) for truth, o in odds if truth.has(kind)]
        absent = [detecting.presence(o, kind) for truth, o in odds if not truth.has(kind)]
        rows.append(Row("detector on held-out phantoms, AUROC", kind, auroc(there, absent)))
        for name, values in (("there", there), ("absent", absent)):
            shown = share(sum(value > limits[kind] for value in values), len(values))
            rows.append(Row(f"shown when {name}, detector on held-out phantoms", kind, shown))
    return rows
