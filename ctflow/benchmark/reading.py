"""How long a model takes to read a long report, beside the least time that this could take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median

import torch

from ctflow.benchmark.clock import timed
from ctflow.benchmark.floor import gflop_of, peak_gflop_per_s
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.checkpoint.networks import Checkpoint
from ctflow.errors import RequestError
from ctflow.models.report_reader import ReportReader
from ctflow.models.text import ReportEncoder
from ctflow.phantom.language import reports
from ctflow.report import Report, encoder_text

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Length:
    """Of a report: its tokens, from and to, and the words to ask for, of which about one report in ten has so many."""

    tokens: tuple[int, int]
    words: tuple[int, int]


LONG = Length((390, 410), (230, 320))
SEED, LOOKED_AT = 28, 1000  # of the reports; how many there are to choose from


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Seconds for each report. `floor_s`: the products of its embedding, at the rate that large products reach.

    `embedding_s`: what the transformer is told. `shown_s`: what people are shown of a report that is new.
    `changed_s`: the same after one sentence of it was written anew, as typing does.
    """

    tokens: tuple[int, ...]
    floor_s: tuple[float, ...]
    embedding_s: tuple[float, ...]
    shown_s: tuple[float, ...]
    changed_s: tuple[float, ...]


def measure_reading(folder: Path, count: int, length: Length = LONG) -> Reading:
    """On the CPU, one report after the other, each in all ways in turn, so that a busy machine slows all alike.

    Raises RequestError where the model does not take in reports of this length.
    """
    checkpoint = load_checkpoint(folder)
    text, parts = checkpoint.text, checkpoint.card.text.parts
    first, *others = _reports(text, parts, length, 1 + count)
    _read(checkpoint, first)  # a first use is slower
    floor_s, embedding_s, shown_s, changed_s = zip(*(_read(checkpoint, report) for report in others), strict=True)
    return Reading(
        tokens=tuple(text.read(encoder_text(report, parts)).tokens for report in others),
        floor_s=floor_s,
        embedding_s=embedding_s,
        shown_s=shown_s,
        changed_s=changed_s,
    )


def _reports(text: ReportEncoder, parts: tuple[str, ...], length: Length, count: int) -> list[Report]:
    least, most = length.tokens
    if text.max_tokens < most:
        raise RequestError(
            f"Reports of {least} to {most} tokens are read, and this model takes in {text.max_tokens}. Give one that "
            "takes in more, such as a model of `train text`."
        )
    written = (one.report for one in islice(reports(SEED, words=length.words), LOOKED_AT))
    fitting = (one for one in written if least <= text.read(encoder_text(one, parts)).tokens <= most)
    found = list(islice(fitting, count))
    if len(found) < count:
        raise RequestError(f"Of {LOOKED_AT} reports only {len(found)} have {least} to {most} of this model's tokens.")
    return found


@torch.inference_mode()
def _read(checkpoint: Checkpoint, report: Report) -> tuple[float, float, float, float]:
    """The seconds of one report, as `Reading` has them."""
    text, parts = checkpoint.text, checkpoint.card.text.parts
    reader = ReportReader(text, checkpoint.reader, parts)
    whole = encoder_text(report, parts)
    changed = replace(report, impression=f"{report.impression} A nodule of 7 mm in the right upper lobe.")

    def seconds(run: Callable[[], object]) -> float:
        return timed(CPU, run).device_s

    floor_s = gflop_of(lambda: text.encode(whole)) / peak_gflop_per_s(CPU, torch.float32)
    runs = (lambda: text.encode(whole), lambda: reader.read(report), lambda: reader.read(changed))
    embedding_s, shown_s, changed_s = map(seconds, runs)
    return floor_s, embedding_s, shown_s, changed_s


NAMES = {
    "floor_s": "the products of its embedding alone, at the rate of large ones (floor)",
    "embedding_s": "its embedding",
    "shown_s": "what is shown of a new report",
    "changed_s": "the same, with one sentence more",
}


def reading_table(found: Reading) -> list[str]:
    """Medians over the reports, and how many times the floor they are."""
    head = f"| a report of {min(found.tokens)} to {max(found.tokens)} tokens | median | times the floor |"
    return [head, "|---|---|---|", *(_line(name, found) for name in NAMES)]


def _line(name: str, found: Reading) -> str:
    taken_s: Sequence[float] = getattr(found, name)
    times = median(taken / floor for taken, floor in zip(taken_s, found.floor_s, strict=True))
    return f"| {NAMES[name]} | {1000 * median(taken_s):.1f} ms | {times:.2f} |"
