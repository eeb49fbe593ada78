"""The convolutions of VGG-16 (Simonyan and Zisserman, arXiv 1409.1556), with torchvision's tensor names."""

from torch import Tensor, nn

WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(nn.Module):
    """Pictures (B, 3, rows, columns) -> features, at a thirty-second of their size."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for widths in WIDTHS:
            for width in widths:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.features(pictures)
