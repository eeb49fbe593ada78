"""LPIPS: the distance of two pictures by the features of a network, with published weights only."""

from pathlib import Path

import pytest
import torch
from torch import nn

from ctflow.errors import CheckpointError
from ctflow.models.squeezenet import SqueezeNet
from ctflow.models.vgg16 import VGG16
from ctflow.training.avae.perceptual import MEAN, SPREAD, TAPS, Perceptual, load_perceptual


def lpips_file(path: Path, name: str) -> Path:
    """The weights of LPIPS as they are published, but all 1."""
    channels = TAPS[name].channels
    torch.save({f"lin{i}.model.1.weight": torch.ones(1, count, 1, 1) for i, count in enumerate(channels)}, path)
    return path


def squeezenet_file(path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(SqueezeNet().state_dict(), path)
    return path


def test_it_is_the_squared_distance_of_features_of_unit_length() -> None:
    """With a stage that passes the three channels on, the answer can be written down."""
    perceptual = Perceptual([nn.Identity()], [torch.tensor([1.0, 2.0, 3.0])])
    one, other = torch.full((1, 4, 4), 0.25), torch.full((1, 4, 4), 0.75)
    prepared = [(torch.tensor([value] * 3) - torch.tensor(MEAN)) / torch.tensor(SPREAD) for value in (-0.5, 0.5)]
    x, y = (features / features.norm() for features in prepared)
    expected = ((x - y).square() * torch.tensor([1.0, 2.0, 3.0])).sum()
    assert perceptual(one, other).item() == pytest.approx(expected.item(), rel=1e-5)
    assert perceptual(one, one).item() == 0


def test_squeezenet_with_published_layouts_tells_pictures_apart_and_keeps_its_weights(tmp_path: Path) -> None:
    weights = squeezenet_file(tmp_path / "net.pth"), lpips_file(tmp_path / "lpips.pth", "squeezenet1_1")
    perceptual = load_perceptual("squeezenet1_1", *weights)
    pictures = torch.rand(2, 32, 32, requires_grad=True)
    found = perceptual(pictures, torch.rand(2, 32, 32))
    assert found.shape == (2,) and (found > 0).all()
    assert perceptual(pictures, pictures).abs().max() == 0
    found.sum().backward()
    assert pictures.grad is not None and pictures.grad.abs().max() > 0
    assert not any(parameter.requires_grad for parameter in perceptual.parameters())


def test_features_are_compared_after_the_layers_that_have_the_channels_of_lpips() -> None:
    pictures = torch.rand(1, 3, 32, 32)
    for name, network in {"vgg16": VGG16(), "squeezenet1_1": SqueezeNet()}.items():
        taps, x, channels = TAPS[name], pictures, []
        for number, layer in enumerate(network.features, start=1):
            x = layer(x)
            if number in taps.layers:
                channels.append(x.shape[1])
        assert tuple(channels) == taps.channels, name


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    network, of_vgg = squeezenet_file(tmp_path / "net.pth"), lpips_file(tmp_path / "lpips.pth", "vgg16")
    with pytest.raises(CheckpointError, match="missing lin5"):
        load_perceptual("squeezenet1_1", network, of_vgg)
    with pytest.raises(CheckpointError, match="missing"):
        load_perceptual("vgg16", network, of_vgg)
