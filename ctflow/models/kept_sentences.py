"""What was made of sentences is kept, since typing changes one sentence of many."""

from collections.abc import Callable
from typing import Generic, TypeVar

MOST_KEPT = 512  # sentences
T = TypeVar("T")


class KeptSentences(Generic[T]):
    """`make` gets all sentences that are new, at once. Threads share what is kept, so it is replaced, never changed."""

    def __init__(self, make: Callable[[list[str]], dict[str, T]]) -> None:
        self._make = make
        self._kept: dict[str, T] = {}

    def of(self, sentences: list[str]) -> dict[str, T]:
        """By sentence, what was made of it."""
        kept = self._kept
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in kept]
        kept = kept | self._make(new) if new else kept
        found = {sentence: kept[sentence] for sentence in sentences}
        self._kept = kept if len(kept) <= MOST_KEPT else found
        return found
