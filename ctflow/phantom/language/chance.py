"""Random choices, each by one cheap uniform number: training draws millions of sentences."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Chance:
    """Draws from a generator; the same generator in the same state draws the same."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def one_of(self, options: Sequence[T]) -> T:
        """Each is as likely as the others. Raises IndexError if there is none."""
        return options[int(self._rng.random() * len(options))]

    def happens(self, odds: float) -> bool:
        return bool(self._rng.random() < odds)

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """So many of them, or all if there are fewer, in random order."""
        return [options[i] for i in self._rng.permutation(len(options))[:count]]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """One of the keys."""
        left = float(self._rng.random()) * sum(weights.values())
        for key, weight in weights.items():
            left -= weight
            if left < 0:
                return key
        return list(weights)[-1]

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self._rng.random() * (high + 1 - low))
