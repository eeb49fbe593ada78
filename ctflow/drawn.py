"""How often a model draws a finding that it read, as `evaluate obedience` measured it."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_strict = ConfigDict(extra="forbid", allow_inf_nan=False)
_Fraction = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, config=_strict)
class Seen:
    """In which share of `n` volumes detectors see a finding; `low` and `high` are the ends of its 95 % interval."""

    share: _Fraction
    low: _Fraction
    high: _Fraction
    n: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=_strict)
class Drawn:
    """How often detectors see one finding in three kinds of volumes; None where there were no such volumes.

    `asserted`, `denied`: the model's volumes of reports that assert or deny it. `phantoms`: phantoms that have it, on
    which the detectors were not fitted, as the model's A-VAE shows them: no model could be seen to draw it more often.
    """

    asserted: Seen | None
    denied: Seen | None
    phantoms: Seen | None

    @property
    def is_seldom(self) -> bool:
        """Whether the model draws it, with 95 % confidence, less than half as often as detectors could see it.

        Nothing is said of a finding that was never measured in both.
        """
        return self.asserted is not None and self.phantoms is not None and self.asserted.high < self.phantoms.share / 2
