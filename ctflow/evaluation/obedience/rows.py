"""The rows of the table: each a statement about a set of results, with its interval. Phantoms go the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ctflow.evaluation.obedience.detectors import Detectors, presence
from ctflow.evaluation.obedience.pool import Item, Result
from ctflow.evaluation.obedience.sanity import PLAN
from ctflow.evaluation.statistics import NAN, NOTHING, Estimate, auroc, correlation, mean, order_kept, share
from ctflow.phantom import KINDS, SIZES, SLOTS, Finding, Kind, Site, sites_of
from ctflow.phantom.truth import LOBAR, SIDED, amount, measures_of

SIDE_KINDS: tuple[Kind, ...] = ("Pleural effusion", "Pneumothorax", "Consolidation", "Atelectasis")
POOLED: tuple[Kind, ...] = (*SIDED, "Consolidation", "Lung nodule", "Cardiomegaly")  # of the size order
LEAST_NODULE_MM = 10.0


@dataclass(frozen=True)
class Judged:
    """A result with what the detectors say of it; a volume too short to be measured shows nothing of anything."""

    item: Item
    log_odds: dict[tuple[Kind, Site], float]
    amounts: dict[tuple[Kind, Site], float]
    seam: float | None
    sane: dict[str, bool]

    def presence(self, kind: Kind) -> float:
        return presence(self.log_odds, kind)

    def likeliest(self, kind: Kind) -> Site | None:
        """Where a kind is, if it is anywhere; None where nothing is shown."""
        if np.isneginf(self.presence(kind)):
            return None
        return max(sites_of(kind), key=lambda site: self.log_odds[kind, site])


@dataclass(frozen=True)
class Row:
    """`group` is the heading it stands under."""

    group: str
    name: str
    estimate: Estimate


def judge(results: Sequence[Result], detectors: Detectors) -> list[Judged]:
    """What the detectors say of each result."""
    return [
        Judged(r.item, detectors.log_odds(r.measures), detectors.amounts(r.measures), r.seam, r.sane)
        if r.measures is not None
        else nothing_shown(r.item)
        for r in results
    ]


def nothing_shown(item: Item) -> Judged:
    """Of a volume that ended at once."""
    return Judged(item, dict.fromkeys(SLOTS, -np.inf), dict.fromkeys(SLOTS, 0.0), None, dict.fromkeys(PLAN, False))


def presence_rows(judged: Sequence[Judged], limits: dict[Kind, float]) -> list[Row]:
    """Per finding: asked against all others, asked against denied; and how often each is shown."""
    rows = []
    for kind in KINDS:
        asked, denied, others = _thirds(judged, kind)
        rows.append(Row("AUROC, asked against not asked", kind, auroc(asked, denied + others)))
        rows.append(Row("AUROC, asked against denied", kind, auroc(asked, denied)))
        rows.append(Row("shown when asked", kind, _above(asked, limits[kind])))
        rows.append(Row("shown when denied", kind, _above(denied, limits[kind])))
    for name, part in (("shown when asked", 0), ("shown when denied", 1)):
        values = [v - limits[kind] for kind in KINDS for v in _thirds(judged, kind)[part]]
        rows.append(Row(name, "all", _above(values, 0.0)))
    return rows


def _thirds(judged: Sequence[Judged], kind: Kind) -> tuple[list[float], list[float], list[float]]:
    """The kind's log odds where it was asked for, denied, and not spoken of."""
    asked = [j.presence(kind) for j in judged if j.item.truth.has(kind)]
    denied = [j.presence(kind) for j in judged if kind in j.item.denied]
    others = [j.presence(kind) for j in judged if not j.item.truth.has(kind) and kind not in j.item.denied]
    return asked, denied, others


def _above(values: Sequence[float], limit: float) -> Estimate:
    return share(sum(value > limit for value in values), len(values))


def place_rows(judged: Sequence[Judged]) -> list[Row]:
    """Whether the likeliest side, and lobe, are those that were asked for."""
    rows = []
    right_sides: list[bool] = []
    for kind in SIDE_KINDS:
        sides = [_side_right(j, f) for j, f in _cases(judged, kind) if f.side]
        right_sides += sides
        rows.append(Row("side correct", kind, share(sum(sides), len(sides))))
    rows.append(Row("side correct", "all", share(sum(right_sides), len(right_sides))))
    for kind in LOBAR:
        cases = [(j, f) for j, f in _cases(judged, kind) if f.lobe and (f.mm or 99.0) >= LEAST_NODULE_MM]
        lobes = [j.likeliest(kind) == (f.side, f.lobe) for j, f in cases]
        name = f"{kind} of {LEAST_NODULE_MM:g} mm and more" if kind == "Lung nodule" else kind
        rows.append(Row("lobe correct", name, share(sum(lobes), len(lobes))))
    return rows


