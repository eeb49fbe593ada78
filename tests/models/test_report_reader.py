"""What a model says that it read: by finding and place, from sentences that it really takes in."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.errors import CheckpointError
from ctflow.models.reader import Reader, ReaderConfig
from ctflow.pipeline import CTFlow
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED, Mention
from ctflow.report import Report, placed_sentences, sentences
from tests.tiny import CARD, tiny_checkpoint

SLOTS = (
    ("Consolidation", "right", "upper"),
    ("Consolidation", "right", "lower"),
    ("Consolidation", "left", "upper"),
    ("Consolidation", "left", "lower"),
    ("Pleural effusion", "right", None),
    ("Pleural effusion", "left", None),
    ("Cardiomegaly", None, None),
)
SIZES = ("small", "large")


def config(slots: tuple = SLOTS) -> ReaderConfig:
    return ReaderConfig(dim=8, layers=1, hidden=4, slots=slots, sizes=SIZES)


class GivenAnswers(Reader):
    """A reader whose heads give these answers and these sizes, by slot."""

    def __init__(self, answers: dict[int, int], sizes: dict[int, int]) -> None:
        super().__init__(config())
        self.given = torch.tensor([[answers.get(slot, NOT_MENTIONED) for slot in range(len(SLOTS))]])
        self.sizes = torch.tensor([[sizes.get(slot, -1) for slot in range(len(SLOTS))]])

    def answers(self, embedding: Tensor, states: Tensor) -> Tensor:
        return self.given

    def graded(self, embedding: Tensor) -> Tensor:
        return self.sizes


class FakeEncoder:
    def encode_states(self, text: str) -> tuple[Tensor, Tensor]:
        return torch.zeros(1, 8), torch.zeros(1, 16)


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("said", [NOT_MENTIONED, DENIED, ASSERTED])
def test_what_the_grades_contradict_is_not_recognised(there: bool, said: int) -> None:
    reader = Reader(config(SLOTS[:1])).requires_grad_(False)
    for layer in (reader.grades, reader.mentions[2]):
        layer.weight.zero_()
    reader.grades.bias.copy_(torch.tensor([-9.0, 9.0, 0.0] if there else [9.0, 0.0, 0.0]))
    reader.mentions[2].bias.copy_(9.0 * torch.eye(3)[said])
    (answer,) = reader.answers(torch.zeros(1, 8), torch.zeros(1, 16))[0].tolist()
    assert answer == (said if said == (ASSERTED if there else DENIED) else NOT_MENTIONED)


def test_what_is_asserted_of_a_whole_side_must_be_in_one_of_its_lobes() -> None:
    """Slots: consolidation in two lobes of each side, and effusion on two sides."""
    reader = Reader(config(SLOTS[:6])).requires_grad_(False)
    for layer in (reader.grades, reader.mentions[2]):
        layer.weight.zero_()
    there = torch.tensor([True, False, False, False, True, False])
    reader.grades.bias.copy_(torch.where(there[:, None], torch.tensor([-9.0, 9, 0]), torch.tensor([9.0, 0, 0])).ravel())
    reader.mentions[2].bias.copy_(9.0 * torch.eye(3)[torch.full((6,), ASSERTED)].ravel())
    (answers,) = reader.answers(torch.zeros(1, 8), torch.zeros(1, 16)).tolist()
    assert answers == [ASSERTED, ASSERTED, NOT_MENTIONED, NOT_MENTIONED, ASSERTED, NOT_MENTIONED]


@pytest.mark.parametrize(
    ("answers", "sizes", "expected"),
    [
        ({}, {}, []),
        ({4: ASSERTED}, {4: 1}, [("Pleural effusion", True, "right", None, "large")]),
        ({4: ASSERTED}, {}, [("Pleural effusion", True, "right", None, None)]),
        ({4: ASSERTED, 5: ASSERTED}, {4: 0, 5: 0}, [("Pleural effusion", True, "both", None, "small")]),
        ({5: DENIED}, {5: 1}, [("Pleural effusion", False, "left", None, None)]),
        ({4: DENIED, 5: DENIED}, {}, [("Pleural effusion", False, None, None, None)]),
        ({1: ASSERTED}, {1: 1}, [("Consolidation", True, "right", "lower", "large")]),
        ({2: ASSERTED, 3: ASSERTED}, {}, [("Consolidation", True, "left", None, None)]),
        ({0: ASSERTED, 3: ASSERTED}, {},
         [("Consolidation", True, "right", "upper", None), ("Consolidation", True, "left", "lower", None)]),
        ({6: ASSERTED}, {6: 0}, [("Cardiomegaly", True, None, None, "small")]),
        ({5: ASSERTED, 4: DENIED}, {},
         [("Pleural effusion", False, "right", None, None), ("Pleural effusion", True, "left", None, None)]),
    ],
)  # fmt: skip
def test_places_are_joined_as_people_say_them(
    answers: dict[int, int], sizes: dict[int, int], expected: list[tuple]
) -> None:
    read = GivenAnswers(answers, sizes).read(FakeEncoder(), "A sentence.")
    assert read == tuple(Mention(*one) for one in expected)


def test_sentences_keep_their_decimals_and_each_stands_once() -> None:
    report = Report("A 1.5 cm nodule; no effusion.  Clear!\nImpression follows\n\n3.", "No effusion. Clear!")
    assert sentences(report) == ["A 1.5 cm nodule;", "no effusion.", "Clear!", "Impression follows", "No effusion."]


def test_a_sentence_of_what_nobody_sees_is_none() -> None:
    """The report was accepted, and reading its last sentence raised that it was empty."""
    assert sentences(Report("Lung nodule. \u3164.")) == ["Lung nodule."]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny", heads=True, text=replace(CARD.text, max_tokens=16))


def test_only_what_the_model_takes_in_is_read(folder: Path) -> None:
    model = CTFlow.load(folder, "cpu")
    read = model.read(Report("No effusion. " + "effusion " * 20 + ". Large right effusion."))
    assert read.cut_text.endswith("Large right effusion.")
    assert read.known == ("Consolidation", "Pleural effusion")
    assert "Large right effusion." not in read.unread
    assert "No effusion." in read.unread or read.found, "random weights say something or nothing, but of this"
    assert model.read(None).known == read.known and model.read(None).tokens == 0


def test_each_sentence_is_read_where_it_stands_and_the_report_is_all_of_them(folder: Path) -> None:
    report = Report("No effusion.\n2. Clear! No effusion.", "Large right effusion.")
    read = CTFlow.load(folder, "cpu").read(report)
    assert [one.sentence for one in read.sentences] == list(placed_sentences(report))
    for one in read.sentences:
        assert one.is_cut or one.found or one.unread
    first, _, again, _ = read.sentences
    assert (first.found, first.unread) == (again.found, again.unread)
    assert set(read.found) == {mention for one in read.sentences for mention in one.found}


def test_a_sentence_that_stands_again_behind_the_limit_is_not_taken_in_there(folder: Path) -> None:
    """The same text before the limit had been enough for it."""
    read = CTFlow.load(folder, "cpu").read(Report("No effusion. " + "effusion " * 20 + ".", "No effusion."))
    assert [one.is_cut for one in read.sentences] == [False, True, True]
    assert read.sentences[0].found or read.sentences[0].unread
    assert not read.sentences[2].found and not read.sentences[2].unread


def test_a_field_that_the_model_is_not_given_is_not_read(tmp_path: Path) -> None:
    text = replace(CARD.text, parts=("Findings: {findings}",))
    model = CTFlow.load(tiny_checkpoint(tmp_path / "tiny", heads=True, text=text), "cpu")
    assert [one.is_cut for one in model.read(Report("No effusion.", "No effusion.")).sentences] == [False, True]


def test_a_model_without_heads_says_no_more_than_before(tmp_path: Path) -> None:
    read = CTFlow.load(tiny_checkpoint(tmp_path / "tiny"), "cpu").read(Report("No effusion."))
    assert (read.known, read.found, read.unread) == ((), (), ())
    assert [one.sentence.text for one in read.sentences] == ["No effusion."]


@pytest.mark.parametrize("head", ["reader", "ctclip"])
def test_a_head_that_is_cut_or_of_another_encoder_is_named(folder: Path, head: str, tmp_path: Path) -> None:
    config = folder / head / "config.json"
    whole = config.read_text()
    name = {"reader": "dim", "ctclip": "dim_text"}[head]
    config.write_text(whole.replace(f'"{name}": 8', f'"{name}": 9'))
    with pytest.raises(CheckpointError, match=head):
        load_checkpoint(folder)
    config.write_text(whole)
    (folder / head / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=head):
        load_checkpoint(folder)
