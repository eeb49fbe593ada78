"""How the demo's image tower and reader are taught: what their sentences say, and what a tower sees."""

import numpy as np
import pytest
import torch

from ctflow.data.phantoms import PhantomSet
from ctflow.demo import text
from ctflow.demo.sizes import SMOKE
from ctflow.demo.tower import fit_tower, tower_image
from ctflow.evaluation.statistics import auroc
from ctflow.models.ctclip import CTClip
from ctflow.phantom import KINDS, SLOTS, Finding, Phrasings, Truth
from ctflow.phantom import sentences as mentions
from ctflow.phantom.others import OTHERS, OTHERS_NEW
from ctflow.phantom.sentences import Sentence, draw_sentence
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED

TOWER = SMOKE.tower


@pytest.mark.parametrize("phrasings", ["known", "held-out"])
def test_a_sentences_answers_are_what_it_says(phrasings: str) -> None:
    rng = np.random.default_rng(0)
    seen = {answer: 0 for answer in (NOT_MENTIONED, DENIED, ASSERTED)}
    for _ in range(400):
        one = draw_sentence(rng, phrasings)  # type: ignore[arg-type]
        told = {SLOTS[i] for i in np.flatnonzero(one.slots == ASSERTED)}
        assert (one.sort == "asserted") == bool(told), one.text
        assert (one.sort == "other") == (not one.slots.any()), one.text
        for side, other in (("right", "left"), ("left", "right")):
            if side in one.text.lower() and other not in one.text.lower() and "," not in one.text:
                assert not any(where == other for kind, (where, _) in told if kind != "Medical material"), one.text
        for answer in seen:
            seen[answer] += bool((one.slots == answer).any())
    assert min(seen.values()) > 50


def test_no_sentence_denies_and_asserts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    parts: list[Sentence] = []

    def draw(rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
        parts.append(drawn(rng, phrasings))
        return parts[-1]

    drawn = mentions._draw_one
    monkeypatch.setattr(mentions, "_draw_one", draw)
    monkeypatch.setattr(mentions, "JOINED_SHARE", 1.0)
    for _ in range(600):
        parts.clear()
        one = draw_sentence(rng, "known")
        first, last = parts[0].slots, parts[-1].slots
        assert not ((first == DENIED) & (last == ASSERTED) | (first == ASSERTED) & (last == DENIED)).any(), one.text
        assert np.array_equal(one.slots, np.maximum(first, last))


def test_a_denial_in_general_words_denies_all_that_it_means() -> None:
    rng = np.random.default_rng(2)
    drawn = {one.text: one.slots for one in (draw_sentence(rng, "known") for _ in range(20_000))}
    clear = {SLOTS[i] for i in np.flatnonzero(drawn["Pleural spaces are clear."] == DENIED)}
    assert {kind for kind, _ in clear} == {"Pleural effusion", "Pneumothorax"}


def test_the_encoder_is_tested_on_other_reports_than_its_first_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    class Drawn(Exception):
        pass

    def draw(rng: np.random.Generator) -> Truth:
        raise Drawn(rng.random())

    monkeypatch.setattr(text, "draw_truth", draw)
    with pytest.raises(Drawn) as caught:
        text.accuracy(None, None, (), 1, 3, "known")  # type: ignore[arg-type]
    assert caught.value.args[0] not in [np.random.default_rng([3, step]).random() for step in range(100)]


def test_what_is_kept_for_the_test_is_not_learnt() -> None:
    assert not set(OTHERS) & set(OTHERS_NEW)


@pytest.fixture(scope="module")
def phantoms() -> PhantomSet:
    """A dark box, and in every second one a bright block on the right: all that there is to be learnt."""
    rng = np.random.default_rng(0)
    hu = np.full((16, 96, 256, 256), -1000, np.int16)
    hu[:, :, 60:200, 40:216] = -800
    truths = []
    for index, volume in enumerate(hu):
        volume += rng.integers(-20, 20, size=(96, 1, 1), dtype=np.int16)
        there = index % 2 == 0
        if there:
            volume[20:60, 100:160, 60:110] = 40
        finding = Finding(kind="Pleural effusion", side="right", size="large", ml=1000.0)
        truths.append(Truth(findings=(finding,) if there else ()))
    return PhantomSet(hu, [96] * len(hu), truths)


@pytest.fixture(scope="module")
def fitted(phantoms: PhantomSet) -> tuple[CTClip, torch.Tensor]:
    clip, latents = fit_tower(TOWER, phantoms, 0)
    return clip.requires_grad_(False), latents


def test_a_fitted_tower_tells_what_is_there(phantoms: PhantomSet, fitted: tuple[CTClip, torch.Tensor]) -> None:
    clip, latents = fitted
    label = len(SLOTS) + KINDS.index("Pleural effusion")
    there = np.arange(len(latents)) % 2 == 0
    for said in (latents, torch.cat([clip.image_latent(tower_image(phantoms, i, TOWER)[None]) for i in range(16)])):
        assert said.norm(dim=-1).allclose(torch.ones(16))
        assert auroc(said[there, label], said[~there, label]).value > 0.9


def test_its_codes_are_used(fitted: tuple[CTClip, torch.Tensor], phantoms: PhantomSet) -> None:
    tower = fitted[0].visual_transformer
    tokens = tower.along_slices(tower.in_planes(tower.patches(tower_image(phantoms, 0, TOWER)[None])))
    codes = tower.vq(tokens)
    assert len(tower.vq._codebook.indices(tokens).unique()) > 2
    assert (codes - tokens).square().mean() < 0.5 * tokens.square().mean()
