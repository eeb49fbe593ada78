"""What is taught of a sentence is what its mentions say."""

import numpy as np
import pytest

from ctflow.demo.taught import FACT_SLOTS, NO_SIZE, SIZE_SAID, draw_taught, taught
from ctflow.phantom import KINDS
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED, Mention


def said(*mentions: Mention) -> dict[tuple, tuple[int, int]]:
    """By slot, the answer and the size, where there is any."""
    one = taught("A sentence.", mentions)
    found = zip(FACT_SLOTS, one.answers.tolist(), one.sizes.tolist(), strict=True)
    return {slot: (answer, size) for slot, answer, size in found if answer != NOT_MENTIONED or size != NO_SIZE}


UNSAID, LARGE = SIZE_SAID[None], SIZE_SAID["large"]


@pytest.mark.parametrize(
    ("mention", "expected"),
    [
        (Mention("Cardiomegaly", True, None, None, "large"), {("Cardiomegaly", None, None): (ASSERTED, LARGE)}),
        (Mention("Pneumothorax", True, "left", None, None), {("Pneumothorax", "left", None): (ASSERTED, UNSAID)}),
        (Mention("Pneumothorax", True, None, None, "large"), {("Pneumothorax", None, None): (ASSERTED, LARGE)}),
        (Mention("Pneumothorax", False, None, None, None),
         {("Pneumothorax", side, None): (DENIED, NO_SIZE) for side in ("right", "left")}),
        (Mention("Lung nodule", True, "both", "lower", None),
         {("Lung nodule", side, "lower"): (ASSERTED, UNSAID) for side in ("right", "left")}),
        (Mention("Lung nodule", False, "left", None, None),
         {("Lung nodule", "left", lobe): (DENIED, NO_SIZE) for lobe in ("upper", "lower")}),
    ],
)  # fmt: skip
def test_a_mention_answers_the_questions_of_its_places(mention: Mention, expected: dict) -> None:
    assert said(mention) == expected


def test_what_is_asserted_and_the_larger_size_count() -> None:
    right = ("Pleural effusion", "right", None)
    small = Mention(*right[:1], True, "right", None, "small")
    assert said(small, Mention(right[0], True, "right", None, "large"), Mention(right[0], False, None, None, None)) == {
        right: (ASSERTED, LARGE),
        ("Pleural effusion", "left", None): (DENIED, NO_SIZE),
    }


def test_drawn_sentences_teach_every_answer_of_every_finding() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_taught(rng, "known") for _ in range(3000)]
    answers = np.stack([one.answers for one in drawn])
    for kind in KINDS:
        of_kind = [index for index, slot in enumerate(FACT_SLOTS) if slot[0] == kind]
        assert (answers[:, of_kind] == ASSERTED).any() and (answers[:, of_kind] == DENIED).any(), kind
    assert (answers == NOT_MENTIONED).all(1).mean() > 0.1
    assert all(((one.sizes == NO_SIZE) == (one.answers != ASSERTED)).all() for one in drawn)
