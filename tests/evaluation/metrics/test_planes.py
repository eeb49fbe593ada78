"""The challenge's preparation, step by step, and networks with the tensor names of the published files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ctflow.errors import CheckpointError
from ctflow.evaluation.metrics.extractors.catalog import NAMES, Source, load_extractor
from ctflow.evaluation.metrics.extractors.frames import FEATURES, FRAMES, PROBABILITIES, FramesExtractor, grey_frames
from ctflow.evaluation.metrics.extractors.planes import (
    CHANNEL_MEANS,
    SIDE,
    SQUEEZENET,
    PlanesExtractor,
    at_one_mm,
    cropped,
    padded_slices,
)
from ctflow.evaluation.metrics.networks.inception import InceptionV3
from ctflow.evaluation.metrics.networks.resnet import RadImageNetResNet
from ctflow.models.squeezenet import SqueezeNet
from ctflow.volume import Volume, plane_affine


def ramp(size: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Volume:
    """HU grow by 10 for each mm to the patient's left."""
    left_mm = spacing_mm[2] * np.arange(size[2])
    hu = np.broadcast_to(np.round(10 * left_mm - 500), size).astype(np.int16)
    return Volume(hu, plane_affine(("S", "P", "L"), spacing_mm, size[1], size[2]))


def test_a_volume_is_brought_to_1_mm_along_right_front_and_head() -> None:
    """n voxels of s mm span (n - 1) s mm, which is that many samples and one more."""
    hu = at_one_mm(ramp((5, 7, 9), (2.0, 1.5, 3.0)))
    assert hu.shape == (25, 10, 9)
    expected = -500 + 10.0 * torch.arange(24, -1, -1)  # x grows to the right
    torch.testing.assert_close(hu, expected[:, None, None].expand(25, 10, 9))


def test_hu_are_cut_and_the_middle_is_kept() -> None:
    volume = ramp((2, 2, 601), (1.0, 1.0, 1.0))
    hu = at_one_mm(volume)
    assert (hu.min(), hu.max()) == (-500, 1000)
    middle = cropped(hu)
    assert middle.shape == (SIDE, 2, 2)
    torch.testing.assert_close(middle[:, 0, 0], hu[300 - 256 : 300 + 256, 0, 0])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_padded_with_air_as_a_padded_volume_would_be(axis: int) -> None:
    hu = torch.randn(7, 12, 5)
    before = [(SIDE - count) // 2 for count in hu.shape]
    slices = padded_slices(hu, axis, before[axis] - 2, before[axis] + hu.shape[axis] + 2)
    inside = slices[2:-2]
    assert (slices[:2] == -1000).all() and (slices[-2:] == -1000).all()
    others = [a for a in range(3) if a != axis]
    place = tuple(slice(before[a], before[a] + hu.shape[a]) for a in others)
    torch.testing.assert_close(inside[(slice(None), *place)], hu.movedim(axis, 0))
    assert (inside == -1000).sum() == inside.numel() - hu.numel()


def test_frames_are_grey_as_the_authors_write_them() -> None:
    """306 (HU + 1000) / 2400, rounded down, white from +1000 HU on; the last slice fills up."""
    hu = np.zeros((3, 256, 256), np.int16)
    hu[0], hu[1], hu[2] = -1200, 0, 1400
    frames = grey_frames(Volume(hu, plane_affine(("S", "P", "L"), (1.5, 1.5, 1.5), 256, 256)))
    assert frames.shape == (FRAMES, 256, 256) and frames.dtype == np.uint8
    assert [int(frame.max()) for frame in frames[:4]] == [0, 127, 255, 255]
    assert (frames[2:] == 255).all()


def test_squeezenet_has_the_published_tensors() -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in SqueezeNet().state_dict().items()}
    assert len(shapes) == 52
    assert sum(np.prod(shape) for shape in shapes.values()) == 1_235_496
    assert shapes["features.12.expand3x3.weight"] == (256, 64, 3, 3)
    assert shapes["classifier.1.weight"] == (1000, 512, 1, 1)


def test_radimagenets_resnet_has_the_published_tensors() -> None:
    network = RadImageNetResNet()
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["layer1.0.downsample.0.bias"] == (256,)
    assert shapes["layer4.2.conv3.weight"] == (2048, 512, 1, 1)
    assert sum(p.numel() for p in network.parameters()) == 23_534_592  # Keras's ResNet-50 without its top
    with torch.inference_mode():
        assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 2048, 2, 2)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "plain"])
def test_no_extractor_works_without_its_weights(name: str) -> None:
    with pytest.raises(CheckpointError, match=f"The extractor {name} needs its weights.*--weights {name}=PATH"):
        load_extractor(Source(name, None))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="missing"):
        load_extractor(Source(SQUEEZENET, tmp_path / "w.safetensors"))


def test_a_pickle_with_code_in_it_is_refused(tmp_path: Path) -> None:
    torch.save({"network": SqueezeNet()}, tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match="cannot be read as a file of tensors"):
        load_extractor(Source(SQUEEZENET, tmp_path / "w.pth"))


class Averages(torch.nn.Module):
    """Stands for a network: the mean of each channel as its feature map."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3), keepdim=True)


@pytest.mark.slow
def test_each_axis_gives_a_row_a_slice_and_padding_is_black() -> None:
    """All values of an axis lie in [0, 1] before the channels' means are taken off."""
    found = PlanesExtractor("averages", Averages(), "0" * 64).features(ramp((40, 50, 60), (1.0, 1.0, 1.0)))
    assert {plane: rows.shape for plane, rows in found.items()} == dict.fromkeys(("YZ", "ZX", "XY"), (SIDE, 3))
    for rows in found.values():
        assert rows[0] == pytest.approx([-mean for mean in CHANNEL_MEANS], abs=1e-6)
        assert (rows[SIDE // 2] > rows[0]).all() and (rows[SIDE // 2] < 1 - np.array(CHANNEL_MEANS)).all()


class GreyLevels(InceptionV3):
    """Stands for Inception-v3: the mean grey level in each of its features."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.float().mean((1, 2, 3))[:, None].expand(-1, 4)

    def probabilities(self, features: torch.Tensor) -> torch.Tensor:
        return features.softmax(1)


def test_each_frame_has_features_and_class_probabilities() -> None:
    volume = Volume(np.zeros((4, 256, 256), np.int16), plane_affine(("S", "P", "L"), (1.5, 1.5, 1.5), 256, 256))
    found = FramesExtractor(GreyLevels(), "0" * 64).features(volume)
    assert found[FEATURES].shape == (FRAMES, 4) and (found[FEATURES] == 127).all()
    assert (found[PROBABILITIES] == 0.25).all()
