"""All measures of a chest CT: some 300 numbers by name, mostly millilitres, from HU and places alone.

They know the volume, neither its report nor the output of any network. The detectors weigh them.
"""

from __future__ import annotations

from scipy import ndimage

from ctflow.errors import ShortVolumeError
from ctflow.evaluation.obedience.measures.airspace import airspace
from ctflow.evaluation.obedience.measures.anatomy import anatomy, depth_mm, dome_shift_mm, standard
from ctflow.evaluation.obedience.measures.heart import calcium, heart
from ctflow.evaluation.obedience.measures.lobes import lobes
from ctflow.evaluation.obedience.measures.mediastinum import mediastinum
from ctflow.evaluation.obedience.measures.nodules_bronchi import nodules_and_bronchi
from ctflow.evaluation.obedience.measures.pleura import pleura
from ctflow.evaluation.obedience.measures.texture import texture
from ctflow.volume import Volume

# Measured volumes are kept on disk for hours of work and taken up again, under this number. Raise it whenever a change
# in this folder or in ctflow/phantom changes a phantom's voxels or anything measured in a volume; what was kept under
# the old number is then measured anew. tests/evaluation/obedience/measures/test_version.py says when that is so.
MEASURES_VERSION = 1
LEAST_SLICES = 16
Measures = dict[str, float]


def measure(volume: Volume) -> Measures:
    """All measures of a volume; the same names in the same order for every volume.

    Raises ShortVolumeError for a volume of fewer than `LEAST_SLICES` slices, which shows no chest.
    """
    hu = standard(volume)
    if len(hu) < LEAST_SLICES:
        raise ShortVolumeError(
            f"A volume of {len(hu)} slices of 3 mm is too short to be measured: it takes {LEAST_SLICES} or more."
        )
    a = anatomy(len(hu))
    pairs = hu.reshape(len(hu), 128, 2, 128, 2)
    mean = ndimage.gaussian_filter(pairs.mean((2, 4)), (0.5, 0.6, 0.6))
    peak = pairs.max((2, 4))
    depth = depth_mm(mean, a)
    pleural = (depth > 2.5) & (a.above + dome_shift_mm(mean, a) > 6.0) & (a.space > 4.0)
    parts = (
        lobes(mean, pleural, a),
        pleura(mean, depth, pleural, a),
        heart(mean, depth, a),
        calcium(mean, peak, depth, a),
        mediastinum(mean, depth, a),
        texture(mean, pleural, depth, a),
        nodules_and_bronchi(hu, mean, pleural, a),
        airspace(mean, pleural, a),
    )
    return {name: float(value) for part in parts for name, value in part}
