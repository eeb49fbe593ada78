"""The errors of an end rule: a codec that keeps everything shows what rule makes which."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from ctflow.__main__ import main
from ctflow.card import AnyEndRule, EndRule, LearntEndRule, ModelCard
from ctflow.evaluation.ending import NEVER, VolumeEnding, draw_reports, measure_end, measure_volumes, volume_line
from ctflow.generator import ChunkDone, Event, Finished, Started
from ctflow.report import Report
from ctflow.request import GenerationRequest, ScanStart
from tests.tiny import CARD

CARD_OF_PHANTOMS = replace(
    CARD, geometry=replace(CARD.geometry, slices_per_chunk=16, max_chunks=6, rows=256, columns=256)
)


class Cells:
    """Its latents are the cells of 8 by 8 pixels."""

    def encode(self, slices: Tensor) -> Tensor:
        return torch.nn.functional.pixel_unshuffle(slices[:, None], 8)

    def code_of(self, intensity: float, rows: int, columns: int) -> Tensor:
        return self.encode(torch.full((1, rows, columns), intensity))[0]


def errors(end: AnyEndRule) -> dict[str, float]:
    checkpoint = SimpleNamespace(card=replace(CARD_OF_PHANTOMS, end=end), avae=Cells())
    return {one.name: one.estimate.value for one in measure_end(checkpoint, 1)}


@pytest.mark.slow
def test_the_two_errors_of_a_rule_are_told_apart() -> None:
    good, late = errors(LearntEndRule(border_whiteness=0.1)), errors(LearntEndRule(border_whiteness=0.5))
    assert set(good.values()) == {0}
    kept = {name: value for name, value in late.items() if value}
    assert kept == {
        "half-white slices kept: latents between chest and white": 0.5,
        "half-white slices kept: pictures between chest and white": 0.5,
        "half-white slices kept: one side of the picture is white": 0.5,
        "all of these slices, kept": 16 / 34,
    }
    blind, everything = errors(NEVER), errors(EndRule(tolerance=10, share=0.9))
    cut = {"chest slices cut off", "chests whose last slice is cut off"}
    assert blind == {name: float(name not in cut) for name in blind}
    assert everything == {name: float(name in cut) for name in everything}


class Script:
    """A generator whose volumes have these slices, each of one HU."""

    def __init__(self, *slices: int) -> None:
        self.card: ModelCard = CARD
        self.hu = np.broadcast_to(np.array(slices, np.int16)[:, None, None], (len(slices), 32, 32))
        self.asked: list[GenerationRequest] = []

    def stream(self, request: GenerationRequest, start: ScanStart | None = None) -> Iterator[Event]:
        self.asked.append(request)
        yield Started(request, self.hu.shape, np.eye(4))
        yield ChunkDone(0, 0, self.hu)
        yield Finished(self.hu.shape)


def test_volumes_are_compared_with_what_the_rule_cut_off() -> None:
    generator, endless = Script(-1000, -980, -890, -995), Script(-1000, -980, -890, -995, -990, 1400)
    reports = draw_reports(2)
    found = list(measure_volumes(generator, endless, reports, seeds=2))  # type: ignore[arg-type]
    same = VolumeEnding(report=0, seed=0, slices=4, garbage=1, cut=2, chest_cut=1, border_share=1.0, change=105.0)
    assert found == [replace(same, report=report, seed=seed) for report in (0, 1) for seed in (0, 1)]
    assert generator.asked == endless.asked, "else they would not be the same volumes"
    assert [one.report for one in generator.asked] == [reports[0]] * 2 + [reports[1]] * 2
    assert {one.chunks for one in generator.asked} == {CARD.geometry.max_chunks}
    assert volume_line(same) == "| 0 | 0 | 4 | 1 | 2 | 1 | 100% | 105 HU |"


def test_the_reports_are_the_same_each_time_and_all_different() -> None:
    assert draw_reports(3) == draw_reports(5)[:3]
    assert len(set(draw_reports(5))) == 5 and all(isinstance(one, Report) for one in draw_reports(1))


@pytest.mark.parametrize("words", [["--phantoms", "0"], ["--reports", "-1"], ["--seeds", "0"]])
def test_too_few_of_anything_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "end", *words]) == 2
    assert words[0] in capsys.readouterr().err
