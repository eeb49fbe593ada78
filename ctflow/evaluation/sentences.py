"""How a model reads sentences that people wrote and labelled: right, wrongly, or not."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ctflow.checkpoint.networks import Checkpoint
from ctflow.evaluation.labelled_sentences import SIDES, LabelledSentence, Tag
from ctflow.evaluation.reading import slots_read
from ctflow.evaluation.statistics import share
from ctflow.models.report_reader import ReportReader
from ctflow.phantom import KINDS, SLOTS
from ctflow.reading import Mention
from ctflow.report import Report

Outcome = Literal["right", "silent", "finding", "polarity", "side", "lobe"]
MISTAKES: dict[Outcome, str] = {
    "finding": "a finding that it does not speak of",
    "polarity": "asserted for denied, or denied for asserted",
    "side": "another side",
    "lobe": "another lobe",
}
WITHOUT_SIDE = {kind for kind, (side, _) in SLOTS if side is None}


@dataclass(frozen=True)
class ReadSentence:
    """A sentence, what was read in it, and how well."""

    sentence: LabelledSentence
    read: tuple[Mention, ...]
    outcome: Outcome


def judge(tags: Iterable[Tag], read: Iterable[Mention]) -> Outcome:
    """Right: every tag was read, and nothing else. Silent: some were not read, and nothing was read wrongly.

    The gravest mistake counts: a finding that nobody spoke of, then polarity, side and lobe. A lobe that was not read
    is no mistake. Where the label names no side, an assertion may name any, but a denial must hold for both.
    """
    said: dict[tuple[str, bool], list[Tag]] = {}
    for tag in tags:
        said.setdefault((tag.finding, tag.asserted), []).append(tag)
    shown: dict[tuple[str, bool], list[Mention]] = {}
    for mention in read:
        shown.setdefault((mention.finding, mention.asserted), []).append(mention)
    if not {finding for finding, _ in shown} <= {finding for finding, _ in said}:
        return "finding"
    if not shown.keys() <= said.keys():
        return "polarity"
    if not all(_same_sides(said[key], shown[key]) for key in shown):
        return "side"
    if not all(_same_lobes(said[key], shown[key]) for key in shown):
        return "lobe"
    return "right" if shown.keys() == said.keys() else "silent"


def _same_sides(tags: list[Tag], mentions: list[Mention]) -> bool:
    if tags[0].finding in WITHOUT_SIDE:
        return True
    read = frozenset(side for one in mentions for side in ({one.side} if one.side in SIDES["B"] else SIDES["B"]))
    labelled = frozenset(side for tag in tags for side in tag.sides or ())
    return read == labelled or (not labelled and (tags[0].asserted or read == SIDES["B"]))


def _same_lobes(tags: list[Tag], mentions: list[Mention]) -> bool:
    labelled = {tag.lobe for tag in tags if tag.lobe}
    return not labelled or all(one.lobe is None or one.lobe in labelled for one in mentions)


def measure_sentences(checkpoint: Checkpoint, sentences: Iterable[LabelledSentence]) -> list[ReadSentence]:
    """Reads each sentence as the page shows it. Raises CheckpointError without a reader."""
    slots_read(checkpoint)
    reader = ReportReader(checkpoint.text, checkpoint.reader, checkpoint.card.text.parts)
    read = ((sentence, reader.read(Report(sentence.text)).found) for sentence in sentences)
    return [ReadSentence(sentence, found, judge(sentence.tags, found)) for sentence, found in read]


OUTCOMES: dict[str, tuple[Outcome, ...]] = {"right": ("right",), "misread": tuple(MISTAKES), "silent": ("silent",)}
HEAD = "| sentences | share (95 % interval) | n |\n|---|---|---|"


def markdown(read: list[ReadSentence]) -> Iterator[str]:
    """The lines under `HEAD`, tables by manner and by finding, and the sentences that were not read right."""
    outcomes = [one.outcome for one in read]
    misread = [one for one in read if one.outcome in MISTAKES]
    yield _row("read wholly right", outcomes.count("right"), len(read))
    yield _row("misread", len(misread), len(read))
    for mistake, words in MISTAKES.items():
        yield _row(f"misread: {words}", outcomes.count(mistake), len(read))
    yield _row("not wholly recognised, nothing misread", outcomes.count("silent"), len(read))
    yield from _by_group(
        "manner", {manner: [one for one in read if one.sentence.manner == manner] for manner in manners(read)}
    )
    yield from _by_group("finding", {finding: [one for one in read if _is_about(one, finding)] for finding in KINDS})
    for title, worst in (
        ("Misread", misread),
        ("Not wholly recognised", [one for one in read if one.outcome == "silent"]),
    ):
        if worst:
            yield f"\n{title}:"
        yield from (_line(one) for one in worst)


def manners(read: Iterable[ReadSentence]) -> list[str]:
    """The manners in which the sentences are written, as far as somebody knows them."""
    return list(dict.fromkeys(one.sentence.manner for one in read if one.sentence.manner))


def _by_group(what: str, groups: Mapping[str, list[ReadSentence]]) -> Iterator[str]:
    """A table with a line for each group that has sentences."""
    if any(groups.values()):
        yield f"\n| {what} | n | read wholly right | misread | not wholly recognised |\n|---|---|---|---|---|"
    for name, read in groups.items():
        if read:
            outcomes = [one.outcome for one in read]
            shares = (_percent(sum(map(outcomes.count, some)), len(read)) for some in OUTCOMES.values())
            yield f"| {name} | {len(read)} | {' | '.join(shares)} |"


def _is_about(one: ReadSentence, finding: str) -> bool:
    """Whether a sentence says something of a finding, or something of it was read there."""
    return finding in {*(tag.finding for tag in one.sentence.tags), *(mention.finding for mention in one.read)}


def _row(words: str, count: int, n: int) -> str:
    return f"| {words} | {_percent(count, n)} | {n} |"


def _percent(count: int, n: int) -> str:
    estimate = share(count, n)
    low, value, high = (100 * x for x in (estimate.low, estimate.value, estimate.high))
    return f"{value:.1f} % ({low:.1f}–{high:.1f})"


def _line(one: ReadSentence) -> str:
    kind = f" ({MISTAKES[one.outcome]})" if one.outcome in MISTAKES else ""
    return f"- {one.sentence.text}{kind} Read: {'; '.join(map(_words, one.read)) or 'nothing'}."


def _words(mention: Mention) -> str:
    stance = "" if mention.asserted else "no "
    return stance + ", ".join(filter(None, (mention.finding, mention.side, mention.lobe)))
