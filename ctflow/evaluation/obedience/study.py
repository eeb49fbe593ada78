"""Does a model draw what the report asks for, and nothing that it denies? Measured in the volume."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator as Progress
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ctflow.data.phantoms import STUDIES
from ctflow.errors import RequestError, VolumeError
from ctflow.evaluation.obedience import detectors as detecting
from ctflow.evaluation.obedience.detectors import Detectors
from ctflow.evaluation.obedience.examples import Example, examples
from ctflow.evaluation.obedience.look import Look
from ctflow.evaluation.obedience.measures import LEAST_SLICES
from ctflow.evaluation.obedience.pictures import join_pictures
from ctflow.evaluation.obedience.pool import (
    PICTURES,
    Item,
    Result,
    draw_item,
    fill,
    fill_with_phantoms,
)
from ctflow.evaluation.obedience.rows import (
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
from ctflow.evaluation.obedience.sanity import distance, thumbnail
from ctflow.evaluation.obedience.sources import sources
from ctflow.evaluation.statistics import Estimate, auroc, mean, share
from ctflow.generator import VolumeGenerator, generate
from ctflow.io.files import write_atomic
from ctflow.phantom import KINDS, Kind, affine
from ctflow.volume import Volume

log = logging.getLogger(__name__)

HELD_OUT, KNOWN, SEEDS, GUIDANCE = "held-out", "known", "seeds", "guidance"
AVAE, PHANTOMS = "phantoms through its A-VAE", "phantoms"
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


@dataclass(frozen=True, eq=False)
class Eye:
    """Detectors, the log odds from which each kind counts as shown, and the examples kept to test both."""

    detectors: Detectors
    limits: dict[Kind, float]
    tested: Sequence[Example]

    @classmethod
    def taught(cls, learnt: Sequence[Example]) -> Eye:
        """Fits them."""
        known, tested = detecting.split(learnt)
        return cls(detecting.fit(known), detecting.thresholds(known), tested)


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


def obedience(
    generator: VolumeGenerator, model: Path, out: Path, plan: Plan, training: Path | None = None
) -> Iterator[str]:
    """Measures and writes `obedience.md`, `obedience.json` and `obedience.png` to `out`; yields what it is doing.

    `model`: the generator's checkpoint folder. Its volumes are read by detectors that were fitted on phantoms as its
    A-VAE shows them, which is how it draws. Phantoms of the same truths stand beside it: as the A-VAE shows them, and
    as they were made, read by detectors fitted on such. So A-VAE, detectors and transformer can be told apart.

    Everything costly is kept in `out` and taken up again. `training`: a folder of `phantom_set`, for distances to it;
    raises RequestError, before anything is made, where it is none.
    """
    taught = None if training is None else _training_volumes(training)
    out.mkdir(parents=True, exist_ok=True)
    card = generator.card
    groups = items(plan, card.guidance.default, card.guidance.trained)
    # Guidances are compared on the reports that all were tried on.
    tried = next((some for name, some in groups.items() if name.startswith(GUIDANCE)), groups[HELD_OUT])
    shared = {item.index for item in tried}
    eye, avae_rows = yield from _phantoms(out, plan, groups, shared, AVAE, Look(model))
    _, phantom_rows = yield from _phantoms(out, plan, groups, shared, PHANTOMS, Look())

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
    rows = _rows(made, eye, shared) + ([] if taught is None else _distances(made[HELD_OUT], taught))
    _write(out, plan, {card.name: rows, AVAE: avae_rows, PHANTOMS: phantom_rows}, made)
    pictures = [folder / f"{result.item.name}.png" for result in made[HELD_OUT][:PICTURES]]
    join_pictures([path for path in pictures if path.exists()], out / "obedience.png")


def _phantoms(
    out: Path, plan: Plan, groups: dict[str, list[Item]], shared: set[int], name: str, look: Look
) -> Progress[str, None, tuple[Eye, list[Row]]]:
    """Phantoms at one look: detectors fitted on some, and the rows of those that have the pool's truths."""
    learnt: list[Example] = []
    for example in examples(out, plan.phantoms, FIT_SEED, plan.workers, look):
        learnt.append(example)
        yield f"detectors, {name} {len(learnt)} of {plan.phantoms}"
    eye = Eye.taught(learnt)
    folder = out / f"phantoms-{look.name}-{sources()}"
    made: dict[str, list[Result]] = {}
    for group in (HELD_OUT, SEEDS):
        made[group] = []
        for result in fill_with_phantoms(folder, groups[group], plan.workers, look):
            made[group].append(result)
            yield f"{group}, {name} {len(made[group])} of {len(groups[group])}"
    return eye, [*_rows(made, eye, shared), *detector_rows(eye)]


