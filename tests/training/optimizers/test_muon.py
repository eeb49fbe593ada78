"""Our Muon is torch's, but for torch's bfloat16."""

from copy import deepcopy

import pytest
import torch

from ctflow.training.optimizers.muon import Muon, inverse_root


def test_a_wide_and_a_square_matrix_become_nearly_orthogonal():
    for shape in ((8, 32), (16, 16)):
        wide = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        singular = torch.linalg.svdvals(inverse_root(wide) @ wide)
        assert singular.min() > 0.3
        assert singular.max() < 1.3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_walks_as_torchs_muon_does(dtype):
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

    ours = walked(lambda p: Muon(p, lr=0.01, weight_decay=0.01, dtype=dtype))
    torchs = walked(lambda p: torch.optim.Muon(p, lr=0.01, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"))
    assert torchs.abs().mean() > 0.001
    assert (ours - torchs).norm() < 0.02 * torchs.norm()


def test_it_goes_on_in_bf16_from_its_saved_state():
    """What is read back is in the precision of the parameters."""
    matrix = torch.nn.Parameter(torch.zeros(4, 6))
    matrix.grad = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    first = Muon([matrix], lr=0.01, every=4, dtype=torch.bfloat16)
    first.step()
    again = torch.nn.Parameter(matrix.detach().clone())
    again.grad = matrix.grad
    second = Muon([again], lr=0.01, every=4, dtype=torch.bfloat16)
    second.load_state_dict(deepcopy(first.state_dict()))  # it would share the tensors
    for optimizer in (first, second):
        optimizer.step()
    assert torch.equal(matrix, again)


def test_a_convolution_walks_as_the_matrix_of_its_filters():
    gradient = torch.randn(6, 4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    convolution, matrix = torch.nn.Parameter(torch.zeros(6, 4, 3, 3, 3)), torch.nn.Parameter(torch.zeros(6, 108))
    convolution.grad, matrix.grad = gradient.contiguous(memory_format=torch.channels_last_3d), gradient.flatten(1)
    Muon([convolution, matrix], lr=0.01).step()
    assert matrix.abs().mean() > 0.001
    assert torch.equal(convolution.flatten(1), matrix)


def test_with_a_root_of_some_steps_ago_it_walks_as_far_and_about_there():
    """In noise, which is when the momentum changes fastest."""
    for shape in ((20, 60), (60, 20)):
        generator = torch.Generator().manual_seed(0)
        matrices = [torch.nn.Parameter(torch.zeros(shape)) for _ in range(2)]
        optimizers = [Muon([matrix], lr=0.01, every=every) for matrix, every in zip(matrices, (1, 4), strict=True)]
        signal = torch.randn(shape, generator=generator)
        for _ in range(40):
            gradient = signal + torch.randn(shape, generator=generator)
            for matrix, optimizer in zip(matrices, optimizers, strict=True):
                matrix.grad = gradient.clone()
                optimizer.step()
        exact, stale = (matrix.detach() for matrix in matrices)
        assert (stale - exact).norm() < 0.2 * exact.norm()
        assert abs(stale.norm() / exact.norm() - 1) < 0.1


def test_the_roots_of_all_matrices_are_not_worked_out_in_one_step() -> None:
    matrices = [torch.nn.Parameter(torch.ones(3, 4)) for _ in range(8)]
    optimizer = Muon(matrices, every=4)
    roots: list[torch.Tensor | None] = [None] * len(matrices)
    counts = []
    for _ in range(6):
        for matrix in matrices:
            matrix.grad = torch.ones(3, 4)
        optimizer.step()
        now = [optimizer.state[matrix]["root"] for matrix in matrices]
        counts.append(sum(new is not old for new, old in zip(now, roots, strict=True)))
        roots = now
    assert counts == [8, 2, 2, 2, 2, 2]


def test_stacked_matrices_walk_as_each_by_itself() -> None:
    """Tall, wide and square ones, a convolution, and one without a gradient; with roots of some steps ago."""
    shapes = [(4, 6), (6, 4), (4, 6), (5, 5), (4, 2, 3, 1), (4, 6), (6, 4)]
    generator = torch.Generator().manual_seed(0)
    starts = [torch.randn(shape, generator=generator) for shape in shapes]
    walkers = []
    for stacks in (False, True):
        matrices = [torch.nn.Parameter(start.clone()) for start in starts]
        walkers.append((matrices, Muon(matrices, lr=0.01, every=3, stacks=stacks)))
    for _ in range(7):
        gradients = [torch.randn(shape, generator=generator) for shape in shapes]
        for matrices, optimizer in walkers:
            for matrix, gradient in zip(matrices[:-1], gradients, strict=False):
                matrix.grad = gradient.clone()
            optimizer.step()
    (apart, _), (together, _) = walkers
    for one, other, start in zip(apart[:-1], together, starts, strict=False):
        assert (one - start).norm() > 0.01
        assert torch.allclose(one, other, atol=1e-6)
    assert torch.equal(together[-1], starts[-1])


def test_what_one_device_saved_another_goes_on_with() -> None:
    """A GPU stacks its matrices, a CPU does not; what they remember of each matrix is the same."""
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(4, 6, generator=generator) for _ in range(3)]
    first = [torch.nn.Parameter(torch.zeros(4, 6)) for _ in gradients]
    stacked = Muon(first, lr=0.01, every=2, stacks=True)
    for matrix, gradient in zip(first, gradients, strict=True):
        matrix.grad = gradient
    stacked.step()
    second = [torch.nn.Parameter(matrix.detach().clone()) for matrix in first]
    alone = Muon(second, lr=0.01, every=2, stacks=False)
    alone.load_state_dict(deepcopy(stacked.state_dict()))
    for matrix, gradient in zip(second, gradients, strict=True):
        matrix.grad = gradient
    for optimizer in (stacked, alone):
        optimizer.step()
    for one, other in zip(first, second, strict=True):
        assert torch.allclose(one, other, atol=1e-7)
