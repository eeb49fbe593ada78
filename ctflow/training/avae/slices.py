"""Samples to tune an A-VAE on: pairs of neighbouring slices, drawn as a function of the seed and the step."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ctflow.card import Latent
from ctflow.data.slice_pairs import PairedVolume, SlicePairs
from ctflow.errors import RequestError
from ctflow.hu import IntensityMap
from ctflow.training.avae.config import AvaeConfig
from ctflow.training.avae.discriminator import LEAST_PATCHES
from ctflow.training.order import Place, volume_of
from ctflow.training.randomness import random_stream


class PairSample(NamedTuple):
    """`slices`: intensity (2, rows, columns). `noise`: for the draw from their posterior, (2, C, h, w). `step`: ().

    A batch of samples has a dimension more, in front.
    """

    slices: Tensor
    noise: Tensor
    step: Tensor


@dataclass(frozen=True, eq=False)
class PairSamples(Dataset[PairSample]):
    """The samples of a training, by their `Place`; each epoch sees one pair of every volume of `volumes`.

    `cell`: pixels along a side of what one latent stands for.
    """

    pairs: SlicePairs
    volumes: list[PairedVolume]
    config: AvaeConfig
    intensity: IntensityMap
    latent: Latent
    cell: int

    def __getitem__(self, place: Place) -> PairSample:
        batch = self.config.batch
        volume = self.volumes[volume_of(batch.seed, batch.size, place, len(self.volumes))]
        rng = random_stream(batch.seed, "pair of slices", place.step, place.number)
        of_volume = self.pairs.of(volume)
        slices = self._cropped(of_volume[rng.integers(len(of_volume))], rng)
        rows, columns = (side // self.cell for side in slices.shape[1:])
        noise = rng.standard_normal((2, self.latent.channels, rows, columns), np.float32)
        intensity = self.intensity.to_intensity(slices)
        return PairSample(torch.from_numpy(intensity), torch.from_numpy(noise), torch.tensor(place.step))

    def _cropped(self, slices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        side = self.config.slices.crop
        if not side:
            return slices
        row, column = rng.integers([whole - side + 1 for whole in slices.shape[1:]])
        return slices[:, row : row + side, column : column + side]


def check_sizes(config: AvaeConfig, latent: Latent, cell: int) -> None:
    """Raises RequestError for squares that no latents stand for, or that the discriminator makes nothing of."""
    crop, most = config.slices.crop, cell * min(latent.rows, latent.columns)
    if crop % cell or crop > most:
        raise RequestError(f"slices.crop is 0, or a multiple of {cell} up to {most} for this model; got {crop}.")
    side, layers = crop or most, config.adversarial.layers
    if config.adversarial.weight and side >> layers < LEAST_PATCHES:
        raise RequestError(
            f"adversarial.layers is {layers}, and {side} rows halved so often are {side >> layers}; at least "
            f"{LEAST_PATCHES} were expected. Give fewer layers or a larger slices.crop."
        )


def split_by_patient(
    volumes: list[PairedVolume], held_out: int, seed: int
) -> tuple[list[PairedVolume], list[PairedVolume]]:
    """-> those to train on, and at least `held_out` of other patients. Raises RequestError where none is left.

    A scan that is held out is not trained on as that of another patient either.
    """
    patients = list(dict.fromkeys(volume.patient for volume in volumes))
    chosen: list[PairedVolume] = []
    for place in random_stream(seed, "patients that are held out").permutation(len(patients)):
        if len(chosen) >= held_out:
            break
        chosen += [volume for volume in volumes if volume.patient == patients[place]]
    patients_out, scans_out = {volume.patient for volume in chosen}, {volume.source_sha256 for volume in chosen}
    trained = [one for one in volumes if one.patient not in patients_out and one.source_sha256 not in scans_out]
    if not trained:
        raise RequestError(
            f"slices.held_out_volumes is {held_out}, and there are {len(volumes)} volumes of {len(patients)} patients: "
            "none is left to train on. Hold out fewer."
        )
    return trained, chosen
