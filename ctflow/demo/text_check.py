"""How well an encoder reads new sentences, and how well its embeddings tell what reports say."""

import logging
from typing import get_args

import numpy as np
import torch

from ctflow.demo.taught import draw_taught
from ctflow.evaluation.telling import LENGTHS, grades_right
from ctflow.models.fact_encoder import FactEncoder
from ctflow.phantom import Phrasings
from ctflow.reading import NOT_MENTIONED
from ctflow.training.randomness import random_stream

REPORT_SHARE = 20  # so many sentences are checked for each report of a length
log = logging.getLogger(__name__)


def check_encoder(encoder: FactEncoder, parts: tuple[str, ...], count: int, seed: int) -> None:
    """Logs how well `count` new sentences are read, before the guard, and what embeddings of reports tell."""
    for phrasings in get_args(Phrasings):
        right, misread = sentence_accuracy(encoder, count, seed, phrasings)
        log.info("new sentences, %s phrasings: %.1f %% right, %.1f %% misread", phrasings, 100 * right, 100 * misread)
    for length, words in LENGTHS.items():
        told = grades_right(encoder, encoder.facts.grades, parts, count // REPORT_SHARE, words, "known")
        log.info("reports of %s tokens: %.1f %% of grades of what is there told right", length, 100 * told.value)


@torch.inference_mode()
def sentence_accuracy(encoder: FactEncoder, count: int, seed: int, phrasings: Phrasings) -> tuple[float, float]:
    """The shares of sentences that are read wholly right, and in which something is read that they do not say."""
    rng = random_stream(seed, "sentences that check the text encoder")
    drawn = {one.text: one for one in (draw_taught(rng, phrasings) for _ in range(count))}
    read = encoder.read_sentences(list(drawn))
    found = {text: encoder.facts.answers(answers).numpy() for text, (answers, _) in read.items()}
    right = [bool((found[text] == one.answers).all()) for text, one in drawn.items()]
    wrong = [bool(((found[text] != one.answers) & (found[text] != NOT_MENTIONED)).any()) for text, one in drawn.items()]
    return float(np.mean(right)), float(np.mean(wrong))
