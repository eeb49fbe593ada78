"""What is measured: both sets with their features, and what is known of each case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctflow.evaluation.metrics.extraction import FeatureSet

Latents = Mapping[str, NDArray[np.float32]]  # by case: (1, latent)


@dataclass(frozen=True, kw_only=True)
class Sets:
    """`training`: volumes that the model was trained on. `texts`: the latents of reports, by case.

    `asked`: by case, the labels that its report asks for; `labels`: those that the classifier knows, in its order.
    `modes`: by case, the paper's mode in which a fake volume was made. `seed`: of all that is drawn.
    """

    real: FeatureSet
    fake: FeatureSet
    training: FeatureSet | None
    texts: Latents
    asked: Mapping[str, frozenset[str]]
    labels: tuple[str, ...]
    modes: Mapping[str, str]
    seed: int
