"""Features for metrics are the same on a GPU as on a CPU, to rounding, so that they may be kept under one name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ctflow.evaluation.metrics.extractor import Extractor
from ctflow.evaluation.metrics.extractors.ctclip import ClipExtractor
from ctflow.evaluation.metrics.extractors.planes import SQUEEZENET, PlanesExtractor
from ctflow.phantom import make_phantom
from ctflow.report import Report
from ctflow.runtime.device import resolve_device
from tests.tiny import tiny_checkpoint

pytestmark = pytest.mark.gpu
CUDA = "cuda"


def ct_clip(folder: Path, device: torch.device) -> Extractor:
    if not folder.exists():
        tiny_checkpoint(folder, heads=True)
    return ClipExtractor.load(folder, device)


def planes(folder: Path, device: torch.device) -> Extractor:
    """By one convolution, which stands for a network."""
    torch.manual_seed(0)
    return PlanesExtractor(SQUEEZENET, torch.nn.Conv2d(3, 4, 16, stride=16), "0" * 64, device)


@pytest.mark.parametrize("make", [ct_clip, planes])
def test_features_are_the_same_on_both(tmp_path: Path, make: Callable[[Path, torch.device], Extractor]) -> None:
    volume = make_phantom(1).volume
    here, there = (make(tmp_path / "model", resolve_device(name)).features(volume) for name in ("cpu", CUDA))
    for kind, rows in here.items():
        np.testing.assert_allclose(there[kind], rows, atol=1e-3 * float(np.abs(rows).max()))


def test_a_report_and_a_volume_have_latents_of_one_space(tmp_path: Path) -> None:
    clip = ClipExtractor.load(tiny_checkpoint(tmp_path / "model", heads=True), resolve_device(CUDA))
    text, image = clip.report_latent(Report("Effusion.")), clip.image_latent(make_phantom(1).volume)
    assert text.shape == image.shape and np.isfinite(text @ image.T).all()
