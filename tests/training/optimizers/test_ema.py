"""The average of a network's weights."""

import torch
from torch import nn

from ctflow.training.optimizers.ema import Average


def test_it_is_what_the_plain_formula_gives_and_buffers_are_taken_as_they_are() -> None:
    network = nn.BatchNorm1d(3)  # with buffers, one of them of whole numbers
    average = Average(network, decay=0.5)
    expected = {name: weight.clone() for name, weight in network.named_parameters()}
    generator = torch.Generator().manual_seed(0)
    for step in range(20):
        with torch.no_grad():
            for weight in network.parameters():
                weight.copy_(torch.randn(weight.shape, generator=generator))
        network.running_mean += 1
        network.num_batches_tracked += 1
        average.update(step)
        kept = min(0.5, (1 + step) / (10 + step)) if step else 0.0
        for name, weight in network.named_parameters():
            expected[name] = kept * expected[name] + (1 - kept) * weight.detach()
    found = dict(average.network.named_parameters())
    for name, weight in expected.items():
        assert torch.allclose(found[name], weight, atol=1e-6), name
        assert not torch.allclose(found[name], network.get_parameter(name))
    assert average.network.num_batches_tracked == 20 and average.network.running_mean.tolist() == [20.0] * 3


def test_a_network_without_buffers_has_an_average() -> None:
    network = nn.Linear(1, 1)
    average = Average(network, decay=0.9)
    average.update(0)
    assert torch.equal(average.network.weight, network.weight)
