"""How well a model's reader reads sentences that it was not taught, in wordings that it was taught and in others."""

from collections.abc import Iterator
from typing import get_args

from ctflow.checkpoints import Checkpoint
from ctflow.errors import CheckpointError
from ctflow.evaluation.statistics import Estimate
from ctflow.phantom import Phrasings
from ctflow.training.mentions import check_mentions, taught
from ctflow.training.sizes import DEMO

SEED = 2 * 10**6  # another stream than any training's
HEAD = "| wordings | new sentences that | share (95 % interval) | n |\n|---|---|---|---|"


def measure(checkpoint: Checkpoint, count: int, seed: int) -> Iterator[tuple[str, str, Estimate]]:
    """Wordings, sort of sentence, and the share of those that are new among `count` sentences, each counted once.

    `seed`: of the training, whose sentences are left out. Raises CheckpointError without a reader.
    """
    if checkpoint.reader is None:
        raise CheckpointError(f"{checkpoint.card.name} has no reader: it does not say what it reads.")
    old, parts = taught(seed, DEMO.sentences), checkpoint.card.text.parts
    for phrasings in get_args(Phrasings):
        found = check_mentions(checkpoint.reader, checkpoint.text, parts, phrasings, count, SEED, without=old)
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
    if not estimate.n:
        return f"| {phrasings} | {words} | – | 0 |"
    low, value, high = (100 * x for x in (estimate.low, estimate.value, estimate.high))
    return f"| {phrasings} | {words} | {value:.1f} % ({low:.1f}–{high:.1f}) | {estimate.n} |"
