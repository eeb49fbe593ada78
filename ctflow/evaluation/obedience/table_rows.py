"""The rows of the table, computed from judged trials. Those of models and of phantoms are computed in the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ctflow.drawn import Drawn, Seen
from ctflow.evaluation.obedience import table as groups
from ctflow.evaluation.obedience.detectors import FittedDetectors, presence
from ctflow.evaluation.obedience.judgement import Judgement
from ctflow.evaluation.obedience.measures.chest_checks import CHECKS
from ctflow.evaluation.obedience.table import Column
from ctflow.evaluation.statistics import NAN, Estimate, auroc, correlation, mean, order_kept, share
from ctflow.phantom import KINDS, SIZES, Finding, Kind
from ctflow.phantom.truth import LOBAR, SIDED, amount, measures_of

SIDE_KINDS: tuple[Kind, ...] = ("Pleural effusion", "Pneumothorax", "Consolidation", "Atelectasis")
POOLED_KINDS: tuple[Kind, ...] = (*SIDED, "Consolidation", "Lung nodule", "Cardiomegaly")
POOLED_NAME = "effusion, pneumothorax, consolidation, nodule, heart"
LEAST_NODULE_MM = 10.0  # for its lobe to count


def presence_rows(judged: Sequence[Judgement], thresholds: dict[Kind, float]) -> Column:
    """Per finding: AUROC of asked against all others and against denied, and how often each is shown."""
    rows: Column = {}
    all_asked: list[float] = []
    all_denied: list[float] = []
    for kind in KINDS:
        found, threshold = _by_request(judged, kind), thresholds[kind]
        rows[groups.AUROC_ASKED, kind] = auroc(found.asked, found.denied + found.not_mentioned)
        rows[groups.AUROC_DENIED, kind] = auroc(found.asked, found.denied)
        rows[groups.SHOWN_ASKED, kind] = _above(found.asked, threshold)
        rows[groups.SHOWN_DENIED, kind] = _above(found.denied, threshold)
        all_asked += [log_odds - threshold for log_odds in found.asked]
        all_denied += [log_odds - threshold for log_odds in found.denied]
    rows[groups.SHOWN_ASKED, "all"] = _above(all_asked, 0.0)
    rows[groups.SHOWN_DENIED, "all"] = _above(all_denied, 0.0)
    return rows


@dataclass(frozen=True)
class _ByRequest:
    """A kind's log odds in the volumes whose report asks for it, denies it, or does not mention it."""

    asked: list[float]
    denied: list[float]
    not_mentioned: list[float]


def _by_request(judged: Sequence[Judgement], kind: Kind) -> _ByRequest:
    found = _ByRequest([], [], [])
    for one in judged:
        if one.trial.truth.has(kind):
            found.asked.append(one.presence(kind))
        elif kind in one.trial.denied:
            found.denied.append(one.presence(kind))
        else:
            found.not_mentioned.append(one.presence(kind))
    return found


def _above(values: Sequence[float], threshold: float) -> Estimate:
    return share(sum(value > threshold for value in values), len(values))


def place_rows(judged: Sequence[Judgement]) -> Column:
    """Whether the likeliest side, and the likeliest lobe, are those that were asked for."""
    rows: Column = {}
    on_any_side: list[bool] = []
    for kind in SIDE_KINDS:
        on_side = [_side_right(one, finding) for one, finding in _asked(judged, kind) if finding.side]
        on_any_side += on_side
        rows[groups.SIDE, kind] = share(sum(on_side), len(on_side))
    rows[groups.SIDE, "all"] = share(sum(on_any_side), len(on_any_side))
    for kind in LOBAR:
        cases = [(one, f) for one, f in _asked(judged, kind) if f.lobe and (f.mm is None or f.mm >= LEAST_NODULE_MM)]
        in_lobe = [one.likeliest(kind) == (finding.side, finding.lobe) for one, finding in cases]
        name = f"{kind} of {LEAST_NODULE_MM:g} mm and more" if kind == "Lung nodule" else kind
        rows[groups.LOBE, name] = share(sum(in_lobe), len(in_lobe))
    return rows


def _asked(judged: Sequence[Judgement], kind: Kind) -> list[tuple[Judgement, Finding]]:
    return [(one, finding) for one in judged for finding in one.trial.truth.of(kind)]


def _side_right(one: Judgement, finding: Finding) -> bool:
    site = one.likeliest(finding.kind)
    return site is not None and site[0] == finding.side


