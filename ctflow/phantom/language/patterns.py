"""The small language in which sentence patterns are written.

`<seen|noted>` is one of these, `[ {where}]` is there or not, `{where}` is a slot that the writer fills. A slot may
begin with a number: `{2 where}` belongs to the second finding of the sentence. A sign behind a
backslash stands for itself.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from ctflow.phantom.language.chance import Chance

_SIGNS = re.compile(r"\\.|[<|>\[\]]|\{[^{}]*\}|[^\\<|>\[\]{}]+")
OPTIONAL_ODDS = 0.4


@dataclass(frozen=True)
class Slot:
    """What a writer fills in: `of` counts the sentence's findings from 0."""

    name: str
    of: int


@dataclass(frozen=True)
class Choice:
    """One of these sequences; if `optional`, often none."""

    options: tuple["Sequence_", ...]
    optional: bool


Sequence_ = tuple["str | Slot | Choice", ...]


@cache
def parsed(pattern: str) -> Sequence_:
    """The pattern, ready to be filled. Raises ValueError if its brackets do not match."""
    signs = _SIGNS.findall(pattern)
    if "".join(signs) != pattern:
        raise ValueError(f"a brace is open or empty in the pattern {pattern!r}")
    options, rest = _options(signs, "")
    if rest or len(options) != 1:
        raise ValueError(f"brackets do not match in the pattern {pattern!r}")
    return options[0]


def fill(pattern: str, chance: Chance, word: Callable[[Slot], str]) -> str:
    """The text of a pattern. `word` fills the slots, from left to right."""
    return _text(parsed(pattern), chance, word)


@cache
def slots(pattern: str) -> frozenset[Slot]:
    """All slots of a pattern."""
    return frozenset(_slots_of(parsed(pattern)))


def _options(signs: Sequence[str], end: str) -> tuple[list[Sequence_], Sequence[str]]:
    """The sequences up to the sign `end`, or to the end of all, and the signs after it."""
    options: list[Sequence_] = []
    now: list[str | Slot | Choice] = []
    while signs:
        sign, signs = signs[0], signs[1:]
        if sign == end:
            return [*options, tuple(now)], signs
        if sign == "|":
            options.append(tuple(now))
            now = []
        elif sign in "<[":
            inner, signs = _options(signs, ">" if sign == "<" else "]")
            now.append(Choice(tuple(inner), optional=sign == "["))
        elif sign in ">]":
            raise ValueError(f"{sign} closes nothing")
        else:
            now.append(_slot(sign[1:-1]) if sign[0] == "{" else sign.removeprefix("\\"))
    if end:
        raise ValueError(f"{end} is missing")
    return [*options, tuple(now)], signs


def _slot(text: str) -> Slot:
    number, space, name = text.partition(" ")
    return Slot(name, int(number) - 1) if space and number.isdigit() else Slot(text, 0)


def _text(sequence: Sequence_, chance: Chance, word: Callable[[Slot], str]) -> str:
    parts = []
    for part in sequence:
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, Slot):
            parts.append(word(part))
        elif not part.optional or chance.happens(OPTIONAL_ODDS):
            parts.append(_text(chance.one_of(part.options), chance, word))
    return "".join(parts)


def _slots_of(sequence: Sequence_) -> set[Slot]:
    found = {part for part in sequence if isinstance(part, Slot)}
    inner = (_slots_of(option) for part in sequence if isinstance(part, Choice) for option in part.options)
    return found.union(*inner)
