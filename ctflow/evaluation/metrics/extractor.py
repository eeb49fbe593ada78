"""What an extractor is: whatever makes numbers of one volume, and can say exactly how."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ctflow.volume import Volume

Found = Mapping[str, NDArray[np.float32]]  # by kind of feature: (samples, dimensions) of one volume
NO_WEIGHTS = "none"
CPU = torch.device("cpu")


class Extractor(Protocol):
    """A network, or a plain measurement, with the way in which a volume is brought to it.

    `name`: as protocols name it. `weights_sha256`: of the files that its weights are in, or NO_WEIGHTS.
    `preparation`: in words, how a volume is brought in and what each kind of feature is; whoever changes the
    computation changes the words, because features are kept under them.
    """

    @property
    def name(self) -> str: ...

    @property
    def weights_sha256(self) -> str: ...

    @property
    def preparation(self) -> str: ...

    def features(self, volume: Volume) -> Found: ...


def identity(extractor: Extractor) -> dict[str, str]:
    """What makes two extractors the same: their features may be mixed and compared only then."""
    return {
        "name": extractor.name,
        "weights_sha256": extractor.weights_sha256,
        "preparation": extractor.preparation,
    }


def identity_sha256(extractor: Extractor) -> str:
    """A hash of `identity`, under which features are kept."""
    return hashlib.sha256(json.dumps(identity(extractor), sort_keys=True).encode()).hexdigest()
