"""Sets that are worse in a known way than what they are made from: metrics must tell them apart."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ctflow.io.files import make_folder
from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.io.scan import read_volume
from ctflow.volume import Volume

HU_RANGE = (-1024, 3071)  # what a CT scanner stores
SHUFFLED, REPEATED, NOISY = "under other reports", "one repeated", "with noise"
NOISE_HU = 60.0  # standard deviation: six to eight grey levels of 8 bits, by the range of HU
_ENDING = ".nii.gz"


def control_folder(out: Path, name: str) -> Path:
    """Where a set lies."""
    return out / name.replace(" ", "-")


def write_controls(volumes: Path, out: Path, seed: int) -> None:
    """Three sets beside each other in `out`, from the volumes in a folder.

    Each volume under the name of the next one, so that it is judged by another report; one volume under all names; and
    all of them with noise. Raises CTFlowError where a volume cannot be read or written.
    """
    paths = sorted(volumes.rglob(f"*{_ENDING}"))
    names = [path.name for path in paths]
    _write_same(paths[1:] + paths[:1], names, control_folder(out, SHUFFLED))
    _write_same(paths[:1] * len(paths), names, control_folder(out, REPEATED))
    _write_noisy(paths, control_folder(out, NOISY), seed)


def _write_same(paths: Sequence[Path], names: Sequence[str], folder: Path) -> None:
    """Links, which take no place on the disk."""
    make_folder(folder)
    for path, name in zip(paths, names, strict=True):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(path.resolve())


def _write_noisy(paths: Sequence[Path], folder: Path, seed: int) -> None:
    make_folder(folder)
    rng = np.random.default_rng(seed)
    for path in paths:
        volume = read_volume(path)
        noisy = volume.hu + rng.normal(0, NOISE_HU, volume.hu.shape)
        hu = np.clip(np.rint(noisy), *HU_RANGE).astype(np.int16)
        write_nifti(
            Volume(hu, volume.affine),
            folder / path.name,
            synthetic_label("procedural phantom", kind="with noise added"),
        )
