"""Finds the lexicon's phrases in a sentence."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache, lru_cache

from ctflow.models.guard.lexicon import Phrases
from ctflow.models.guard.spelling import spelt

Span = tuple[int, int]
_BREAKS = re.compile(r"\s[-–—]\s")
_JOINS = str.maketrans(dict.fromkeys("-‐‑–—'’´", " "))
_WORD = r"\w+(?:[.,]\d+)*"
_CHOICE = re.compile(r"<([^<>]*)>")
_LETTERS = re.compile(r"[a-z]+")
_BOTH_SIDES = re.compile(
    r"(?<!\w)(?:right|left)(?: side)?(?: (?:and|or|nor) |/)(?:(?:(?:on|in|at) )?the )?(?:right|left)(?!\w)"
)


@lru_cache(maxsize=4096)
def plain(sentence: str) -> str:
    """The sentence in the lexicon's spelling: small, without hyphens or slips of the pen, both sides in one word."""
    words = _LETTERS.sub(lambda word: spelt(word[0]), unmended(sentence))
    return _BOTH_SIDES.sub("bilateral", words)


@lru_cache(maxsize=4096)
def unmended(sentence: str) -> str:
    """The sentence in small letters without hyphens, every letter in its old place."""
    small = sentence.lower()
    if len(small) != len(sentence):  # the dotted capital of Turkish becomes two letters
        small = "".join(sign.lower()[:1] for sign in sentence)
    return _BREAKS.sub(" , ", small.replace("(-)", "nil")).translate(_JOINS)


def spans(phrases: Phrases, text: str, across_commas: bool = True) -> list[Span]:
    """Where any of the phrases stands in a `plain` text; they may overlap."""
    likely = (phrase for stem, some in _by_stem(phrases) if stem in text for phrase in some)
    return [found.span() for phrase in likely for found in _pattern(phrase, across_commas).finditer(text)]


def holds(phrases: Phrases, text: str) -> bool:
    """Whether any of the phrases stands in a `plain` text."""
    return any(
        _pattern(phrase, True).search(text) for stem, some in _by_stem(phrases) if stem in text for phrase in some
    )


def inside(span: Span, others: Iterable[Span]) -> bool:
    """Whether one of the others covers the span."""
    return any(first <= span[0] and span[1] <= last for first, last in others)


@cache
def _by_stem(phrases: Phrases) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The phrases by their longest word: to look for that first is a hundred times as fast."""
    found: dict[str, list[str]] = defaultdict(list)
    for phrase in itertools.chain.from_iterable(map(expanded, phrases)):
        found[max(re.split(r"[\s*]+|\.\.|\[1-9\]", phrase), key=len)].append(phrase)
    return tuple((stem, tuple(some)) for stem, some in found.items())


def expanded(phrase: str) -> list[str]:
    """A phrase with choices as all the phrases that it stands for."""
    choice = _CHOICE.search(phrase)
    if not choice:
        return [phrase]
    begin, end = phrase[: choice.start()], phrase[choice.end() :]
    return [one for word in choice[1].split("|") for one in expanded(f"{begin}{word}{end}")]


@cache
def _pattern(phrase: str, across_commas: bool) -> re.Pattern[str]:
    between = r"[\s,:/()]+" if across_commas else r"[\s:/()]+"
    gap = rf"{between}(?:{_WORD}{between}){{0,10}}?"
    return re.compile(rf"(?<!\w){gap.join(map(_part, phrase.split(' .. ')))}(?!\w)")


def _part(part: str) -> str:
    words = re.escape(part).replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
    return words.replace(r"\[1\-9\]", r"[1-9](?:\.\d+)?")
