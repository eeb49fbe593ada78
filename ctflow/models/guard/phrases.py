"""Finds the lexicon's phrases in a sentence."""

import re
from collections.abc import Iterable
from functools import cache

from ctflow.models.guard.lexicon import Phrases

Span = tuple[int, int]
_BREAKS = re.compile(r"\s[-–—]\s")
_JOINS = str.maketrans(dict.fromkeys("-‐‑–—'’´", " "))
_WORD = r"\w+(?:[.,]\d+)*"


def plain(sentence: str) -> str:
    """The sentence in the lexicon's spelling, every letter in its old place: small, and without hyphens."""
    small = "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in sentence)
    return _BREAKS.sub(" , ", small).translate(_JOINS)


def spans(phrases: Phrases, text: str, across_commas: bool = True) -> list[Span]:
    """Where any of the phrases stands in a `plain` text; they may overlap."""
    return [found.span() for pattern in _compiled(phrases, across_commas) for found in pattern.finditer(text)]


def holds(phrases: Phrases, text: str) -> bool:
    """Whether any of the phrases stands in a `plain` text."""
    return any(pattern.search(text) for pattern in _compiled(phrases, True))


def inside(span: Span, others: Iterable[Span]) -> bool:
    """Whether one of the others covers the span."""
    return any(first <= span[0] and span[1] <= last for first, last in others)


@cache
def _compiled(phrases: Phrases, across_commas: bool) -> tuple[re.Pattern[str], ...]:
    """Phrases without a gap are one pattern: they are many, and never overlap in a way that matters."""
    whole = [phrase for phrase in phrases if " .. " not in phrase]
    gapped = [phrase for phrase in phrases if " .. " in phrase]
    groups = ([whole] if whole else []) + [[phrase] for phrase in gapped]
    return tuple(re.compile("|".join(_pattern(one, across_commas) for one in group)) for group in groups)


def _pattern(phrase: str, across_commas: bool) -> str:
    between = r"[\s,/()]+" if across_commas else r"[\s/()]+"
    gap = rf"{between}(?:{_WORD}{between}){{0,10}}?"
    return rf"(?<!\w){gap.join(map(_part, phrase.split(' .. ')))}(?!\w)"


def _part(part: str) -> str:
    words = re.escape(part).replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
    return words.replace(r"\[1\-9\]", r"[1-9](?:\.\d+)?")
