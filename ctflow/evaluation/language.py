"""Sentences of the language's held-out families, labelled as sentences of a file are."""

from collections.abc import Iterator
from itertools import islice

from ctflow.evaluation.labelled_sentences import LabelledSentence, Tag
from ctflow.phantom.language import MANNERS, Statement, sentences
from ctflow.phantom.language.manner import style
from ctflow.reading import Mention

SIDES = {"right": frozenset({"right"}), "left": frozenset({"left"}), "both": frozenset({"right", "left"})}


def held_out_sentences(count: int, seed: int) -> Iterator[LabelledSentence]:
    """`count` sentences of each manner, in families of wordings that are never taught; equal ones count once."""
    for manner in MANNERS:
        drawn = {one.text: one for one in islice(sentences(seed, "held-out", manner), count)}
        yield from map(labelled, drawn.values())


def labelled(statement: Statement) -> LabelledSentence:
    """A sentence of the language as a file's."""
    return LabelledSentence(statement.text, tuple(map(_tag, statement.mentions)), style(statement.manner).title)


def _tag(mention: Mention) -> Tag:
    sides = SIDES[mention.side] if mention.side else None
    return Tag(mention.finding, mention.asserted, sides, mention.lobe)
