"""What a model reads in a report: how much of it, and which findings, sentence by sentence."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ctflow.report import Sentence

NOT_MENTIONED, DENIED, ASSERTED = range(3)  # what a sentence may say of a finding at a site


@dataclass(frozen=True)
class Mention:
    """What a report says of one finding: that it is there, or, if not `asserted`, that it is not.

    `side`: right, left or both; `lobe`: upper, middle or lower; `size`: small, moderate or large. Each is None where
    the report does not say it, or where the model does not tell this finding apart by it.
    """

    finding: str
    asserted: bool
    side: str | None
    lobe: str | None
    size: str | None


@dataclass(frozen=True)
class SentenceReading:
    """What a model read in one sentence.

    `found`: what it recognised; `unread`: the sentence if it recognised nothing, or else its parts that name what it
    did not recognise; `is_cut`: the sentence or its end lies beyond the limit, and nothing is read in it. All but
    `is_cut` are empty for a model that cannot say.
    """

    sentence: Sentence
    found: tuple[Mention, ...] = ()
    unread: tuple[str, ...] = ()
    is_cut: bool = False


@dataclass(frozen=True)
class Contradiction:
    """A finding that one sentence asserts and one denies, at one place: their indices, which may be the same."""

    finding: str
    asserted_in: int
    denied_in: int


@dataclass(frozen=True)
class Reading:
    """How much of a report the text encoder takes in: `limit` tokens at most; `cut_text` is the text beyond them.

    `known`: all findings that the model tells apart, empty for a model that cannot say; `sentences`: all that the
    report has, in their order.
    """

    tokens: int
    limit: int
    cut_text: str
    known: tuple[str, ...] = ()
    sentences: tuple[SentenceReading, ...] = ()

    @property
    def found(self) -> tuple[Mention, ...]:
        """What was recognised in the report, each once."""
        return tuple(dict.fromkeys(mention for one in self.sentences for mention in one.found))

    @property
    def unread(self) -> tuple[str, ...]:
        """The sentences, or parts of them, that were not recognised, each once."""
        return tuple(dict.fromkeys(text for one in self.sentences for text in one.unread))

    @cached_property
    def contradictions(self) -> tuple[Contradiction, ...]:
        """In the order of the sentences that assert."""
        said_in = _said_in(self.sentences)
        denied = [mention for mention in said_in if not mention.asserted]
        pairs = (
            Contradiction(one.finding, asserted_in, denied_in)
            for one in said_in
            for other in denied
            if one.asserted and _same_place(one, other)
            for asserted_in in said_in[one]
            for denied_in in said_in[other]
        )
        return tuple(sorted(dict.fromkeys(pairs), key=lambda pair: pair.asserted_in))

    @property
    def contradicted(self) -> tuple[str, ...]:
        """The findings that are both asserted and denied at one place, in their order."""
        return tuple(dict.fromkeys(pair.finding for pair in self.contradictions))


def _said_in(sentences: Sequence[SentenceReading]) -> dict[Mention, list[int]]:
    """By mention, the indices of the sentences that it stands in."""
    said_in: dict[Mention, list[int]] = defaultdict(list)
    for index, one in enumerate(sentences):
        for mention in dict.fromkeys(one.found):
            said_in[mention].append(index)
    return said_in


def _same_place(asserted: Mention, denied: Mention) -> bool:
    """Whether two mentions are of one finding, at places that overlap.

    What is there without a place being said is not denied by its absence on one side.
    """
    same_side = denied.side in (asserted.side, None) or asserted.side == "both"
    lobes = {asserted.lobe, denied.lobe}
    return asserted.finding == denied.finding and same_side and (len(lobes) == 1 or None in lobes)
