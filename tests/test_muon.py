"""Our Muon is torch's, but for torch's bfloat16."""

import torch

from ctflow.training.loop import Recipe, _optimizers
from ctflow.training.muon import Muon, orthogonal


def test_a_wide_a_tall_and_a_square_matrix_become_nearly_orthogonal():
    for shape in ((8, 32), (32, 8), (16, 16)):
        singular = torch.linalg.svdvals(orthogonal(torch.randn(shape, generator=torch.Generator().manual_seed(1))))
        assert singular.min() > 0.3
        assert singular.max() < 1.3


def test_it_walks_as_torchs_muon_does():
    start = torch.randn(12, 20, generator=torch.Generator().manual_seed(0))
    goal = torch.randn(12, 20, generator=torch.Generator().manual_seed(1))

    def walked(make):
        matrix = torch.nn.Parameter(start.clone())
        optimizer = make([matrix])
        for _ in range(5):
            optimizer.zero_grad()
            (matrix - goal).square().sum().backward()
            optimizer.step()
        return matrix.detach() - start

    ours = walked(lambda p: Muon(p, lr=0.01, weight_decay=0.01))
    torchs = walked(lambda p: torch.optim.Muon(p, lr=0.01, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"))
    assert torchs.abs().mean() > 0.001
    assert (ours - torchs).norm() < 0.02 * torchs.norm()


def test_its_matrices_stand_in_the_models_order_which_a_resumed_state_relies_on():
    model = torch.nn.Module()
    model.blocks = torch.nn.ModuleList(torch.nn.Linear(2 + i, 3) for i in range(8))
    _, muon = _optimizers(Recipe("any", 1e-3, 1e-3, 0.9, 1.0), model)
    (group,) = muon.param_groups
    assert [id(matrix) for matrix in group["params"]] == [id(block.weight) for block in model.blocks]
