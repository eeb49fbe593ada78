"""The A-VAE's table: a codec that keeps everything scores as well as can be."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from ctflow.__main__ import main
from ctflow.card import Geometry
from ctflow.evaluation.codec import CodecMeasure, markdown, measure_codec
from ctflow.evaluation.statistics import mean
from tests.tiny import CARD


class Halving:
    """Its latents are the cells of 8 by 8 pixels; it keeps the share `kept` of what differs from 0 HU."""

    def __init__(self, kept: float) -> None:
        self.kept = kept

    def encode(self, slices: Tensor) -> Tensor:
        return torch.nn.functional.pixel_unshuffle(slices[:, None], 8)

    def decode(self, latents: Tensor) -> Tensor:
        middle = 1000 / 2400
        return middle + self.kept * (torch.nn.functional.pixel_shuffle(latents, 8)[:, 0] - middle)


def rows(kept: float, axes: tuple[str, str, str] = ("I", "P", "L")) -> dict[str, float]:
    card = SimpleNamespace(intensity=CARD.intensity, geometry=Geometry(16, 6, 256, 256, 3.0, 1.5, axes))
    checkpoint = SimpleNamespace(card=card, avae=Halving(kept))
    return {one.name: one.estimate.value for one in measure_codec(checkpoint, 1)}


@pytest.mark.slow
def test_a_perfect_codec_loses_nothing_and_a_dull_one_what_it_loses() -> None:
    perfect, dull = rows(1.0), rows(0.5)
    assert perfect["mean absolute error in soft tissue, HU"] < 1.0
    assert perfect["grid left by the latents, HU"] < 0.5
    assert perfect["contrast kept of fine structures in the lungs"] == pytest.approx(1.0, abs=0.01)
    assert dull["contrast kept of fine structures in the lungs"] == pytest.approx(0.5, abs=0.01)
    assert dull["mean absolute error in lung, HU"] == pytest.approx(425, abs=30)
    between = perfect["slice halfway between two codes, error in HU"]
    assert between == pytest.approx(perfect["average of the two pictures, error in HU"], abs=1.0)
    assert np.isfinite(list(dull.values())).all()


@pytest.mark.slow
def test_a_codec_that_sees_slices_turned_is_measured_all_the_same() -> None:
    """The released models see them turned. Every second slice is measured, so other slices if it starts at the other
    end.
    """
    upright, turned = rows(0.5), rows(0.5, ("S", "L", "P"))
    for name, value in upright.items():
        assert turned[name] == pytest.approx(value, rel=0.1), name


def test_one_phantom_has_no_interval() -> None:
    """It was printed as (nan–nan)."""
    assert markdown(CodecMeasure("error, HU", mean([9.84]))) == "| error, HU | 9.84 | 1 |"
    assert markdown(CodecMeasure("error, HU", mean([9.0, 9.0]))) == "| error, HU | 9.00 (9.00–9.00) | 2 |"


def test_no_phantoms_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "codec", "--phantoms", "0"]) == 2
    assert "--phantoms" in capsys.readouterr().err
