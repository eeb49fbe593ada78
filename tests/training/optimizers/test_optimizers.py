"""Which optimizer trains which parameter, and at which rate."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ctflow.training.optimizers import make_optimizers, set_rates
from ctflow.training.optimizers.muon import Muon
from tests.training.line import ADAMW

WITH_MUON = replace(ADAMW, muon_rate=3e-3, muon_prefixes=("blocks.",))


def network() -> nn.Module:
    """Eight blocks and a head."""
    return nn.ModuleDict({"blocks": nn.ModuleList(nn.Linear(2 + i, 3) for i in range(8)), "head": nn.Linear(3, 1)})


def ids(optimizer: torch.optim.Optimizer) -> list[int]:
    return [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]


def test_muon_trains_the_named_matrices_in_the_models_order_on_which_a_saved_state_relies() -> None:
    model = network()
    adamw, muon = make_optimizers(WITH_MUON, model, torch.float32)
    assert isinstance(muon, Muon)
    matrices = [id(p) for name, p in model.named_parameters() if name.startswith("blocks.") and p.ndim == 2]
    assert ids(muon) == matrices and len(matrices) == 8
    assert sorted(ids(adamw) + ids(muon)) == sorted(map(id, model.parameters()))


def test_without_a_rate_for_muon_adamw_trains_all() -> None:
    model = network()
    (adamw,) = make_optimizers(replace(WITH_MUON, muon_rate=None), model, torch.float32)
    assert ids(adamw) == [id(parameter) for parameter in model.parameters()]


def test_muon_without_a_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no matrix of ModuleDict begins with encoder\."):
        make_optimizers(replace(WITH_MUON, muon_prefixes=("encoder.",)), network(), torch.float32)


def test_a_factor_scales_the_full_rates_of_both() -> None:
    optimizers = make_optimizers(WITH_MUON, network(), torch.float32)
    for factor in (0.5, 0.25):
        set_rates(optimizers, factor)
        assert [group["lr"] for one in optimizers for group in one.param_groups] == [1e-3 * factor, 3e-3 * factor]


def test_a_scaled_config_scales_both_rates() -> None:
    assert WITH_MUON.scaled(1) == WITH_MUON
    doubled = WITH_MUON.scaled(2)
    assert (doubled.learning_rate, doubled.muon_rate) == (2e-3, 6e-3)
    assert ADAMW.scaled(2).muon_rate is None
