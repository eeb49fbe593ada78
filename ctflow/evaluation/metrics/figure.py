"""One number of a result, with all that says how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher", "as real", "—"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A row of the table.

    `low`, `high`: the 95 % interval. `reference`: the same of real volumes alone, which `reference_is` explains; NaN
    where there is none. `beside_reference`: the value of as many fake volumes as the reference has, since some metrics
    depend on their number. `samples`: how many real and fake ones. `warnings`: what else a reader must know.
    """

    name: str
    value: float
    low: float
    high: float
    better: Better
    reference: float
    reference_is: str
    beside_reference: float
    samples: tuple[int, int]
    warnings: tuple[str, ...] = ()
