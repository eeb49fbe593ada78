"""What is taught of a sentence: an answer at each slot, and the size of what it asserts there."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ctflow.models.facts import with_placeless
from ctflow.models.mentions import NO_PLACE, Slot
from ctflow.phantom import SIZES, SLOTS, Phrasings
from ctflow.phantom.language import draw_sentence
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED, Mention

FACT_SLOTS: tuple[Slot, ...] = with_placeless([(kind, *site) for kind, site in SLOTS])
_WITH_PLACES = frozenset(finding for finding, side, _ in FACT_SLOTS if side is not None)
SIZE_SAID: dict[str | None, int] = {None: 0, **{size: index for index, size in enumerate(SIZES, start=1)}}
NO_SIZE = -1  # where nothing is asserted


@dataclass(frozen=True, eq=False)
class TaughtSentence:
    """`answers`: int64 (len(FACT_SLOTS),), each NOT_MENTIONED, DENIED or ASSERTED. `sizes`: int64 of the same length,
    a value of SIZE_SAID, or NO_SIZE."""

    text: str
    answers: np.ndarray
    sizes: np.ndarray


def draw_taught(rng: np.random.Generator, phrasings: Phrasings) -> TaughtSentence:
    """A sentence of the phantoms' language."""
    drawn = draw_sentence(rng, phrasings)
    return taught(drawn.text, drawn.mentions)


def taught(text: str, mentions: Iterable[Mention]) -> TaughtSentence:
    """The sentence with all that it says. Where it says two things of one slot, the larger one counts."""
    answers = np.full(len(FACT_SLOTS), NOT_MENTIONED, np.int64)
    sizes = np.full(len(FACT_SLOTS), NO_SIZE, np.int64)
    for mention in mentions:
        for index, slot in enumerate(FACT_SLOTS):
            if covers(mention, slot):
                answers[index] = max(answers[index], ASSERTED if mention.asserted else DENIED)
                if mention.asserted:
                    sizes[index] = max(sizes[index], SIZE_SAID[mention.size])
    return TaughtSentence(text, answers, sizes)


def covers(mention: Mention, slot: Slot) -> bool:
    """Whether a mention answers the question of a slot. A side without a lobe is all of its lobes."""
    finding, side, lobe = slot
    if mention.finding != finding:
        return False
    if mention.asserted and mention.side is None and finding in _WITH_PLACES:
        return slot[1:] == NO_PLACE
    if side is None:
        return finding not in _WITH_PLACES
    return mention.side in (side, "both", None) and mention.lobe in (lobe, None)