def _cases(judged: Sequence[Judged], kind: Kind) -> list[tuple[Judged, Finding]]:
    return [(j, finding) for j in judged for finding in j.item.truth.of(kind)]


def _side_right(j: Judged, finding: Finding) -> bool:
    site = j.likeliest(finding.kind)
    return site is not None and site[0] == finding.side


def size_rows(judged: Sequence[Judged]) -> list[Row]:
    """Whether what was asked larger is larger, and how well the amount follows the mm, ml or ratio of the report."""
    rows, pooled, pooled_cases = [], [], 0
    for kind in KINDS:
        cases = _cases(judged, kind)
        measured = [float(np.mean([j.amounts[kind, site] for site in f.sites])) for j, f in cases]
        sizes = [SIZES.index(f.size) for _, f in cases]
        if kind != "Medical material":
            kept = order_kept(sizes, measured)
            if kind in POOLED and kept.n:
                pooled.append(kept)
                pooled_cases += len(cases)
            rows.append(Row("size order kept", kind, kept))
        if measures_of(kind):
            said = [(amount(f), much) for (j, f), much in zip(cases, measured, strict=True) if _in_numbers(j, f)]
            dose = correlation([asked for asked, _ in said], [much for _, much in said])
            rows.append(Row("dose, rank correlation", kind, dose))
    pairs = sum(one.n for one in pooled)
    value = sum(one.value * one.n for one in pooled) / pairs if pairs else NAN
    interval = share(round(value * pooled_cases), pooled_cases) if pairs else NOTHING
    rows.append(Row("size order kept", "effusion, pneumothorax, consolidation, nodule, heart",
                    Estimate(value, interval.low, interval.high, pairs)))  # fmt: skip
    return rows


def _in_numbers(j: Judged, finding: Finding) -> bool:
    """Whether the report says the finding's measure, as `ctflow.phantom.reports` writes it."""
    said = [f"{finding.mm:g} mm", f"{finding.mm / 10:.1f} cm"] if finding.mm else []
    said += [f"{round(finding.ml, -1):.0f} ml"] if finding.ml else []
    said += [f"{finding.ratio:.2f}"] if finding.ratio else []
    text = f"{j.item.report.findings} {j.item.report.impression}".lower()
    return any(re.search(rf"(?<![\d.]){re.escape(words)}(?!\d)", text) for words in said)


def chest_rows(judged: Sequence[Judged]) -> list[Row]:
    """Seams and the plan of the body."""
    rows = [Row("seam index", "1 = no seam", mean([j.seam for j in judged if j.seam is not None]))]
    for name in PLAN:
        rows.append(Row("sane anatomy", name, share(sum(j.sane[name] for j in judged), len(judged))))
    rows.append(Row("sane anatomy", "all of these", share(sum(all(j.sane.values()) for j in judged), len(judged))))
    return rows


def recall(judged: Sequence[Judged], limits: dict[Kind, float]) -> Estimate:
    """The share of the findings asked for that are shown."""
    shown = [j.presence(f.kind) > limits[f.kind] for j in judged for f in j.item.truth.findings]
    return share(sum(shown), len(shown))


def pooled_auroc(judged: Sequence[Judged], limits: dict[Kind, float]) -> Estimate:
    """Asked against denied over all kinds, log odds counted from each kind's limit."""
    asked = [j.presence(f.kind) - limits[f.kind] for j in judged for f in j.item.truth.findings]
    denied = [j.presence(kind) - limits[kind] for j in judged for kind in j.item.denied]
    return auroc(asked, denied)


def over_pairs(thumbs: Sequence[Sequence[np.ndarray]], distance: Callable[[np.ndarray, np.ndarray], float]) -> Estimate:
    """The mean distance between volumes of one report and other seeds; n counts the reports.

    The pairs of a report share its volumes, so each report gives one number.
    """
    return mean([np.mean([distance(a, b) for a, b in combinations(group, 2)]) for group in thumbs])
