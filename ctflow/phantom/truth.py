"""What a phantom contains. It is drawn first; then the anatomy renders it and the report describes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from ctflow.labels import Label

Kind = Literal[Label, "Pneumothorax"]  # pneumothorax is not one of CT-RATE's labels
Side = Literal["right", "left"]
Lobe = Literal["upper", "middle", "lower"]
Size = Literal["small", "moderate", "large"]
Sex = Literal["F", "M"]
Site = tuple[Side | None, Lobe | None]

KINDS: tuple[Kind, ...] = get_args(Kind)
SIZES: tuple[Size, ...] = get_args(Size)
LOBES: tuple[Site, ...] = (
    ("right", "upper"),
    ("right", "middle"),
    ("right", "lower"),
    ("left", "upper"),
    ("left", "lower"),
)
SIDES: tuple[Site, ...] = (("right", None), ("left", None))

# Millilitres per side. The gaps between the ranges, here and below, keep the size words unambiguous.
EFFUSION_ML: dict[Size, tuple[float, float]] = {"small": (50, 200), "moderate": (300, 600), "large": (800, 1500)}
PNEUMOTHORAX_ML: dict[Size, tuple[float, float]] = {"small": (80, 220), "moderate": (350, 650), "large": (900, 1600)}
# The measure that a report gives in mm: a nodule's diameter, a blob's length, a rim's thickness, a node's short axis.
RANGES_MM: dict[Kind, dict[Size, tuple[float, float]]] = {
    "Lung nodule": {"small": (4, 7), "moderate": (9, 14), "large": (17, 30)},
    "Lung opacity": {"small": (22, 36), "moderate": (45, 65), "large": (80, 110)},
    "Consolidation": {"small": (24, 38), "moderate": (48, 66), "large": (80, 105)},
    "Pericardial effusion": {"small": (5, 8), "moderate": (11, 16), "large": (20, 30)},
    "Hiatal hernia": {"small": (26, 36), "moderate": (45, 58), "large": (70, 90)},
    "Lymphadenopathy": {"small": (11, 13.5), "moderate": (16, 20), "large": (24, 32)},
}
CARDIOTHORACIC_RATIO: dict[Size, tuple[float, float]] = {
    "small": (0.53, 0.55),
    "moderate": (0.58, 0.61),
    "large": (0.64, 0.69),
}
LOBAR: tuple[Kind, ...] = (
    "Atelectasis",
    "Lung nodule",
    "Lung opacity",
    "Pulmonary fibrotic sequela",
    "Consolidation",
    "Bronchiectasis",
)
SIDED: tuple[Kind, ...] = ("Pleural effusion", "Pneumothorax")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding, as a report describes it. Without a lobe: the whole side. Without a side: both lungs, or midline.

    ``mm``, ``ml`` and ``ratio`` are the measures that go with ``size``, if the kind has one. ``count``: how many there
    are, of which ``mm`` measures the largest. ``variant``: which device, which kind of nodule. ``centre_mm`` (LPS) and
    ``found_ml`` are measured in the picture.
    """

    kind: Kind
    size: Size = "moderate"
    side: Side | None = None
    lobe: Lobe | None = None
    mm: float | None = None
    ml: float | None = None
    ratio: float | None = None
    count: int = 1
    variant: str = ""
    found_ml: float | None = None
    centre_mm: tuple[float, float, float] | None = None

    @property
    def sites(self) -> tuple[Site, ...]:
        """The lobes, sides or (none, none) that this finding is in, as ``sites_of`` its kind names them."""
        return tuple(
            (side, lobe)
            for side, lobe in sites_of(self.kind)
            if side is None or (self.side in (None, side) and self.lobe in (None, lobe))
        )


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The facts of one phantom. A finding that is not listed is absent."""

    findings: tuple[Finding, ...] = ()
    sex: Sex = "M"
    age: int = 60

    def of(self, *kinds: Kind) -> tuple[Finding, ...]:
        """Its findings of these kinds, in their order."""
        return tuple(finding for finding in self.findings if finding.kind in kinds)

    def has(self, kind: Kind) -> bool:
        return any(finding.kind == kind for finding in self.findings)

    @property
    def kinds(self) -> frozenset[Kind]:
        return frozenset(finding.kind for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain types for ``json.dump``; ``from_json`` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Truth:
        findings = [dict(found) for found in data["findings"]]
        for found in findings:
            found["centre_mm"] = tuple(found["centre_mm"]) if found["centre_mm"] else None
        return cls(**{**data, "findings": tuple(Finding(**found) for found in findings)})


def sites_of(kind: Kind) -> tuple[Site, ...]:
    """The places that are distinguished for findings of a kind."""
    if kind in LOBAR:
        return LOBES
    return SIDES if kind in SIDED else ((None, None),)


# Every question that a truth answers with a grade: (kind, site).
SLOTS: tuple[tuple[Kind, Site], ...] = tuple((kind, site) for kind in KINDS for site in sites_of(kind))


def grades(truth: Truth) -> np.ndarray:
    """-> int64 (len(SLOTS),): 0 absent, 1 small, 2 moderate, 3 large; the largest if there are several."""
    graded = np.zeros(len(SLOTS), np.int64)
    for finding in truth.findings:
        for site in finding.sites:
            slot = SLOTS.index((finding.kind, site))
            graded[slot] = max(graded[slot], 1 + SIZES.index(finding.size))
    return graded


def amount(finding: Finding) -> float:
    """The measure as a share (in logarithms) of its kind's range, from 0 to 1; from the size if it has no measure."""
    value = finding.mm or finding.ml or finding.ratio
    ranges = measures_of(finding.kind)
    if value is None or ranges is None:
        return (0.5 + SIZES.index(finding.size)) / len(SIZES)
    low, high = ranges["small"][0], ranges["large"][1]
    return float(np.clip(np.log(value / low) / np.log(high / low), 0, 1))


def amounts(truth: Truth) -> np.ndarray:
    """-> float32 (len(SLOTS),): the largest ``amount`` at each slot, 0 if there is nothing."""
    graded = np.zeros(len(SLOTS), np.float32)
    for finding in truth.findings:
        for site in finding.sites:
            slot = SLOTS.index((finding.kind, site))
            graded[slot] = max(graded[slot], amount(finding))
    return graded


def measures_of(kind: Kind) -> dict[Size, tuple[float, float]] | None:
    """The range of a kind's measure (ml, mm or ratio) by size; None if the size is only a word."""
    others: dict[Kind, dict[Size, tuple[float, float]]] = {
        "Pleural effusion": EFFUSION_ML,
        "Pneumothorax": PNEUMOTHORAX_ML,
        "Cardiomegaly": CARDIOTHORACIC_RATIO,
    }
    return others.get(kind) or RANGES_MM.get(kind)


def effusions(*, right: float = 0.0, left: float = 0.0) -> tuple[Finding, ...]:
    """Pleural effusions of so many ml on each side, with the size words that go with them."""
    sides: tuple[tuple[Side, float], ...] = (("right", right), ("left", left))
    return tuple(
        Finding(kind="Pleural effusion", side=side, size=_effusion_size(ml), ml=ml) for side, ml in sides if ml > 0
    )


def _effusion_size(ml: float) -> Size:
    return next((size for size in SIZES if ml <= EFFUSION_ML[size][1]), "large")
