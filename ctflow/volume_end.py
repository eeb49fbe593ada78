"""What ends a volume before it has all the chunks that were asked for: the model turns white. And what it begins after.

Released models were published with one rule; models of our own learn where to turn white. The card says which rule
holds, and with which numbers.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ctflow.card import EndRule, LearntEndRule, ModelCard
from ctflow.models.avae import AVAE


class VolumeEnd(ABC):
    """Where a volume ends."""

    @abstractmethod
    def is_end(self, latents: Tensor) -> list[bool]:
        """Latents (C, slices, H, W) -> one answer per slice: whether it belongs to the end, or still to the volume."""

    def ends_volume(self, latents: Tensor) -> bool:
        """Whether this chunk is the last: its first slice belongs to the end."""
        return self.is_end(latents[:, :1])[0]

    def kept(self, latents: Tensor) -> int:
        """The number of slices left when the last ones, as far as they belong to the end, are cut off."""
        ends = self.is_end(latents)
        while ends and ends[-1]:
            ends.pop()
        return len(ends)


@dataclass(frozen=True, eq=False)
class PublishedEnd(VolumeEnd):
    """Where a volume ends, as published: at white slices. `white`: the latent of a white slice (C, H, W)."""

    white: Tensor
    rule: EndRule

    def is_end(self, latents: Tensor) -> list[bool]:
        close = (latents - self.white[:, None]).abs() < self.rule.tolerance
        return (close.float().mean(dim=(0, 2, 3)) > self.rule.share).tolist()


@dataclass(frozen=True, eq=False)
class LearntEnd(VolumeEnd):
    """Where a volume of a model that learnt its white end ends: at slices that turn white, before they are white.

    `black` and `white`: the latents of such slices (C, H, W).
    """

    black: Tensor
    white: Tensor
    rule: LearntEndRule

    def is_end(self, latents: Tensor) -> list[bool]:
        return (self.border_whiteness(latents) > self.rule.border_whiteness).tolist()

    def border_whiteness(self, latents: Tensor) -> Tensor:
        """Latents (C, slices, H, W) -> how far the border of each slice has gone from black, 0, to white, 1.

        The border is the outermost row or column on each side, where nothing of a chest is.
        """
        way = _border(self.white - self.black)
        gone = _border(latents - self.black[:, None])
        return (gone * way[:, None]).sum(dim=(0, 2)) / way.square().sum()


def first_previous(card: ModelCard, avae: AVAE) -> Tensor:
    """The latents that stand before the first chunk (C, slices, H, W), on the A-VAE's device."""
    black = avae.code_of(card.intensity.black, card.geometry.rows, card.geometry.columns)
    if card.first_previous == "zeros":
        black = torch.zeros_like(black)
    return black[:, None].expand(-1, card.geometry.slices_per_chunk, -1, -1)


def volume_end(card: ModelCard, avae: AVAE) -> VolumeEnd:
    """Where this model's volumes end, by the rule of its card."""
    rows, columns = card.geometry.rows, card.geometry.columns
    white = avae.code_of(card.intensity.white, rows, columns)
    if isinstance(card.end, LearntEndRule):
        return LearntEnd(avae.code_of(card.intensity.black, rows, columns), white, card.end)
    return PublishedEnd(white, card.end)


def _border(planes: Tensor) -> Tensor:
    """(..., H, W) -> (..., elements): the outermost rows and columns, the corners once."""
    sides = planes[..., 1:-1, :1], planes[..., 1:-1, -1:]
    return torch.cat([part.flatten(-2) for part in (planes[..., :1, :], planes[..., -1:, :], *sides)], dim=-1)
