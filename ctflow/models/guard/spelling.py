"""Mends slips of the pen in the words that matter: one letter too many, missing, wrong, or two that changed places."""

from functools import cache

from ctflow.models.guard import cues

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LONG_ENOUGH = 6  # a shorter word is one letter from too many others, so only its letters may have changed places


def spelt(word: str) -> str:
    """A word in small letters as it should be spelt, if it is one of `cues.SPELLINGS`; any other as it is."""
    return _meant_by().get(word, word)


@cache
def _meant_by() -> dict[str, str]:
    """By misspelt word, the one that it means."""
    meant: dict[str, str] = {}
    for word in cues.SPELLINGS:
        slips = _slips(word) if len(word) >= _LONG_ENOUGH else _swaps(word)
        meant |= {slip: word for slip in slips if slip not in meant}
    for word in (*cues.SPELLINGS, *cues.OTHER_WORDS):
        meant.pop(word, None)
    return meant


def _slips(word: str) -> set[str]:
    """All that is one slip away; the first letter is seldom wrong, and "module" is no nodule."""
    cuts = [(word[:index], word[index:]) for index in range(1, len(word) + 1)]
    missing = {begin + rest[1:] for begin, rest in cuts}
    extra = {begin + letter + rest for begin, rest in cuts for letter in _LETTERS}
    wrong = {begin + letter + rest[1:] for begin, rest in cuts if rest for letter in _LETTERS}
    return missing | extra | wrong | _swaps(word)


def _swaps(word: str) -> set[str]:
    return {word[:index] + word[index + 1] + word[index] + word[index + 2 :] for index in range(1, len(word) - 1)}
