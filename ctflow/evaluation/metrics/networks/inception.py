"""Inception-v3 of 2015-12-05, by which FID and IS are counted, with the tensor names of torch-fidelity's file.

Szegedy et al., arXiv 1512.00567, in the form of TensorFlow's frozen graph: 1,008 classes; average pooling does not
count padding; the last block pools by the maximum.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 1008
FEATURES = 2048
SIDE = 299
EPSILON = 1e-3
Pair = tuple[int, int]


class Conv(nn.Module):
    """A convolution without a bias, a batch norm and a ReLU."""

    def __init__(self, channels: int, out: int, size: int | Pair, stride: int = 1, padding: int | Pair = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu()


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _maximum(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 1, 1)


class Block35(nn.Module):
    """Of the stage with 35 x 35 places."""

    def __init__(self, channels: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(channels, 64, 1)
        self.branch5x5_1 = Conv(channels, 48, 1)
        self.branch5x5_2 = Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Conv(channels, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, padding=1)
        self.branch_pool = Conv(channels, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(_average(x))], dim=1)


class To17(nn.Module):
    """From 35 x 35 places to 17 x 17."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3 = Conv(channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = Conv(channels, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), three, F.max_pool2d(x, 3, 2)], dim=1)


class Block17(nn.Module):
    """Of the stage with 17 x 17 places: 7 x 7 convolutions as rows and columns."""

    def __init__(self, width: int) -> None:
        super().__init__()
        row, column = ((1, 7), (0, 3)), ((7, 1), (3, 0))
        self.branch1x1 = Conv(768, 192, 1)
        self.branch7x7_1 = Conv(768, width, 1)
        self.branch7x7_2 = Conv(width, width, row[0], padding=row[1])
        self.branch7x7_3 = Conv(width, 192, column[0], padding=column[1])
        self.branch7x7dbl_1 = Conv(768, width, 1)
        self.branch7x7dbl_2 = Conv(width, width, column[0], padding=column[1])
        self.branch7x7dbl_3 = Conv(width, width, row[0], padding=row[1])
        self.branch7x7dbl_4 = Conv(width, width, column[0], padding=column[1])
        self.branch7x7dbl_5 = Conv(width, 192, row[0], padding=row[1])
        self.branch_pool = Conv(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), once, twice, self.branch_pool(_average(x))], dim=1)


class To8(nn.Module):
    """From 17 x 17 places to 8 x 8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = Conv(768, 192, 1)
        self.branch3x3_2 = Conv(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Conv(768, 192, 1)
        self.branch7x7x3_2 = Conv(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Conv(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Conv(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([three, seven, F.max_pool2d(x, 3, 2)], dim=1)


class Block8(nn.Module):
    """Of the stage with 8 x 8 places: rows and columns of 3 side by side."""

    def __init__(self, channels: int, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._pool = pool
        row, column = ((1, 3), (0, 1)), ((3, 1), (1, 0))
        self.branch1x1 = Conv(channels, 320, 1)
        self.branch3x3_1 = Conv(channels, 384, 1)
        self.branch3x3_2a = Conv(384, 384, row[0], padding=row[1])
        self.branch3x3_2b = Conv(384, 384, column[0], padding=column[1])
        self.branch3x3dbl_1 = Conv(channels, 448, 1)
        self.branch3x3dbl_2 = Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Conv(384, 384, row[0], padding=row[1])
        self.branch3x3dbl_3b = Conv(384, 384, column[0], padding=column[1])
        self.branch_pool = Conv(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        once, twice = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        crossed = [self.branch3x3_2a(once), self.branch3x3_2b(once)]
        crossed += [self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice)]
        return torch.cat([self.branch1x1(x), *crossed, self.branch_pool(self._pool(x))], dim=1)


class InceptionV3(nn.Module):
    """Pictures -> features, and class probabilities of features."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = Block35(192, 32), Block35(256, 64), Block35(288, 64)
        self.Mixed_6a = To17(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = map(Block17, (128, 160, 160, 192))
        self.Mixed_7a = To8()
        self.Mixed_7b, self.Mixed_7c = Block8(1280, _average), Block8(2048, _maximum)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, rows, columns), 8-bit values of any type -> (B, FEATURES)."""
        x = (resized(pictures.float(), SIDE) - 128) / 128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))

    def probabilities(self, features: Tensor) -> Tensor:
        """(B, FEATURES) -> (B, CLASSES), without the bias."""
        return (features @ self.fc.weight.T).softmax(1)


def resized(pictures: Tensor, side: int) -> Tensor:
    """Bilinear as TensorFlow 1 does it: place i is read at i times the ratio of sizes, with no half pixel added."""
    for axis in (2, 3):
        count = pictures.shape[axis]
        places = torch.arange(side, dtype=torch.float32) * (count / side)
        before = places.floor().long()
        after = (before + 1).clamp_max(count - 1)
        share = (places - before)[:, None] if axis == 2 else places - before
        pictures = torch.lerp(pictures.index_select(axis, before), pictures.index_select(axis, after), share)
    return pictures
