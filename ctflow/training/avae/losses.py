"""The losses that tune an A-VAE as v2's was: absolute error, LPIPS, a discriminator, the code's divergence, midpoints.

Pictures are (N, rows, columns), from 0 (black) to 1 (white).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctflow.hu import IntensityMap
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.training.avae.config import AvaeConfig
from ctflow.training.avae.discriminator import PatchDiscriminator, balance, deception_loss, discriminator_loss
from ctflow.training.avae.perceptual import Perceptual
from ctflow.training.avae.slices import PairSample

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
# (pictures, pictures, where they are compared: bool (N, rows, columns)) -> (N,)
Distance = Callable[[Tensor, Tensor, Tensor], Tensor]


class TunedAvae(nn.Module):
    """An A-VAE, and the discriminator that learns beside it, where there is one."""

    def __init__(self, avae: AutoencoderKL, discriminator: PatchDiscriminator | None) -> None:
        super().__init__()
        self.avae, self.discriminator = avae, discriminator


@dataclass(frozen=True, eq=False)
class AvaeLosses:
    """The losses of a batch of pairs, with their weights. `perceptual`: where the config names its network."""

    config: AvaeConfig
    intensity: IntensityMap
    perceptual: Perceptual | None

    def __call__(self, network: TunedAvae, device: torch.device, batch: PairSample) -> dict[str, Tensor]:
        avae, losses, step = network.avae, self.config.losses, int(batch.step[0])
        slices = batch.slices.flatten(0, 1).to(device, non_blocking=True)
        posterior = avae.encode(slices[:, None].expand(-1, avae.config.in_channels, -1, -1)).float()
        codes = posterior.mean + posterior.std * batch.noise.flatten(0, 1).to(device, non_blocking=True)
        channels = self._shares(avae.decode(codes).float())
        # All its channels are held to the slice, and the mean of them, which is what a volume shows, to look like it.
        real, decoded = self._shares(slices), channels.mean(1)
        nothing = decoded.new_zeros(())
        found = {"absolute": losses.absolute * (channels - real[:, None]).abs().mean(), "perceptual": nothing}
        if self.perceptual and losses.perceptual:
            found["perceptual"] = losses.perceptual * self.perceptual.to(device)(decoded, real).mean()
        held = found["absolute"] + found["perceptual"]
        found["kl"] = losses.kl_at(step) * posterior.kl().mean() / posterior.mean[0].numel()
        found["midpoint"] = self._midpoints(avae, codes, real, step) if losses.midpoint_at(step) else nothing
        return found | self._adversarial(network, held, real, decoded, step)

    def _shares(self, intensity: Tensor) -> Tensor:
        return (intensity - self.intensity.black) / (self.intensity.white - self.intensity.black)

    def _midpoints(self, avae: AutoencoderKL, codes: Tensor, real: Tensor, step: int) -> Tensor:
        losses = self.config.losses
        between = self._shares(avae.decode(codes.unflatten(0, (-1, 2)).mean(1)).float()).mean(1)
        distance: Distance = absolute_inside
        if self.perceptual and losses.midpoint_distance == "perceptual":
            distance = perceptual_inside(self.perceptual.to(codes.device))
        found = midpoint_distance(between, real.unflatten(0, (-1, 2)), distance, losses.edges_above)
        return losses.midpoint_at(step) * found.mean()

    def _adversarial(
        self, network: TunedAvae, held: Tensor, real: Tensor, decoded: Tensor, step: int
    ) -> dict[str, Tensor]:
        discriminator, config = network.discriminator, self.config.adversarial
        if discriminator is None or step < config.begins:
            return {"deception": held.new_zeros(()), "discriminator": held.new_zeros(())}
        real, decoded = 2 * real[:, None] - 1, 2 * decoded[:, None] - 1
        gained = deception_loss(discriminator, decoded)
        weight = config.weight * balance(held, gained, network.avae.decoder.conv_out.weight)
        return {"deception": weight * gained, "discriminator": discriminator_loss(discriminator, real, decoded)}


def midpoint_distance(between: Tensor, ends: Tensor, distance: Distance, edges_above: float) -> Tensor:
    """How far pictures decoded half-way are from the nearer of two slices, inside that slice's edges.

    `between` (N, rows, columns), `ends` (N, 2, rows, columns) -> (N,).
    """
    to_ends = [distance(between, end, edge_strength(end) > edges_above) for end in ends.unbind(1)]
    return torch.stack(to_ends).amin(0)


def edge_strength(pictures: Tensor) -> Tensor:
    """The length of the gradient by Sobel's kernels, as (N, rows, columns); beyond the border pictures go on."""
    kernel = torch.tensor(SOBEL, device=pictures.device, dtype=pictures.dtype)
    across = F.conv2d(
        F.pad(pictures[:, None], (1, 1, 1, 1), mode="replicate"), torch.stack([kernel, kernel.T])[:, None]
    )
    return across.square().sum(1).sqrt()


def absolute_inside(one: Tensor, other: Tensor, inside: Tensor) -> Tensor:
    """The mean absolute difference where `inside`, or 0 where that is nowhere."""
    return ((one - other).abs() * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)


def perceptual_inside(perceptual: Perceptual) -> Distance:
    """LPIPS of the pictures without what is outside."""
    return lambda one, other, inside: perceptual(one * inside, other * inside)
