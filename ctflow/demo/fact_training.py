"""Training of the encoder that reads sentence by sentence: first what sentences say, then how facts are told."""

import logging
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctflow.demo.taught import FACT_SLOTS, NO_SIZE, TaughtSentence
from ctflow.models.fact_encoder import FactEncoder, read_packed
from ctflow.models.facts import UNSIZED, Facts, FactsConfig
from ctflow.models.sentence_packing import PackedSentences
from ctflow.models.text import ReportEncoder
from ctflow.phantom import SIZES, SLOTS, Truth, grades, write_plainly
from ctflow.phantom.language import draw_report_truth
from ctflow.reading import NOT_MENTIONED
from ctflow.report import encoder_text
from ctflow.runtime.device import on_device
from ctflow.training.loop import train
from ctflow.training.stage import Stage

log = logging.getLogger(__name__)

HEADS, HIDDEN, TELLER = 6, 256, 512
BATCH, TOLD_BATCH = 32, 64  # sentences, and truths, in a step
SIZE_WEIGHT = 0.5
UNSIZED_ODDS, PLACELESS_ODDS = 0.25, 0.15  # that a report says no size of a finding, or no place
TOLD_WEIGHT = 10.0  # of the distance between embeddings, beside what is read off them
QUESTION_SIZE = 0.1  # each slot begins by looking at all tokens alike, and by what it sees there
BEGINNING_LOGIT = 4.0  # of "not mentioned", which is the answer at most slots

Draw = Callable[[np.random.Generator], TaughtSentence]


def new_facts(width: int, dim: int, grades: nn.Linear) -> Facts:
    """Untrained networks around the facts, for token states of this width. `grades`: see `Facts`."""
    config = FactsConfig(
        width=width,
        heads=HEADS,
        hidden=HIDDEN,
        slots=FACT_SLOTS,
        sizes=SIZES,
        graded=len(SLOTS),
        teller=TELLER,
        dim=dim,
    )
    facts = Facts(config)
    with torch.no_grad():
        facts.read.last.bias[NOT_MENTIONED] = BEGINNING_LOGIT
        for questions in facts.read.questions.parameters():
            questions.mul_(QUESTION_SIZE)
    facts.grades.load_state_dict(grades.state_dict())
    return facts


class SentenceReading(nn.Module):
    """What is trained first: the BERT and what reads its states."""

    def __init__(self, encoder: FactEncoder) -> None:
        super().__init__()
        self.bert, self.read = encoder.bert, encoder.facts.read
        # Words that the sentences lack keep their place beside those that they have.
        self.bert.embeddings.word_embeddings.requires_grad_(False)

    def forward(self, sentences: PackedSentences) -> tuple[Tensor, Tensor]:
        return read_packed(self.bert, self.read, sentences)


def train_sentences(stage: Stage, reading: SentenceReading, encoder: FactEncoder, draw: Draw) -> SentenceReading:
    """Cross-entropy of the answers at all slots, and of the sizes of what is asserted, over new sentences.

    `reading`: of the `encoder`, which tells how texts become tokens.
    """

    def losses(network: SentenceReading, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        sentences = [draw(rng) for _ in range(BATCH)]
        answers, sizes = network(encoder.packed([one.text for one in sentences]))
        wanted, wanted_sizes = (
            on_device(torch.from_numpy(np.stack(some)), device)
            for some in ([one.answers for one in sentences], [one.sizes for one in sentences])
        )
        size = F.cross_entropy(
            sizes.float().flatten(0, 1), wanted_sizes.flatten(), ignore_index=NO_SIZE, reduction="sum"
        )
        return {
            # Per sentence: most slots are not spoken of and easy, and a mean over all of them would drown the rest.
            "answer": F.cross_entropy(answers.float().flatten(0, 1), wanted.flatten(), reduction="sum") / BATCH,
            "size": SIZE_WEIGHT * size / BATCH,
        }

    return train(stage, reading, losses)


def train_telling(stage: Stage, facts: Facts, before: ReportEncoder, parts: tuple[str, ...]) -> nn.Module:
    """Facts are told as the encoder `before` tells a plain report of the same truth, so that the transformer stays."""
    before = before.to(stage.device)
    grades_of = facts.grades.requires_grad_(False).to(stage.device)

    def losses(tell: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        truths = [draw_report_truth(rng) for _ in range(TOLD_BATCH)]
        with torch.inference_mode():
            wanted = before.embed([encoder_text(write_plainly(truth), parts) for truth in truths])
        told = tell(on_device(torch.from_numpy(np.stack([said_facts(truth, rng) for truth in truths])), device))
        read = grades_of(told).unflatten(1, (len(SLOTS), -1)).flatten(0, 1)
        grade = on_device(torch.from_numpy(np.stack([grades(truth) for truth in truths])), device)
        return {
            "grade": F.cross_entropy(read, grade.flatten(), reduction="sum") / TOLD_BATCH,
            "told": TOLD_WEIGHT * (told - wanted).square().sum(1).mean(),
        }

    return train(stage, facts.tell, losses)


def said_facts(truth: Truth, rng: np.random.Generator) -> np.ndarray:
    """What a report of a truth says: its facts (len(FACT_SLOTS),). It leaves out some sizes and places."""
    facts = np.zeros(len(FACT_SLOTS), np.int64)
    for index, grade in enumerate(grades(truth)):
        if grade:
            facts[index] = UNSIZED if rng.random() < UNSIZED_ODDS else UNSIZED + grade
    for index in range(len(SLOTS), len(FACT_SLOTS)):
        places = [i for i, slot in enumerate(FACT_SLOTS[: len(SLOTS)]) if slot[0] == FACT_SLOTS[index][0]]
        if facts[places].any() and rng.random() < PLACELESS_ODDS:
            facts[index], facts[places] = facts[places].max(), 0
    return facts
