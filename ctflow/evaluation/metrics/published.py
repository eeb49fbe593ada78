"""Published figures, and whether one of ours may be put beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAPER = "Wang et al., arXiv 2508.12900, full-body at 256²"
PRESETS = ("S", "B", "L", "L with StartBoost")


@dataclass(frozen=True)
class Published:
    """`protocol`: the one that comes nearest to how it was measured. `metric`: the name of its figure there.

    `values`: by what was measured.
    """

    source: str
    protocol: str
    metric: str
    values: Mapping[str, float]


def _paper(metric: str, *values: float) -> Published:
    return Published(PAPER, "ctflow-paper", metric, dict(zip(PRESETS, values, strict=True)))


PUBLISHED = (
    _paper("FID", 249.7, 216.9, 131.3, 66.0),
    _paper("FVD, 16 slices", 2286, 1862, 1152, 689),
    _paper("FVD, 128 slices", 6646, 2184, 1220, 380),
    _paper("IS", 2.29, 2.32, 2.21, 3.02),
)


def why_not_comparable(published: Published, protocol: Mapping[str, Any]) -> str:
    """Why a result of this protocol may not be compared with a published figure; empty where it may."""
    if protocol["name"] != published.protocol:
        return f"no: measured by {protocol['name']}, and this needs {published.protocol}"
    if unknown := [name for name, one in protocol["extractors"].items() if one.get("published") is False]:
        return f"no: the weights of {', '.join(unknown)} are not the published ones"
    if protocol["counts"]["real volumes"] != protocol.get("published_real_volumes"):
        return "no: other volumes, or another number of them"
    return "with care: the protocol is inferred" if protocol["status"] == "inferred" else ""
