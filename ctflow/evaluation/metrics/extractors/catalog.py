"""Extractors by name. Their weights come from a path that is given: none is drawn at random, none is replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from ctflow.errors import CheckpointError
from ctflow.evaluation.metrics.extractor import Extractor
from ctflow.evaluation.metrics.extractors import ctclip, frames, i3d, plain, planes
from ctflow.runtime.device import resolve_device


@dataclass(frozen=True)
class Source:
    """Which extractor, the file or folder of its weights, and where it computes. Processes hand it on.

    `weights`: None for an extractor without any. `device`: one of DEVICES; where features are the same to rounding.
    """

    name: str
    weights: Path | None
    device: str = "cpu"


Make = Callable[[Path | None, torch.device], Extractor]


def _without_weights(make: Callable[[], Extractor]) -> Make:
    return lambda *_: make()


def _with_weights(name: str, load: Callable[[Path, torch.device], Extractor], what: str) -> Make:
    def made(weights: Path | None, device: torch.device) -> Extractor:
        if weights is None:
            raise CheckpointError(
                f"The extractor {name} needs its weights, {what}: give them with --weights {name}=PATH."
            )
        return load(weights, device)

    return made


_MAKERS: Mapping[str, Make] = {
    plain.NAME: _without_weights(plain.PlainExtractor),
    ctclip.NAME: _with_weights(ctclip.NAME, ctclip.ClipExtractor.load, "a checkpoint folder with ctclip/ and text/"),
    frames.NAME: _with_weights(
        frames.NAME, frames.FramesExtractor.load, "torch-fidelity's weights-inception-2015-12-05-6726825d.pth"
    ),
    i3d.NAME: _with_weights(i3d.NAME, i3d.I3DExtractor.load, "StyleGAN-V's i3d_torchscript.pt"),
    planes.SQUEEZENET: _with_weights(
        planes.SQUEEZENET, planes.PlanesExtractor.squeezenet, "torchvision's squeezenet1_1-b8a52dc0.pth"
    ),
    planes.RADIMAGENET: _with_weights(
        planes.RADIMAGENET,
        planes.PlanesExtractor.radimagenet,
        "the file of Warvito/radimagenet-models",
    ),
}
NAMES = tuple(_MAKERS)


@lru_cache(maxsize=8)
def load_extractor(source: Source) -> Extractor:
    """Makes the extractor of that name.

    Raises CheckpointError for weights that are missing or do not fit, ResourceError for a device that is not there.
    """
    return _MAKERS[source.name](source.weights, resolve_device(source.device))