def size_rows(judged: Sequence[Judgement]) -> Column:
    """Whether what was asked larger is larger, and how well the amount follows the mm, ml or ratio in the report."""
    rows: Column = {}
    pooled: list[tuple[Estimate, int]] = []  # with the number of its cases
    for kind in KINDS:
        cases = _asked(judged, kind)
        measured = [float(np.mean([one.amounts[kind, site] for site in finding.sites])) for one, finding in cases]
        if kind != "Medical material":  # which has no size
            kept = order_kept([SIZES.index(finding.size) for _, finding in cases], measured)
            rows[groups.SIZE_ORDER, kind] = kept
            if kind in POOLED_KINDS and kept.n:
                pooled.append((kept, len(cases)))
        if measures_of(kind):
            in_numbers = [(amount(f), m) for (one, f), m in zip(cases, measured, strict=True) if _in_numbers(one, f)]
            rows[groups.DOSE, kind] = correlation([asked for asked, _ in in_numbers], [m for _, m in in_numbers])
    rows[groups.SIZE_ORDER, POOLED_NAME] = _pooled_order(pooled)
    return rows


def _pooled_order(kinds: Sequence[tuple[Estimate, int]]) -> Estimate:
    """Over all pairs of all kinds; the interval counts cases, not pairs, as in `order_kept`."""
    pairs, cases = sum(kept.n for kept, _ in kinds), sum(count for _, count in kinds)
    if not pairs:
        return Estimate(NAN, NAN, NAN, 0)
    value = sum(kept.value * kept.n for kept, _ in kinds) / pairs
    interval = share(round(value * cases), cases)
    return Estimate(value, interval.low, interval.high, pairs)


def _in_numbers(one: Judgement, finding: Finding) -> bool:
    """Whether the report gives the finding's measure, as `ctflow.phantom.reports` writes it."""
    numbers = [f"{finding.mm:g} mm", f"{finding.mm / 10:.1f} cm"] if finding.mm else []
    numbers += [f"{round(finding.ml, -1):.0f} ml"] if finding.ml else []
    numbers += [f"{finding.ratio:.2f}"] if finding.ratio else []
    text = f"{one.trial.report.findings} {one.trial.report.impression}".lower()
    return any(re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", text) for number in numbers)


def chest_rows(judged: Sequence[Judgement]) -> Column:
    """Seams between chunks, and the checks of the chest."""
    rows: Column = {(groups.SEAM, "1 = no seam"): mean([one.seam for one in judged if one.seam is not None])}
    for check in CHECKS:
        rows[groups.SANE, check] = share(sum(one.chest[check] for one in judged), len(judged))
    rows[groups.SANE, "all of these"] = share(sum(all(one.chest.values()) for one in judged), len(judged))
    return rows


def detector_rows(fitted: FittedDetectors) -> Column:
    """How well each kind is detected in phantoms on which neither the detectors nor their thresholds were fitted."""
    odds = [(one.truth, fitted.detectors.log_odds(one.measures)) for one in fitted.held_out]
    rows: Column = {}
    for kind in KINDS:
        there = [presence(log_odds, kind) for truth, log_odds in odds if truth.has(kind)]
        absent = [presence(log_odds, kind) for truth, log_odds in odds if not truth.has(kind)]
        rows[groups.DETECTOR_AUROC, kind] = auroc(there, absent)
        rows[groups.DETECTOR_THERE, kind] = _above(there, fitted.thresholds[kind])
        rows[groups.DETECTOR_ABSENT, kind] = _above(absent, fitted.thresholds[kind])
    return rows


def drawn_of(column: Column, kind: Kind) -> Drawn:
    """What a column says of how often a kind is drawn, from `presence_rows` and `detector_rows`."""
    return Drawn(
        asserted=_seen(column[groups.SHOWN_ASKED, kind]),
        denied=_seen(column[groups.SHOWN_DENIED, kind]),
        phantoms=_seen(column[groups.DETECTOR_THERE, kind]),
    )


def _seen(estimate: Estimate) -> Seen | None:
    return Seen(estimate.value, estimate.low, estimate.high, estimate.n) if estimate.n else None


def recall(judged: Sequence[Judgement], thresholds: dict[Kind, float]) -> Estimate:
    """The share of the findings asked for that are shown."""
    shown = [one.presence(f.kind) > thresholds[f.kind] for one in judged for f in one.trial.truth.findings]
    return share(sum(shown), len(shown))


def pooled_auroc(judged: Sequence[Judgement], thresholds: dict[Kind, float]) -> Estimate:
    """Asked against denied over all kinds, each kind's log odds counted from its threshold."""
    asked = [one.presence(f.kind) - thresholds[f.kind] for one in judged for f in one.trial.truth.findings]
    denied = [one.presence(kind) - thresholds[kind] for one in judged for kind in one.trial.denied]
    return auroc(asked, denied)


def over_pairs(
    reports: Sequence[Sequence[np.ndarray]], distance: Callable[[np.ndarray, np.ndarray], float]
) -> Estimate:
    """The mean distance between volumes of the same report and other seeds; n counts the reports.

    The pairs of a report share its volumes, so each report counts as one number.
    """
    return mean([np.mean([distance(a, b) for a, b in combinations(group, 2)]) for group in reports])
