"""Where a sentence says that something is, as masks of a volume: coarse ones, from HU and the affine alone.

Left and right are the halves of the body. Upper, middle and lower are thirds of the lungs' height, on both sides:
fissures are not looked for, so that a lobe's mask holds part of its neighbour. A lobe reaches through the chest wall,
because what fills it takes the lung's place.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ctflow.reading import Mention
from ctflow.volume import Volume

TISSUE_HU = -300  # the skin and all that is denser
LUNG_HU = -500  # and what is inside the body and thinner
THIRDS = ("lower", "middle", "upper")  # in the order in which z grows


@dataclass(frozen=True)
class Place:
    """`side`: right or left; `lobe`: upper, middle or lower. One of them may be None, which is any."""

    side: str | None
    lobe: str | None

    def __str__(self) -> str:
        return " ".join(filter(None, (self.side, self.lobe)))


def places_of(mentions: Iterable[Mention]) -> tuple[Place, ...]:
    """The places that a sentence names, each once; none if it names none, or both sides."""
    named = (Place(None if one.side == "both" else one.side, one.lobe) for one in mentions)
    return tuple(dict.fromkeys(place for place in named if place.side or place.lobe))


def body_of(volume: Volume) -> np.ndarray:
    """bool (slices, rows, columns): what in its slice has tissue before, behind, and on both sides of it."""
    tissue = volume.hu > TISSUE_HU
    enclosed = np.ones_like(tissue)
    for axis in (1, 2):
        for way in (slice(None), slice(None, None, -1)):
            turned = tissue.swapaxes(0, axis)[way]
            enclosed.swapaxes(0, axis)[way] &= np.logical_or.accumulate(turned, axis=0)
    return enclosed


def mask_of(places: Iterable[Place], volume: Volume, body: np.ndarray) -> np.ndarray:
    """bool (slices, rows, columns): the parts of the body that the places name, together."""
    mask = np.zeros_like(body)
    for place in places:
        there = body.copy()
        if place.side:
            there &= _of_side(place.side, volume, body)
        if place.lobe:
            there &= _of_lobe(place.lobe, volume, body)
        mask |= there
    return mask


def _of_side(side: str, volume: Volume, body: np.ndarray) -> np.ndarray:
    x = _coordinate(volume, 0)
    inside = np.broadcast_to(x, body.shape)[body]
    middle = (inside.min() + inside.max()) / 2 if inside.size else 0.0
    return x > middle if side == "left" else x < middle  # x grows to the patient's left


def _of_lobe(lobe: str, volume: Volume, body: np.ndarray) -> np.ndarray:
    z = _coordinate(volume, 2)
    lungs = np.broadcast_to(z, body.shape)[body & (volume.hu < LUNG_HU)]
    if not lungs.size:
        return np.zeros_like(body)
    low, high = np.percentile(lungs, (1, 99))  # a bubble of air in the belly is no lung
    third = THIRDS.index(lobe)
    edges = np.linspace(low, high, 4)
    edges[0], edges[3] = -np.inf, np.inf
    return (z >= edges[third]) & (z < edges[third + 1])


def _coordinate(volume: Volume, which: int) -> np.ndarray:
    """An LPS coordinate of every voxel in mm, in a shape that broadcasts to the volume's."""
    axes = np.ogrid[tuple(slice(0, size) for size in volume.hu.shape)]
    steps = volume.affine[which, :3]
    return sum((index * step for index, step in zip(axes, steps, strict=True) if step), volume.affine[which, 3])
