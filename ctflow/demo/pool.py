"""The latents that the transformer learns from, whose number grows while worker processes make phantoms."""

import numpy as np
import torch

from ctflow.data.phantoms import STUDIES, GrowingPhantomSet, PhantomSet
from ctflow.demo.latents import REPORTS_PER_PHANTOM, LatentSet, empty_rows, encode_volume, reports
from ctflow.hu import IntensityMap
from ctflow.models.avae import AVAE
from ctflow.models.text import ReportEncoder

GROWTH = 1 / 8  # phantoms join the set when they make it larger by this share: each time, its statistics are new


class LatentPool:
    """A latent set, and the means to make it larger.

    `first`: of the first phantoms. `batch`: slices that are encoded at once. Networks must be on the device of `first`,
    and stay as they are.
    """

    def __init__(
        self,
        first: LatentSet,
        phantoms: GrowingPhantomSet,
        avae: AVAE,
        encoder: ReportEncoder,
        *,
        intensity: IntensityMap,
        parts: tuple[str, ...],
        seed: int,
        batch: int,
    ) -> None:
        self.latents = first
        self._phantoms, self._avae, self._encoder = phantoms, avae, encoder
        self._intensity, self._parts, self._seed, self._batch = intensity, parts, seed, batch
        self._prepared = there = len(first.slices)
        self._reports: list[str] = []  # of the phantoms that are prepared, and not in the set yet
        room = phantoms.count - there
        if room:
            self._padded = torch.cat([first.padded, empty_rows(room, first.black, first.white, first.chunk)])
            self._texts = torch.cat([first.texts, first.texts.new_zeros(room, *first.texts.shape[1:])])

    def grown(self) -> LatentSet | None:
        """A larger set, if there is one by now. To be called often: a call prepares one person at most.

        Nothing waits for a GPU but the calls that return a set.
        """
        phantoms = self._phantoms.so_far()
        there = len(self.latents.slices)
        for index in range(self._prepared, min(self._prepared + STUDIES, len(phantoms.slices))):
            self._prepare(index, phantoms)
        is_last = self._prepared == self._phantoms.count > there
        if not is_last and self._prepared < (1 + GROWTH) * there:
            return None
        self.latents = self._joined(phantoms)
        return self.latents

    def _prepare(self, index: int, phantoms: PhantomSet) -> None:
        count, before = phantoms.slices[index], self.latents.chunk
        volume = encode_volume(self._avae.network, self._intensity, phantoms.hu[index, :count], self._batch)
        scaled = (volume.float() - self._avae.shift) * self._avae.scale
        self._padded[index, before : before + count] = scaled.half().transpose(0, 1)
        self._reports += reports(phantoms.truths[index], index, self._parts, self._seed)
        self._prepared += 1

    def _joined(self, phantoms: PhantomSet) -> LatentSet:
        there, count = len(self.latents.slices), self._prepared
        with torch.inference_mode():
            texts = self._encoder.embed(self._reports)
        self._texts[there:count] = texts.unflatten(0, (-1, REPORTS_PER_PHANTOM))
        self._reports = []
        slices = np.array(phantoms.slices[:count])
        return self.latents.of(self._padded[:count], slices, self._texts[:count], phantoms.truths[:count])
