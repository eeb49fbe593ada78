"""What the language yields: sentences and reports, each with what it says."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ctflow.phantom.language.facts import is_unplaced, slot_labels
from ctflow.phantom.truth import Truth
from ctflow.reading import ASSERTED, DENIED, Mention
from ctflow.report import Report


@dataclass(frozen=True, eq=False)
class Statement:
    """A sentence, and all that it says of the 19 findings, which may be nothing.

    `manner`: whose way of writing it is; `family`: the family of wordings that it is drawn from, as
    `manner/act/family`, or several, joined by `+`; `about`: the findings that it names, also where it only guesses.
    """

    text: str
    mentions: tuple[Mention, ...]
    manner: str
    family: str
    about: frozenset[str] = frozenset()

    @cached_property
    def labels(self) -> np.ndarray:
        """int64 (len(SLOTS),): NOT_MENTIONED, DENIED or ASSERTED. What is `unplaced` has no slot."""
        return slot_labels(self.mentions)

    @property
    def unplaced(self) -> tuple[str, ...]:
        """The findings that it asserts without saying where, though they have a place."""
        return tuple(dict.fromkeys(one.finding for one in self.mentions if is_unplaced(one)))

    @property
    def asserts(self) -> bool:
        """Whether it asserts anything."""
        return any(one.asserted for one in self.mentions)

    @property
    def denies(self) -> bool:
        """Whether it denies anything."""
        return any(not one.asserted for one in self.mentions)

    @property
    def guesses(self) -> bool:
        """Whether some of it is not sure."""
        return any(act in self.family for act in ("/unsure/", "/guess/", "/in_part/", "/either/"))

    @property
    def stance(self) -> str:
        """ "asserted" if anything is, "denied" if something is only denied, "other" if nothing is said."""
        if self.asserts:
            return "asserted"
        return "denied" if self.mentions else "other"


@dataclass(frozen=True, eq=False)
class WrittenReport:
    """A report, its sentences in their order, and the facts behind it: all that it asserts, and nothing else is there.

    A sentence may leave out sizes and places that the facts have.
    """

    report: Report
    statements: tuple[Statement, ...]
    facts: Truth
    manner: str

    @property
    def labels(self) -> np.ndarray:
        """int64 (len(SLOTS),): what the sentences together say; asserted counts where another denies."""
        labels = np.stack([one.labels for one in self.statements])
        return np.where((labels == ASSERTED).any(0), ASSERTED, np.where((labels == DENIED).any(0), DENIED, 0))
