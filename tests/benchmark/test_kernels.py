"""The kernels in question, as far as a CPU has them: every section runs, and none stops the others."""

from pathlib import Path

import pytest
import torch

from ctflow.benchmark.kernels import TINY, Kernels, Line

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    return Kernels(CPU, TINY, tmp_path_factory.mktemp("kernels"), say=lambda _: None).measure(budget_s=600)


@pytest.mark.slow
def test_every_section_measures_something(lines: list[Line]) -> None:
    measured = {line.section for line in lines if not line.text.startswith(("failed", "left out"))}
    assert measured == {line.section for line in lines} and len(measured) == 8
    timed = {f"{line.section}, {line.name}" for line in lines if line.microseconds}
    assert {
        "attention, along the slices, MATH",
        "attention, along the slices with its products, as a step does it",
        "decoder, 4 slices, channels_last",
        "decoder, compiled, 4 slices, channels_last",
        "GELU, in the product",
        "patch embedding, product",
        "profile of a step, a step",
        "products, 32 × 64 × 192, bf16",
    } <= timed


@pytest.mark.slow
def test_what_a_device_cannot_do_is_said_and_the_next_begins(lines: list[Line]) -> None:
    names = [f"{line.section}, {line.name}" for line in lines]
    missing = names.index("attention, in the plane, CUDNN_ATTENTION")
    assert lines[missing].text.startswith("failed: RuntimeError") and lines[missing].microseconds is None
    assert names.index("attention, along the slices, MATH") > missing


def test_no_section_begins_after_its_time(tmp_path: Path) -> None:
    said: list[str] = []
    late = Kernels(CPU, TINY, tmp_path, said.append).measure(budget_s=-1)
    assert {line.text for line in late} == {"left out: no time"} and len(late) == len(said) == 8
