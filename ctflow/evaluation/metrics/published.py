"""Published figures, and whether one of ours may be put beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ctflow.evaluation.metrics.beginnings import FULL_BODY, GT_HEAD
from ctflow.evaluation.metrics.protocols import CTFLOW_PAPER, PROTOCOLS

PAPER = "Wang et al., arXiv 2508.12900"
FID, SHORT_FVD, LONG_FVD, IS, CLIP = "FID", "FVD, 16 slices", "FVD, 128 slices", "IS", "CLIP score"
METRICS = (FID, SHORT_FVD, LONG_FVD, IS, CLIP)


@dataclass(frozen=True, kw_only=True)
class Published:
    """Of one set of volumes: `mode` and `model` say which. `values`: by metric, as our figures are named.

    `protocol`: the one that comes nearest to how it was measured, on the volumes of `real_set`. `never`: why nothing of
    ours can be compared with it, if so.
    """

    source: str
    mode: str
    model: str
    values: Mapping[str, float]
    protocol: str = CTFLOW_PAPER.name
    real_set: str = "CT-RATE"
    never: str = ""


def _full_body(model: str, *values: float) -> Published:
    return Published(source=PAPER, mode=FULL_BODY, model=model, values=dict(zip(METRICS, values, strict=False)))


PUBLISHED = (
    _full_body("S", 249.7, 2286, 6646, 2.29),
    _full_body("B", 216.9, 1862, 2184, 2.32),
    _full_body("L", 131.3, 1152, 1220, 2.21),
    _full_body("L with StartBoost", 66.0, 689, 380, 3.02),
    Published(
        source=PAPER,
        mode=GT_HEAD,
        model="all of them",
        values={SHORT_FVD: 623},
        never="it sees the slices alone that were copied from real scans",
    ),
    Published(
        source=PAPER,
        mode=FULL_BODY,
        model="L with StartBoost, at 512²",
        values={FID: 67.9, LONG_FVD: 375.6, IS: 3.01, CLIP: 16.7},
        never="it was measured at 512²",
    ),
)


def comparable(published: Published, metric: str, protocol: Mapping[str, Any], metrics: frozenset[str]) -> str:
    """Whether a result of this protocol, with figures of these names, may stand beside a published one, and why not."""
    if published.never:
        return f"no: {published.never}"
    if protocol["name"] != published.protocol:
        return f"no: this was measured by {protocol['name']}, and would need {published.protocol}"
    if metric not in metrics:
        return "no: it was not measured"
    return _comparable_weights(_extractor_of(metric, published.protocol), published, protocol)


def _comparable_weights(extractor: str, published: Published, protocol: Mapping[str, Any]) -> str:
    begins = PROTOCOLS[published.protocol].published_weights.get(extractor)
    if begins and not protocol["extractors"][extractor]["weights_sha256"].startswith(begins):
        return f"no: the weights of {extractor} are not the published ones, whose SHA-256 begins with {begins}"
    unknown = "" if begins else f"the SHA-256 of the published weights of {extractor} is not known to us, "
    return f"with care: the protocol is {protocol['status']}, {unknown}and the real set must be {published.real_set}'s"


def _extractor_of(metric: str, protocol: str) -> str:
    named = {getattr(one, "name", ""): one.extractor for one in PROTOCOLS[protocol].measures}
    return named[metric]
