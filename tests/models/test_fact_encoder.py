"""The encoder that reads sentence by sentence, and what is shown of its reading."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.errors import CheckpointError
from ctflow.models.fact_encoder import FactEncoder
from ctflow.models.facts import Facts
from ctflow.models.report_reader import ReportReader
from ctflow.pipeline import CTFlow
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED, Mention
from ctflow.report import Report, placed_sentences
from tests.tiny import CARD, FACTS, tiny_checkpoint

PARTS = ("{findings}\n", "{impression}")
LONG = "No nodule. The liver is normal, as is all else in the abdomen. " * 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny", facts=FACTS, text=replace(CARD.text, parts=PARTS))


@pytest.fixture
def encoder(folder: Path) -> FactEncoder:
    text = load_checkpoint(folder).text
    assert isinstance(text, FactEncoder)
    return text


def answer(encoder: FactEncoder, said: dict[str, dict[int, int]], told: set[int] | None = None) -> FactEncoder:
    """Makes the encoder answer so in these sentences, and its embedding tell the slots `told`, or what was read."""
    encoder.max_tokens = 10**6

    def read(sentences: list[str]) -> dict[str, tuple[Tensor, Tensor]]:
        return {one: logits(said.get(one, {})) for one in sentences}

    encoder.read_sentences = read  # type: ignore[method-assign]  # what a trained one would read
    asserted = {slot for slots in said.values() for slot, one in slots.items() if one == ASSERTED}
    there = asserted if told is None else told
    grades = torch.tensor([[-9.0, 9.0, 0.0] if slot in there else [9.0, 0.0, 0.0] for slot in range(FACTS.graded)])
    encoder.facts.grades.weight.zero_()
    encoder.facts.grades.bias.copy_(grades.flatten())
    return encoder


def logits(said: dict[int, int]) -> tuple[Tensor, Tensor]:
    answers = torch.tensor([said.get(slot, NOT_MENTIONED) for slot in range(len(FACTS.slots))])
    return 9.0 * torch.eye(3)[answers], 9.0 * torch.eye(3)[[0] * len(FACTS.slots)]


RIGHT, LEFT, EFFUSION_R, EFFUSION_L, HEART, CONSOLIDATION, EFFUSION = range(7)


def test_what_was_saved_is_loaded(folder: Path, encoder: FactEncoder) -> None:
    torch.manual_seed(1)
    facts = Facts(FACTS)
    assert encoder.facts.config == FACTS and encoder.dim == 8
    assert encoder.facts.state_dict().keys() == facts.state_dict().keys()
    assert not (folder / "reader").exists() and load_checkpoint(folder).reads


@torch.inference_mode()
def test_texts_are_embedded_together_as_each_alone(encoder: FactEncoder) -> None:
    texts = ["No effusion. Large heart.", "Large heart.", "", "Effusion. Effusion! No effusion."]
    together = encoder.embed(texts)
    assert together.norm(dim=1) == pytest.approx([1.0] * 4, abs=1e-5)
    for text, one in zip(texts, together, strict=True):
        torch.testing.assert_close(encoder.encode(text)[0, 0], one)


@torch.inference_mode()
def test_a_sentence_counts_the_same_in_a_long_report(encoder: FactEncoder) -> None:
    answer(encoder, {"Large heart.": {HEART: ASSERTED}})
    alone = encoder.embed(["Large heart."])
    for text in (f"Large heart. {LONG}", f"{LONG}Large heart. {LONG}", f"{LONG}Large heart."):
        torch.testing.assert_close(encoder.embed([text]), alone)
    assert not torch.allclose(encoder.embed([LONG]), alone)


def test_the_sentence_that_the_limit_cuts_is_not_read(encoder: FactEncoder) -> None:
    assert encoder.sentences("No effusion. Large right effusion.") == ["No effusion.", "Large right effusion."]
    encoder.max_tokens = 6
    assert encoder.sentences("No effusion. Large right effusion.") == ["No effusion."]


def test_findings_and_impression_are_different_sentences_without_stops(encoder: FactEncoder) -> None:
    report = Report("No effusion", "Large heart")
    model = ReportReader(encoder, None, PARTS).read(report)
    assert [one.sentence for one in model.sentences] == list(placed_sentences(report))
    assert encoder.sentences("No effusion\n Large heart") == ["No effusion", "Large heart"]


def found(encoder: FactEncoder, text: str) -> tuple[Mention, ...]:
    return ReportReader(encoder, None, PARTS).read(Report(text)).found


def test_what_is_read_is_shown(encoder: FactEncoder) -> None:
    said = {
        "Consolidation in the right upper lobe, no effusion.": {
            RIGHT: ASSERTED,
            EFFUSION_R: DENIED,
            EFFUSION_L: DENIED,
        },
        "Cardiomegaly.": {HEART: ASSERTED},
    }
    text = " ".join(said)
    read = ReportReader(answer(encoder, said), None, PARTS).read(Report(text))
    assert read.known == ("Consolidation", "Pleural effusion", "Cardiomegaly")
    assert set(read.found) == {
        Mention("Consolidation", True, "right", None, None),  # it knows no other lobe there
        Mention("Pleural effusion", False, None, None, None),
        Mention("Cardiomegaly", True, None, None, None),
    }
    assert read.unread == ()


def test_two_sides_of_one_sentence_are_read_apart(encoder: FactEncoder) -> None:
    sentence = "No effusion on the right, small effusion on the left."
    read = answer(encoder, {sentence: {EFFUSION_R: DENIED, EFFUSION_L: ASSERTED}})
    assert set(found(read, sentence)) == {
        Mention("Pleural effusion", False, "right", None, None),
        Mention("Pleural effusion", True, "left", None, None),
    }
    turned = answer(encoder, {sentence: {EFFUSION_R: ASSERTED, EFFUSION_L: DENIED}})
    assert found(turned, sentence) == ()


def test_what_the_sentence_does_not_say_is_not_shown(encoder: FactEncoder) -> None:
    """The guard: a finding that is not named, a denial without a word that denies, a heading."""
    assert found(answer(encoder, {"Cardiomegaly.": {EFFUSION_R: ASSERTED}}), "Cardiomegaly.") == ()
    assert found(answer(encoder, {"Cardiomegaly.": {HEART: DENIED}}), "Cardiomegaly.") == ()
    history = "Clinical history: cardiomegaly."
    assert found(answer(encoder, {history: {HEART: ASSERTED}}), history) == ()


def test_where_the_embedding_tells_something_else_nothing_is_shown_as_read(encoder: FactEncoder) -> None:
    said = {"Cardiomegaly.": {HEART: ASSERTED}}
    assert found(answer(encoder, said), "Cardiomegaly.")
    read = ReportReader(answer(encoder, said, told=set()), None, PARTS).read(Report("Cardiomegaly."))
    assert (read.found, read.unread) == ((), ("Cardiomegaly.",))


def test_a_finding_without_a_place_is_shown_without_one(encoder: FactEncoder) -> None:
    said = {"There is consolidation.": {CONSOLIDATION: ASSERTED}}
    assert found(answer(encoder, said), "There is consolidation.") == (
        Mention("Consolidation", True, None, None, None),
    )


def test_a_model_with_such_an_encoder_generates(folder: Path) -> None:
    model = CTFlow.load(folder, "cpu")
    assert len(model.generate(model.card.request(Report("No effusion.", "Large heart."), seed=0)).hu)


def test_facts_that_are_cut_or_of_another_encoder_are_named(folder: Path) -> None:
    config = folder / "text" / "facts.json"
    whole = config.read_text()
    config.write_text(whole.replace('"width": 8', '"width": 16'))
    with pytest.raises(CheckpointError, match="facts"):
        load_checkpoint(folder)
    config.write_text(whole.replace('"dim": 8', '"dim": "wide"'))
    with pytest.raises(CheckpointError, match="dim"):
        load_checkpoint(folder)
    config.write_text(whole)
    (folder / "text" / "facts.safetensors").unlink()
    with pytest.raises(CheckpointError, match="facts"):
        load_checkpoint(folder)
