"""Finds the lexicon's phrases in a sentence."""

import itertools
import re
from collections.abc import Iterable
from functools import cache, lru_cache

from ctflow.models.guard.lexicon import Phrases
from ctflow.models.guard.spelling import spelt

Span = tuple[int, int]
_BREAKS = re.compile(r"\s[-–—]\s")
_HEAD = re.compile(r"^(\s*\w+)\s[-–—](?=\s)")  # "Pericardium - normal" is "Pericardium : normal"
_JOINS = str.maketrans(dict.fromkeys("-‐‑–—'’´", " "))
_WORD = r"\w+(?:[.,]\d+)*"
_CHOICE = re.compile(r"<([^<>]*)>")
_LONGEST = 32  # signs of a phrase's longest word
_WORDS = re.compile(rf"(?<!\w)(?=(\S{{1,{_LONGEST}}}))")  # from every place where a word may begin
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
    headed = _HEAD.sub(r"\1 :", small.replace("(-)", "nil").replace("(no)", "nil "))
    return _BREAKS.sub(" , ", headed).translate(_JOINS)


@lru_cache(maxsize=32768)  # each list is asked several times about a clause and about what it is part of
def spans(phrases: Phrases, text: str, across_commas: bool = True) -> tuple[Span, ...]:
    """Where any of the phrases stands in a `plain` text, from left to right; they may overlap."""
    if not (likely := _likely(phrases, text)):
        return ()
    return tuple(sorted(found.span() for phrase in likely for found in _pattern(phrase, across_commas).finditer(text)))


def holds(phrases: Phrases, text: str) -> bool:
    """Whether any of the phrases stands in a `plain` text."""
    likely = _likely(phrases, text)
    return bool(likely) and any(_pattern(phrase, True).search(text) for phrase in likely)


def inside(span: Span, others: Iterable[Span]) -> bool:
    """Whether one of the others covers the span."""
    return any(first <= span[0] and span[1] <= last for first, last in others)


def _likely(phrases: Phrases, text: str) -> list[str]:
    """Those whose longest word begins a word of the text. To look for that first is a thousand times as fast."""
    stems, by_stem = _by_stem(phrases)
    if stems.isdisjoint(words := _beginnings(text)):  # so are most, and all phrases are asked about each clause
        return []
    return [phrase for stem in stems & words for phrase in by_stem[stem]]


@lru_cache(maxsize=4096)
def _beginnings(text: str) -> frozenset[str]:
    """The beginnings of all words of a text, whatever signs stand within or behind a word."""
    words = [found[1] for found in _WORDS.finditer(text)]
    return frozenset(word[:end] for word in words for end in range(1, 1 + len(word)))


@cache
def _by_stem(phrases: Phrases) -> tuple[frozenset[str], dict[str, list[str]]]:
    """The longest word of each phrase, without its `*`; and the phrases by it."""
    by_stem: dict[str, list[str]] = {}
    for phrase in itertools.chain.from_iterable(map(expanded, phrases)):
        stem = max(re.split(r"[\s*]+|\.\.|\[1-9\]", phrase), key=len)
        if len(stem) > _LONGEST or not re.search(rf"(?<!\S){re.escape(stem)}", phrase):
            raise ValueError(f"{phrase!r} cannot be looked for by {stem!r}: too long, or it begins no word")
        by_stem.setdefault(stem, []).append(phrase)
    return frozenset(by_stem), by_stem


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
