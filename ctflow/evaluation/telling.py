"""How well a report's embedding tells what the report says: in several manners, and however long it is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ctflow.checkpoint.networks import Checkpoint
from ctflow.errors import CheckpointError
from ctflow.evaluation.statistics import Estimate, mean, ratio, share
from ctflow.models.fact_encoder import facts_of
from ctflow.models.text import ReportEncoder
from ctflow.phantom import SLOTS, Phrasings, Truth, grades
from ctflow.phantom.language import MANNERS, Manner, draw_report_truth, write_report
from ctflow.report import encoder_text

# So many words make reports of about so many tokens.
SHORT, LONG = (20, 40), (210, 320)
LENGTHS = {"30 to 60": SHORT, "300 to 450": LONG}
TELLING_SEED = 3 * 10**6  # far from the seed of every training


@dataclass(frozen=True)
class Told:
    """One row of the table."""

    what: str
    estimate: Estimate


def measure_telling(checkpoint: Checkpoint, count: int, phrasings: Phrasings) -> Iterator[Told]:
    """Writes `count` truths in each manner, and the same truths as short and as long reports.

    Raises CheckpointError where nothing is known to read grades off the model's embeddings.
    """
    heads, parts = grade_heads(checkpoint), checkpoint.card.text.parts
    yield from manners(checkpoint.text, parts, count, phrasings)
    told: list[Estimate] = []
    for length, words in LENGTHS.items():
        told.append(grades_right(checkpoint.text, heads, parts, count, words, phrasings))
        yield Told(f"reports of {length} tokens: grades of what is there told right", told[-1])
    short, long = told
    yield Told("long reports against short ones: ratio of these", ratio(long, short))


def grade_heads(checkpoint: Checkpoint) -> nn.Linear:
    """What reads grades off its embeddings."""
    of_encoder = facts_of(checkpoint.text) or checkpoint.reader
    if of_encoder is None or of_encoder.grades.out_features % len(SLOTS):
        raise CheckpointError(f"{checkpoint.card.name} cannot say what its embeddings tell of phantoms' findings.")
    return of_encoder.grades


@torch.inference_mode()
def manners(encoder: ReportEncoder, parts: tuple[str, ...], count: int, phrasings: Phrasings) -> Iterator[Told]:
    """The same truths in each manner: how near their embeddings are, and how far those of others."""
    rng = np.random.default_rng([TELLING_SEED, 0])
    truths = _different_truths(rng, count)
    written = [[_text(truth, rng, parts, manner, phrasings) for truth in truths] for manner in MANNERS]
    told = torch.stack([encoder.embed(texts) for texts in written])  # (manners, truths, D)
    cosines = torch.einsum("atd,bud->atbu", told, told)
    many, same = torch.arange(len(MANNERS)), torch.arange(count)
    of_one_truth = cosines[:, same, :, same].permute(1, 2, 0)[many[:, None] != many]
    in_one_manner = cosines[many, :, many][:, same[:, None] != same]
    yield Told("the same truth in two manners: cosine", mean(of_one_truth.flatten().tolist()))
    yield Told("two truths in one manner: cosine", mean(in_one_manner.flatten().tolist()))
    cosines[many[:, None], same, many[:, None], same] = -1.0
    nearest = cosines.flatten(2).argmax(-1) % count
    found = (nearest == same).flatten()
    yield Told("the nearest other embedding has the same truth", share(int(found.sum()), len(found)))


@torch.inference_mode()
def grades_right(
    encoder: ReportEncoder,
    heads: nn.Linear,
    parts: tuple[str, ...],
    count: int,
    words: tuple[int, int],
    phrasings: Phrasings,
) -> Estimate:
    """Of the slots where there is something, the share whose grade is read right off embeddings of new reports."""
    rng = np.random.default_rng([TELLING_SEED, 1])
    truths = [draw_report_truth(rng) for _ in range(count)]
    texts = [_text(truth, rng, parts, None, phrasings, words) for truth in truths]
    read: Tensor = heads(encoder.embed(texts)).unflatten(1, (len(SLOTS), -1)).argmax(-1)
    wanted = torch.from_numpy(np.stack([grades(truth) for truth in truths]))
    there = wanted > 0
    return share(int((read == wanted)[there].sum()), int(there.sum()))


def _different_truths(rng: np.random.Generator, count: int) -> list[Truth]:
    """No two of them have the same grades, as all studies without findings do."""
    truths: dict[bytes, Truth] = {}
    while len(truths) < count:
        truth = draw_report_truth(rng)
        truths.setdefault(grades(truth).tobytes(), truth)
    return list(truths.values())


def _text(
    truth: Truth,
    rng: np.random.Generator,
    parts: tuple[str, ...],
    manner: Manner | None,
    phrasings: Phrasings,
    words: tuple[int, int] = SHORT,
) -> str:
    return encoder_text(write_report(truth, rng, manner, phrasings, words).report, parts)


HEAD = "| what embeddings tell | value (95 % interval) | n |\n|---|---|---|"


def markdown(row: Told) -> str:
    """A line of the table under `HEAD`."""
    one = row.estimate
    return f"| {row.what} | {one.value:.3f} ({one.low:.3f}–{one.high:.3f}) | {one.n} |"
