"""What a model read in a report, in words: sentence by sentence, each beside where it was typed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from app.typed import Typed
from ctflow.drawn import Drawn, Seen
from ctflow.reading import Mention, Reading, SentenceReading

NO_FINDINGS = "no abnormal findings"
_Against = Mapping[tuple[str, bool], list[int]]  # by finding, and whether it is asserted: sentences that contradict it


def shown_reading(read: Reading, typed: Typed | None, drawn: Mapping[str, Drawn]) -> dict[str, Any]:
    """How long the report is for the model, which end of it is cut off, and what the model read in each sentence.

    As the page takes it (viewer/room/reading.js, `ReportReading`). `typed`: None for a report that is not written yet.
    """
    against = _against(read)
    return {
        "count": f"Report length: {read.tokens} of {read.limit} tokens",
        "cut": read.cut_text,
        "known": list(read.known),
        "contradicted": list(read.contradicted),
        "sentences": [_sentence(one, read, typed, against[i], drawn) for i, one in enumerate(read.sentences)],
    }


def _against(read: Reading) -> Mapping[int, _Against]:
    """By the index of a sentence, the numbers of those that contradict it, counted from 1."""
    found: dict[int, dict[tuple[str, bool], list[int]]] = defaultdict(lambda: defaultdict(list))
    for one in read.contradictions:
        found[one.asserted_in][one.finding, True].append(one.denied_in + 1)
        found[one.denied_in][one.finding, False].append(one.asserted_in + 1)
    return found


def _sentence(
    one: SentenceReading, read: Reading, typed: Typed | None, against: _Against, drawn: Mapping[str, Drawn]
) -> dict[str, Any]:
    place = typed.place(one.sentence) if typed else None
    return {
        "text": one.sentence.text,
        "field": one.sentence.field,
        "place": place and vars(place),
        "chips": [_chip(words, mention, against, drawn) for words, mention in _words(one.found, read.known)],
        "unread": list(one.unread),
        "is_cut": one.is_cut,
        "turn": _turn(one, read.known),
    }


def _turn(one: SentenceReading, known: tuple[str, ...]) -> str | None:
    """Which way the sentence can be turned into its opposite. A normal study has none: not everything is there."""
    if any(mention.asserted for mention in one.found):
        return "deny"
    return "assert" if one.found and {mention.finding for mention in one.found} != set(known) else None


def _words(found: Iterable[Mention], known: tuple[str, ...]) -> list[tuple[str, Mention]]:
    """A normal study denies every finding that the model knows, which is said at once and not nineteen times."""
    mentions = list(found)
    everywhere = {one.finding: one for one in mentions if not one.asserted and one.side is None}
    if known and everywhere.keys() == set(known):
        mentions = [one for one in mentions if one.asserted]
        return [(_mention(one), one) for one in mentions] + [(NO_FINDINGS, everywhere[known[0]])]
    return [(_mention(one), one) for one in sorted(mentions, key=lambda one: not one.asserted)]


def _mention(one: Mention) -> str:
    name = one.finding if one.asserted else f"no {one.finding.lower()}"
    return ", ".join(filter(None, (name, _place(one), one.size)))


def _place(mention: Mention) -> str:
    both = mention.side == "both"
    lobe = mention.lobe and f"{mention.lobe} {'lobes' if both else 'lobe'}"
    return " ".join(filter(None, ("bilateral" if both else mention.side, lobe)))


def _chip(words: str, mention: Mention, against: _Against, drawn: Mapping[str, Drawn]) -> dict[str, Any]:
    """`against`: the numbers of the sentences that say the opposite."""
    of_finding = drawn.get(mention.finding) if mention.asserted else None
    return {
        "text": words,
        "asserted": mention.asserted,
        "against": list(dict.fromkeys(against.get((mention.finding, mention.asserted), []))),
        "seldom": _seldom(of_finding) if of_finding and of_finding.is_seldom else None,
    }


def _seldom(drawn: Drawn) -> dict[str, str]:
    """How often the model draws what it reads, shortly and in whole."""
    if drawn.asserted is None or drawn.phantoms is None:
        raise AssertionError("what was not measured is not said to be seldom")
    asserted = drawn.asserted
    long = (
        f"Detectors see it in {_of(asserted)} volumes of this model whose report asserts it "
        f"(95 % interval {_percent(asserted.low)} to {_percent(asserted.high)})"
    )
    denied = f", in {_of(drawn.denied)} whose report denies it" if drawn.denied else ""
    phantoms = f", and in {_of(drawn.phantoms)} phantoms that have it."
    return {"short": f"read, drawn in {_percent(asserted.share)} of cases", "long": f"{long}{denied}{phantoms}"}


def _of(seen: Seen) -> str:
    return f"{_percent(seen.share)} of {seen.n}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
