"""A discriminator of patches, as of pix2pix and of the autoencoders of latent diffusion, and its hinge loss.

Isola et al., arXiv 1611.07004; Esser et al., arXiv 2012.09841. Its norms are over groups of channels instead of the
batch, so that what a process computes depends on no other one, and nothing but weights is remembered.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call

GROUPS = 8
MOST_WIDER = 8  # times the first layer's channels
LEAST_PATCHES = 3  # along a side, after the layers that halve the plane: the last two take two away
SPREAD = 0.02  # of the first weights
SLOPE = 0.2
SMALLEST_LENGTH, MOST_BALANCE = 1e-4, 1e4  # as in VQGAN: a gradient that has all but gone would be made endless


class PatchDiscriminator(nn.Module):
    """Pictures (N, 1, rows, columns), from -1 to 1 -> one number for each patch: above 0 for a real one."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        widths = [width * min(2**layer, MOST_WIDER) for layer in range(layers + 1)]
        modules: list[nn.Module] = [nn.Conv2d(1, width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        for layer, (before, after) in enumerate(pairwise(widths), start=1):
            halving = nn.Conv2d(before, after, 4, stride=2 if layer < layers else 1, padding=1, bias=False)
            modules += [halving, nn.GroupNorm(GROUPS, after), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*modules, nn.Conv2d(widths[-1], 1, 4, padding=1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=SPREAD)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.layers(pictures)


def discriminator_loss(discriminator: PatchDiscriminator, real: Tensor, decoded: Tensor) -> Tensor:
    """The hinge loss, by which the discriminator learns; what was decoded gets no gradient of it."""
    to_real, to_decoded = discriminator(real), discriminator(decoded.detach())
    return ((1 - to_real).relu().mean() + (1 + to_decoded).relu().mean()) / 2


def deception_loss(discriminator: PatchDiscriminator, decoded: Tensor) -> Tensor:
    """What the decoder gains by deceiving; the discriminator gets no gradient of it."""
    fixed = {name: weight.detach() for name, weight in discriminator.named_parameters()}
    return -functional_call(discriminator, fixed, (decoded,)).mean()


def balance(held: Tensor, gained: Tensor, last_layer: Tensor) -> Tensor:
    """The factor that makes the gradient of `gained` at the last layer as long as that of `held` (arXiv 2012.09841)."""
    length_held, length_gained = (
        torch.autograd.grad(loss, last_layer, retain_graph=True)[0].norm() for loss in (held, gained)
    )
    return (length_held / (length_gained + SMALLEST_LENGTH)).clamp(max=MOST_BALANCE).detach()
