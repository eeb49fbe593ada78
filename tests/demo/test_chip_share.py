"""How much of a chip a training used."""

import json
from pathlib import Path

import pytest
import torch

from ctflow.demo.chip_share import ChipShare, chunk_gflop, measure_chip_share, write_chip_share
from ctflow.demo.sizes import SMOKE, transformer_config
from ctflow.models.stdit import STDiT


def test_the_share_is_of_what_products_reach(tmp_path: Path) -> None:
    share = ChipShare(
        hardware="H100",
        precision="bfloat16",
        chunks_per_step=256,
        steps_per_s=20.0,
        gflop_per_chunk=47.0,
        peak_gflop_per_s=790_000.0,
    )
    assert share.share == pytest.approx(0.3046, abs=1e-4)
    assert str(share).startswith("20 steps of 256 chunks a second, which are 240,640 GFLOP/s: 30.5 % of the 790,000")
    write_chip_share(share, tmp_path / "chip.json")
    assert json.loads((tmp_path / "chip.json").read_text())["share"] == share.share


def test_learning_takes_about_three_times_the_products_of_looking_and_leaves_the_model_as_it_was() -> None:
    model = STDiT(transformer_config(SMOKE)).requires_grad_(False)
    before = [parameter.clone() for parameter in model.parameters()]
    learning = chunk_gflop(model)
    tokens = 1
    for count in model.config.tokens:
        tokens *= count
    dim = model.config.hidden_size
    of_blocks = 2 * tokens * model.config.depth * 16 * dim**2 / 1e9  # two attentions of 4 · dim², an MLP of 8 · dim²
    assert learning > 3 * of_blocks
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), before, strict=True))
    assert not any(one.requires_grad or one.grad is not None for one in model.parameters())


def test_a_share_is_measured_on_this_machine() -> None:
    model = STDiT(transformer_config(SMOKE))
    found = measure_chip_share(model, 2, 3.0, torch.device("cpu"))
    assert found.gflop_per_s == pytest.approx(6 * chunk_gflop(model))
    assert found.peak_gflop_per_s > 0
