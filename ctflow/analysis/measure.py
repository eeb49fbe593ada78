"""Figures of a volume: what its body is made of, how dense its lungs are, and how it changes from slice to slice.

All of them come from HU and the affine alone. No organ is looked for: the body is what has tissue around it in its
slice (`places.body_of`), and in it a tissue is a range of HU. So gas in the airways and in the bowel counts as lung,
and calcium or contrast in vessels as bone.
"""

from dataclasses import dataclass

import numpy as np

from ctflow.analysis.places import LUNG_HU, body_of
from ctflow.volume import Volume

HEAD_FIRST = ("I", "P", "L")
LOWEST_HU, LEVELS = -32768, 65536  # of int16
# The share of the lungs below it is the usual measure of emphysema (Gevenois et al., AJRCCM 152, 1995).
EMPHYSEMA_HU = -950
# The HU that this share of the lungs stays below, another measure of it (Dirksen et al., AJRCCM 160, 1999).
DENSITY_PERCENTILE = 15


@dataclass(frozen=True)
class Tissue:
    """A tissue as the range of HU that voxels of it have, both ends included."""

    name: str
    low_hu: int
    high_hu: int


# Fat and soft tissue: the ranges of adipose tissue and of muscle in Mitsiopoulos et al., J Appl Physiol 85, 1998.
# Lung: thinner than half-way between air and soft tissue. Bone: denser than muscle.
TISSUES = (
    Tissue("lung", LOWEST_HU, LUNG_HU - 1),
    Tissue("fat", -190, -30),
    Tissue("soft tissue", -29, 150),
    Tissue("bone", 151, 32767),
)
LUNG = TISSUES[0]


@dataclass(frozen=True, eq=False)
class Measures:
    """What was measured of a volume, its slices counted from the head down.

    `voxel_ml`: of one voxel; `body_counts`: int64 (65536,), how many voxels of the body have HU -32768, -32767, …;
    `depth_mm`: (slices,), how far each slice lies below the first; `mean_hu`: (slices,), over all voxels of a slice,
    air around the body included; `change_hu`: (slices - 1,), the mean |difference| of a slice to the next, likewise.
    """

    voxel_ml: float
    body_counts: np.ndarray
    depth_mm: np.ndarray
    mean_hu: np.ndarray
    change_hu: np.ndarray

    def ml_between(self, low_hu: int, high_hu: int) -> float:
        """The volume of the body's voxels from `low_hu` to `high_hu`, both included, in ml."""
        return float(self._counts_between(low_hu, high_hu).sum()) * self.voxel_ml

    def tissue_ml(self) -> dict[str, float]:
        """The volume in ml of each of TISSUES, by its name. What lies between two ranges is in none of them."""
        return {tissue.name: self.ml_between(tissue.low_hu, tissue.high_hu) for tissue in TISSUES}

    def lung_density_hu(self) -> float | None:
        """The HU that 15 % of the lungs' voxels stay below (their 15th percentile); None without lung."""
        below = np.cumsum(self._counts_between(LUNG.low_hu, LUNG.high_hu))
        if not below[-1]:
            return None
        return float(LUNG.low_hu + np.searchsorted(below, below[-1] * DENSITY_PERCENTILE / 100))

    def emphysema_share(self) -> float | None:
        """The share of the lungs' volume, 0 to 1, that is below -950 HU; None without lung."""
        lung_ml = self.ml_between(LUNG.low_hu, LUNG.high_hu)
        return self.ml_between(LUNG.low_hu, EMPHYSEMA_HU - 1) / lung_ml if lung_ml else None

    def histogram_ml(self, step_hu: int) -> tuple[np.ndarray, np.ndarray]:
        """The middles of bins of `step_hu`, in HU, and the body's volume in each, in ml, from low HU to high.

        A bin begins at a multiple of `step_hu`. Both are empty where there is no body.
        """
        found = np.flatnonzero(self.body_counts) + LOWEST_HU
        if not found.size:
            return np.zeros(0), np.zeros(0)
        first, last = found[0] // step_hu, found[-1] // step_hu
        edges = np.arange(first, last + 2) * step_hu
        counts, _ = np.histogram(found, edges, weights=self.body_counts[found - LOWEST_HU])
        return edges[:-1] + (step_hu - 1) / 2, counts * self.voxel_ml

    def _counts_between(self, low_hu: int, high_hu: int) -> np.ndarray:
        return self.body_counts[low_hu - LOWEST_HU : high_hu - LOWEST_HU + 1]


def measure(volume: Volume) -> Measures:
    """Measures a volume, one slice at a time, so that a large one takes little memory beside itself.

    Raises VolumeError for one so oblique that its axes have no order.
    """
    upright = volume.turned(HEAD_FIRST)
    slices_mm = upright.spacing_mm[0]
    counts = np.zeros(LEVELS, np.int64)
    means, changes = [], []
    for index, hu in enumerate(upright.hu):
        inside = hu[body_of(Volume(hu[None], upright.affine))[0]]
        counts += np.bincount(inside.astype(np.int32) - LOWEST_HU, minlength=LEVELS)
        means.append(hu.mean(dtype=np.float64))
        if index:
            changes.append(np.abs(hu.astype(np.int32) - upright.hu[index - 1]).mean())
    return Measures(
        voxel_ml=float(np.prod(upright.spacing_mm)) / 1000,
        body_counts=counts,
        depth_mm=np.arange(len(upright.hu)) * slices_mm,
        mean_hu=np.array(means),
        change_hu=np.array(changes),
    )
