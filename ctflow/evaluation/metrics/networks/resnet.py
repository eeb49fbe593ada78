"""ResNet-50 of RadImageNet (Mei et al., Radiology: AI 2022), with the tensor names of Warvito/radimagenet-models.

It came from Keras: convolutions have a bias, and a stage halves the plane in the first 1 x 1 convolution.
"""

from __future__ import annotations

from torch import Tensor, nn

EPSILON = 1.001e-5  # Keras's
EXPANSION = 4
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # width, blocks, stride of the first


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions, added to x, or to its projection where the shape changes."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = EXPANSION * width
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, stride), nn.BatchNorm2d(width, EPSILON)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width, EPSILON)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1), nn.BatchNorm2d(out, EPSILON)
        self.downsample: nn.Sequential | None = None
        if channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride), nn.BatchNorm2d(out, EPSILON))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        y = self.bn3(self.conv3(y))
        return (y + (self.downsample(x) if self.downsample else x)).relu()


class RadImageNetResNet(nn.Module):
    """Pictures (B, 3, rows, columns) -> feature maps (B, 2048, rows / 32, columns / 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, stride=2, padding=3), nn.BatchNorm2d(64, EPSILON)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        stages, channels = [], 64
        for width, blocks, stride in STAGES:
            strides = [stride, *[1] * (blocks - 1)]
            inputs = [channels, *[EXPANSION * width] * (blocks - 1)]
            stages.append(nn.Sequential(*(Bottleneck(i, width, s) for i, s in zip(inputs, strides, strict=True))))
            channels = EXPANSION * width
        self.layer1, self.layer2, self.layer3, self.layer4 = stages

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.maxpool(self.bn1(self.conv1(pictures)).relu())
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))