def _rows(made: dict[str, list[Result]], eye: Eye, shared: set[int]) -> list[Row]:
    judged, limits = {name: judge(results, eye.detectors) for name, results in made.items()}, eye.limits
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
        slices = [
            one["slices"] for one in json.loads((folder / "phantoms.json").read_text(encoding="utf-8"))["phantoms"]
        ]
        volumes = [Volume(hu[i, :count], affine()) for i, count in enumerate(slices)]
    except (OSError, ValueError, LookupError, TypeError, VolumeError) as error:
        raise RequestError(
            f"--training is a folder of training phantoms with phantoms.npy and phantoms.json, as `train demo` leaves "
            f"it; {folder} is none ({error})."
        ) from error
    if len(volumes) <= STUDIES:
        raise RequestError(
            f"--training needs phantoms of 2 persons or more, to compare distances; {folder} has {len(volumes)}."
        )
    return volumes


def _distances(results: Sequence[Result], taught: Sequence[Volume]) -> list[Row]:
    """How near the nearest training volume lies, against how near each of these has another person's."""
    thumbs = [thumbnail(volume) for volume in taught]
    others = [[b for j, b in enumerate(thumbs) if j // STUDIES != i // STUDIES] for i in range(len(thumbs))]
    theirs = [min(distance(a, b) for b in some) for a, some in zip(thumbs, others, strict=True)]
    ours = [min(distance(r.thumb, b) for b in thumbs) for r in results if r.measures]
    return [
        Row("HU to the nearest training volume", "generated", mean(ours)),
        Row("HU to the nearest training volume", "training volumes, to another person's", mean(theirs)),
    ]


def _write(out: Path, plan: Plan, columns: dict[str, list[Row]], made: dict[str, list[Result]]) -> None:
    short = {group: sum(result.measures is None for result in results) for group, results in made.items()}
    data = {
        "plan": asdict(plan),
        "too short": short,
        "columns": {name: [_plain(row) for row in rows] for name, rows in columns.items()},
    }
    write_atomic(out / "obedience.json", json.dumps(data, indent=1, allow_nan=False).encode())
    count = sum(len(results) for results in made.values())
    ended = f"Volumes that ended before their slice {LEAST_SLICES}, and show nothing: {sum(short.values())} of {count}."
    write_atomic(out / "obedience.md", f"{table(columns)}\n{ended}\n".encode())


def _plain(row: Row) -> dict[str, object]:
    """Without NaN, which JSON does not know."""
    estimate = {key: None if value != value else value for key, value in asdict(row.estimate).items()}
    return {"group": row.group, "name": row.name, "estimate": estimate}


def table(columns: dict[str, list[Row]]) -> str:
    """Markdown: a line per row, the values of all columns side by side, and the cases that the first of them has."""
    found = {name: {(row.group, row.name): row.estimate for row in rows} for name, rows in columns.items()}
    lines = [f"| | | {' | '.join(columns)} | n |", "|---|---|" + "---|" * (len(columns) + 1)]
    for group, name in dict.fromkeys(key for estimates in found.values() for key in estimates):
        beside = [estimates.get((group, name)) for estimates in found.values()]
        values = " | ".join(_value(group, one) if one else "" for one in beside)
        cases = next(_cases(one) for one in beside if one)
        lines.append(f"| {group} | {name} | {values} | {cases} |")
    return "\n".join(lines) + "\n"


def _cases(e: Estimate) -> str:
    return f"{e.n}" if e.against is None else f"{e.n} against {e.against}"


def _value(group: str, e: Estimate) -> str:
    if group.startswith("dose") and not e.n:
        return "not asked in numbers"
    if np.isnan(e.value):
        return "–"
    percent = group.startswith(("shown", "side", "lobe", "size", "sane", "phrasings"))
    scale, digits = (100, 0) if percent else (1, 1 if "HU" in group or group == "diversity" else 2)
    value, low, high = (f"{scale * x:.{digits}f}" for x in (e.value, e.low, e.high))
    interval = "" if np.isnan(e.low) else f" ({low}–{high})"
    return f"{value}{' %' * percent}{interval}"


def detector_rows(eye: Eye) -> list[Row]:
    """How well each kind is detected in phantoms that neither the detectors nor their limits were fitted on."""
    odds = [(one.truth, eye.detectors.log_odds(one.measures)) for one in eye.tested]
    rows = []
    for kind in KINDS:
        there = [detecting.presence(o, kind) for truth, o in odds if truth.has(kind)]
        absent = [detecting.presence(o, kind) for truth, o in odds if not truth.has(kind)]
        rows.append(Row("detector on held-out phantoms, AUROC", kind, auroc(there, absent)))
        for name, values in (("there", there), ("absent", absent)):
            shown = share(sum(value > eye.limits[kind] for value in values), len(values))
            rows.append(Row(f"shown when {name}, detector on held-out phantoms", kind, shown))
    return rows
