"""What a model reads in a report: how much of it, and which findings."""

from dataclasses import dataclass

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
class Reading:
    """How much of a report the text encoder takes in: `limit` tokens at most; `cut_text` is the text beyond them.

    `known`: all findings that the model tells apart; `found`: those that it recognised in what it takes in; `unread`:
    the sentences of which it recognised nothing, and of others the parts that name what it did not recognise;
    `contradicted`: findings that are both asserted and denied at one place. All are empty for a model that cannot say.
    """

    tokens: int
    limit: int
    cut_text: str
    known: tuple[str, ...] = ()
    found: tuple[Mention, ...] = ()
    unread: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()


def contradictions(found: tuple[Mention, ...]) -> tuple[str, ...]:
    """The findings that are asserted and denied at one place, in their order."""
    denied = [one for one in found if not one.asserted]
    return tuple(
        dict.fromkeys(one.finding for one in found if one.asserted and any(_same_place(one, other) for other in denied))
    )


def _same_place(one: Mention, other: Mention) -> bool:
    """Whether two mentions are of one finding, at places that overlap."""
    sides, lobes = {one.side, other.side}, {one.lobe, other.lobe}
    overlap = (len(sides) == 1 or sides & {None, "both"}) and (len(lobes) == 1 or None in lobes)
    return one.finding == other.finding and bool(overlap)
