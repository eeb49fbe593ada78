"""Published figures, and whether one of ours may be put beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ctflow.evaluation.metrics.protocols import CTFLOW_PAPER, PROTOCOLS

PAPER = "Wang et al., arXiv 2508.12900, full-body at 256²"
PRESETS = ("S", "B", "L", "L with StartBoost")


@dataclass(frozen=True)
class Published:
    """`protocol`: the one that comes nearest to how it was measured. `metric`: the name of its figure.

    `real_set`: the volumes that it was measured on. `values`: by what was measured.
    """

    source: str
    protocol: str
    metric: str
    real_set: str
    values: Mapping[str, float]


def _paper(metric: str, *values: float) -> Published:
    return Published(PAPER, CTFLOW_PAPER.name, metric, "CT-RATE", dict(zip(PRESETS, values, strict=True)))


PUBLISHED = (
    _paper("FID", 249.7, 216.9, 131.3, 66.0),
    _paper("FVD, 16 slices", 2286, 1862, 1152, 689),
    _paper("FVD, 128 slices", 6646, 2184, 1220, 380),
    _paper("IS", 2.29, 2.32, 2.21, 3.02),
)


def comparable(published: Published, protocol: Mapping[str, Any], metrics: frozenset[str]) -> str:
    """Whether a result of this protocol, with figures of these names, may stand beside a published one, and why not."""
    if protocol["name"] != published.protocol:
        return f"no: this was measured by {protocol['name']}, and would need {published.protocol}"
    if published.metric not in metrics:
        return "no: it was not measured"
    for name, begins in PROTOCOLS[published.protocol].published_weights.items():
        if not protocol["extractors"][name]["weights_sha256"].startswith(begins):
            return f"no: the weights of {name} are not the published ones, whose SHA-256 begins with {begins}"
    return f"with care: the protocol is {protocol['status']}, and the real set must be that of {published.real_set}"
