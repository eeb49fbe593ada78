"""How well a model's reader reads new sentences, in wordings that it was taught and in others."""

from collections.abc import Iterator
from typing import get_args

from ctflow.checkpoints import Checkpoint
from ctflow.errors import CheckpointError
from ctflow.evaluation.statistics import Estimate
from ctflow.phantom import Phrasings
from ctflow.training.mentions import check_mentions

SEED = 2 * 10**6  # far from the sentences of any training
HEAD = "| wordings | sentences that | share (95 % interval) | n |\n|---|---|---|---|"


def measure(checkpoint: Checkpoint, count: int) -> Iterator[tuple[str, str, Estimate]]:
    """Wordings, sort of sentence, and the share of `count` sentences. Raises CheckpointError without a reader."""
    if checkpoint.reader is None:
        raise CheckpointError(f"{checkpoint.card.name} has no reader: it does not say what it reads.")
    for phrasings in get_args(Phrasings):
        found = check_mentions(checkpoint.reader, checkpoint.text, checkpoint.card.text.parts, phrasings, count, SEED)
        sorts = {
            "asserted": "assert what it knows: read wholly right",
            "denied": "deny what it knows: read wholly right",
            "other": "say something else: nothing read",
        }
        for sort, words in sorts.items():
            yield phrasings, words, found.right[sort]  # type: ignore[index]
        yield phrasings, "say anything: misread", found.misread


def markdown(phrasings: str, words: str, estimate: Estimate) -> str:
    """One line of the table."""
    low, value, high = (100 * x for x in (estimate.low, estimate.value, estimate.high))
    return f"| {phrasings} | {words} | {value:.1f} % ({low:.1f}–{high:.1f}) | {estimate.n} |"
