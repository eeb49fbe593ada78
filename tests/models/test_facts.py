"""Facts: what a report's sentences say together, whatever its length, and what is told of it."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ctflow.models.facts import NO_FACT, UNSIZED, Facts, FactsConfig, with_placeless
from ctflow.models.sentence_packing import ROW_TOKENS, pack
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED

PLACED = (("Consolidation", "right", "upper"), ("Consolidation", "right", "lower"), ("Pleural effusion", "left", None))
SLOTS = with_placeless((*PLACED, ("Cardiomegaly", None, None)))
UPPER, LOWER, EFFUSION, HEART, SOMEWHERE, EFFUSION_SOMEWHERE = range(6)
SMALL, LARGE = UNSIZED + 1, UNSIZED + 2


def config(**changes: object) -> FactsConfig:
    values = {"width": 8, "heads": 2, "hidden": 4, "slots": SLOTS, "sizes": ("small", "large"), "graded": 4}
    return FactsConfig(**{**values, "teller": 8, "dim": 4, **changes})  # type: ignore[arg-type]  # as from a file


@pytest.fixture
def facts() -> Facts:
    torch.manual_seed(0)
    return Facts(config()).requires_grad_(False)


def sentence(answers: dict[int, int], sizes: dict[int, int] | None = None, sure: float = 9.0) -> tuple[Tensor, Tensor]:
    """Logits of a sentence with these answers, and these sizes: 0 is none."""
    said = torch.tensor([answers.get(slot, NOT_MENTIONED) for slot in range(len(SLOTS))])
    size = torch.tensor([(sizes or {}).get(slot, 0) for slot in range(len(SLOTS))])
    return sure * F.one_hot(said, 3).float(), sure * F.one_hot(size, 3).float()


def gathered(facts: Facts, *sentences: tuple[Tensor, Tensor]) -> list[int]:
    return facts.gather(*(torch.stack(some) for some in zip(*sentences, strict=True))).tolist()


def test_every_finding_with_places_has_a_slot_without_one() -> None:
    assert SLOTS[4:] == (("Consolidation", None, None), ("Pleural effusion", None, None))
    assert [slot for slot in SLOTS if config().is_placeless(slot)] == list(SLOTS[4:])


def test_what_any_sentence_asserts_is_there_with_its_largest_size(facts: Facts) -> None:
    small, large = sentence({UPPER: ASSERTED}, {UPPER: 1}), sentence({UPPER: ASSERTED}, {UPPER: 2})
    unsized, denied = sentence({UPPER: ASSERTED}), sentence({UPPER: DENIED, HEART: DENIED})
    assert gathered(facts, small, large, unsized, denied)[UPPER] == LARGE
    assert gathered(facts, unsized, small)[UPPER] == SMALL
    assert gathered(facts, denied, unsized)[UPPER] == UNSIZED
    assert gathered(facts, denied) == [NO_FACT] * len(SLOTS)


def test_what_a_report_says_of_a_finding_does_not_depend_on_the_rest_of_it(facts: Facts) -> None:
    said, others = sentence({EFFUSION: ASSERTED}, {EFFUSION: 1}), [sentence({HEART: DENIED}), sentence({})] * 20
    for place in (0, 20, 40):
        assert gathered(facts, *others[:place], said, *others[place:]) == gathered(facts, said)


def test_an_answer_that_is_not_sure_is_none(facts: Facts) -> None:
    assert gathered(facts, sentence({UPPER: ASSERTED}, sure=1.0)) == [NO_FACT] * len(SLOTS)
    answers, _ = sentence({UPPER: ASSERTED, HEART: DENIED}, sure=1.0)
    assert facts.answers(answers).tolist() == [NOT_MENTIONED] * len(SLOTS)


def test_somewhere_says_nothing_beside_a_place(facts: Facts) -> None:
    somewhere, in_place = sentence({SOMEWHERE: ASSERTED}, {SOMEWHERE: 2}), sentence({LOWER: ASSERTED})
    assert gathered(facts, somewhere)[SOMEWHERE] == LARGE
    both = gathered(facts, somewhere, in_place)
    assert (both[SOMEWHERE], both[LOWER]) == (NO_FACT, UNSIZED)
    assert gathered(facts, somewhere, sentence({EFFUSION: ASSERTED}))[SOMEWHERE] == LARGE, "of another finding"


def graded(facts: Facts, present: set[int]) -> Facts:
    """Networks whose embedding tells these slots, and no others, whatever the facts are."""
    facts.grades.weight.zero_()
    there = torch.tensor([[-9.0, 9.0, 0.0] if slot in present else [9.0, 0.0, 0.0] for slot in range(4)])
    facts.grades.bias.copy_(there.flatten())
    return facts


def values(*there: int) -> Tensor:
    return torch.tensor([SMALL if slot in there else NO_FACT for slot in range(len(SLOTS))])


def test_findings_of_which_the_embedding_tells_something_else_are_named(facts: Facts) -> None:
    assert graded(facts, {UPPER}).disagreed(values(UPPER)) == set()
    assert graded(facts, {UPPER}).disagreed(values(UPPER, LOWER)) == set(), "one lobe of those of a side is enough"
    assert graded(facts, {UPPER}).disagreed(values(EFFUSION)) == {"Pleural effusion", "Consolidation"}
    assert graded(facts, {UPPER}).disagreed(values(SOMEWHERE)) == set(), "where it is was not said"
    assert graded(facts, set()).disagreed(values(HEART)) == {"Cardiomegaly"}


def test_an_embedding_is_of_unit_length_and_tells_facts_apart(facts: Facts) -> None:
    told = facts.tell(torch.stack([values(), values(UPPER), values(LOWER)]))
    assert told.norm(dim=1) == pytest.approx([1.0] * 3, abs=1e-6)
    assert not torch.allclose(told[1], told[2])


def test_a_slot_asks_the_tokens_and_not_the_padding() -> None:
    torch.manual_seed(0)
    read = Facts(config()).read.requires_grad_(False)
    sentences = pack([[1] * ROW_TOKENS, [1] * 3], torch.device("cpu"))  # the second one's row has room left
    states = torch.randn(2, ROW_TOKENS, 8)
    other = states.clone()
    other[1, 3:] = 7.0
    for found, expected in zip(read(states, sentences), read(other, sentences), strict=True):
        torch.testing.assert_close(found, expected)
    answers, sizes = read(states, sentences)
    assert answers.shape == (2, len(SLOTS), 3) and sizes.shape == (2, len(SLOTS), 3)


def test_a_width_that_no_heads_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="a width of 8 does not divide into 3 heads"):
        Facts(config(heads=3))
