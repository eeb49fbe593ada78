"""The card of a converted model says what went into it, and what about it is not proved."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ctflow.card import ModelCard, read_card
from ctflow.checkpoint.catalog import CXR_BERT, RELEASED
from ctflow.checkpoint.catalog import TAEF1 as TAEF1_ADDRESS
from ctflow.pipeline import CTFlow
from ctflow.released.convert import convert
from ctflow.released.hub import parse_address
from tests.fabricated import WEIGHTS, cxr_bert_file, fabricated, run_convert, taef1_folder, words_of

COMMIT, LATER = "a" * 40, "b" * 40


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """The published places in a cache with the layout of the hub's client, at two commits each."""
    sources = fabricated(tmp_path / "files", "ctflow-v1").sources
    published = {part.source: getattr(sources, part.name) for part in RELEASED["ctflow-v1"].parts}
    published[TAEF1_ADDRESS] = taef1_folder(tmp_path / "files/small")
    published[f"{CXR_BERT}/pytorch_model.bin"] = cxr_bert_file(sources.tokenizer / "pytorch_model.bin")
    for source, path in published.items():
        for commit in (COMMIT, LATER):
            place = at(tmp_path / "hub", replace(parse_address(source), revision=commit))
            place.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if path.is_dir() else shutil.copy)(path, place)
    return tmp_path


def at(cache: Path, address) -> Path:
    folder = f"{address.kind}s--{address.repo.replace('/', '--')}"
    return cache / folder / "snapshots" / (address.revision or COMMIT) / address.inside


def converted(folder: Path, *words: str, name: str = "ctflow-v1") -> ModelCard:
    """The card of a model that the command makes from what the hub has in its cache, and from local files."""

    def fetch(source: str, patterns: tuple[str, ...]) -> Path:
        return Path(source) if Path(source).exists() else at(folder / "hub", parse_address(source))

    out = folder / f"model{len(list(folder.iterdir()))}"
    run_convert(name, *words, "--out", str(out), fetch=fetch)
    return read_card(out / "card.json")


def test_the_card_names_published_places_with_their_commits(hub: Path) -> None:
    card = converted(hub, "--taef1")
    assert card.title == "CTFlow, the published weights"
    assert card.provenance == (
        "Converted from the published weights. "
        f"denoiser: EnyaWoooo/CTFlow@{COMMIT}/checkpoint-680000/denoiser_ema; "
        f"avae: black-forest-labs/FLUX.1-schnell@{COMMIT}/vae; "
        f"text: datasets/ibrahimhamamci/CT-RATE@{COMMIT}/models/CT-CLIP-Related/CT-CLIP_v2.pt; "
        f"tokenizer: microsoft/BiomedVLP-CXR-BERT-specialized@{COMMIT}; "
        f"taef1: madebyollin/taef1@{COMMIT}."
    )


def test_the_published_place_may_be_typed_out(hub: Path) -> None:
    typed = f"hf://{RELEASED['ctflow-v1'].part('denoiser').source}/"
    assert converted(hub, "--denoiser", typed) == converted(hub)


def test_another_commit_makes_another_card_and_is_not_called_published(hub: Path) -> None:
    """Both cards used to say "the published weights", and nothing distinguished them."""
    other = f"EnyaWoooo/CTFlow@{LATER}/checkpoint-680000/denoiser_ema"
    first, second = converted(hub), converted(hub, "--denoiser", other)
    assert f"denoiser: {other};" in second.provenance and first.provenance != second.provenance
    assert "published" not in second.title + second.provenance


def test_the_card_names_a_local_part_by_its_hash_and_never_by_its_path(hub: Path) -> None:
    sources = hub / "files"
    card = converted(hub, "--denoiser", str(sources / "denoiser_ema"), "--text", str(sources / "CT-CLIP_v2.pt"))
    assert card.title == "CTFlow, weights as given"
    assert "published" not in card.provenance and str(hub) not in str(card) and "denoiser_ema" not in card.provenance
    assert re.search(r"denoiser: a local folder \(sha256 over 2 files [0-9a-f]{12}\);", card.provenance)
    digest = hashlib.sha256((sources / "CT-CLIP_v2.pt").read_bytes()).hexdigest()
    assert f"text: a local file (sha256 {digest[:12]});" in card.provenance
    assert f"avae: black-forest-labs/FLUX.1-schnell@{COMMIT}/vae;" in card.provenance


def test_a_path_into_the_cache_is_a_local_one(hub: Path) -> None:
    """The files there may have been changed by hand."""
    place = at(hub / "hub", replace(parse_address(str(RELEASED["ctflow-v1"].part("avae").source)), revision=COMMIT))
    assert "avae: a local folder" in converted(hub, "--avae", str(place)).provenance


def test_another_small_decoder_or_text_encoder_is_not_the_published_model(hub: Path) -> None:
    assert "taef1: a local folder" in converted(hub, "--taef1", str(hub / "files/small")).provenance
    card = converted(hub, "--cxr-bert")
    assert card.title == "CTFlow, weights as given" and "not parity" in card.provenance
    assert f"text: {CXR_BERT}@{COMMIT}/pytorch_model.bin;" in card.provenance


def test_no_place_is_known_to_be_the_published_one_of_v2(tmp_path: Path) -> None:
    sources = fabricated(tmp_path / "files", "ctflow-v2").sources
    card = converted(tmp_path, *words_of(sources), name="ctflow-v2")
    assert card.title == "CTFlow v2, weights as given"
    assert "avae: a local file (sha256" in card.provenance


def test_the_card_differs_for_other_local_weights_and_not_for_files_that_are_not_read(tmp_path: Path) -> None:
    made = fabricated(tmp_path / "v1", "ctflow-v1")
    first = convert(made.spec, made.sources, tmp_path / "first").provenance
    (made.sources.denoiser / ".git").write_text("notes of a download")
    assert convert(made.spec, made.sources, tmp_path / "again").provenance == first
    weights = load_file(made.sources.denoiser / WEIGHTS)
    save_file(weights | {"model.t_block.1.bias": torch.ones(288)}, made.sources.denoiser / WEIGHTS)
    second = convert(made.spec, made.sources, tmp_path / "second").provenance
    differ = [(a, b) for a, b in zip(first.split("; "), second.split("; "), strict=True) if a != b]
    assert len(differ) == 1 and "denoiser: a local folder" in differ[0][0]


@pytest.mark.parametrize("name", ["ctflow-v1", "ctflow-v2"])
def test_the_caution_beside_a_volume_says_what_is_inferred_until_it_is_proved(name: str, tmp_path: Path) -> None:
    """The page shows only this, and a mirrored volume looks like any other. Editing the card is enough to change it."""
    made, out = fabricated(tmp_path / "files", name), tmp_path / "out"
    card = convert(made.spec, made.sources, out)
    assert card.caution == (
        "Synthetic: of no real patient. Not for diagnosis. "
        "Inferred, not proved: left and right, slice spacing, text format."
    )
    edited = json.loads((out / "card.json").read_text())
    edited["geometry"]["axes"], edited["evidence"]["axes"] = ["S", "L", "A"], "proved"
    (out / "card.json").write_text(json.dumps(edited))
    assert CTFlow.load(out, "cpu").card.caution.endswith("Inferred, not proved: slice spacing, text format.")
    edited["evidence"] = dict.fromkeys(edited["evidence"], "proved")
    (out / "card.json").write_text(json.dumps(edited))
    assert CTFlow.load(out, "cpu").card.caution == "Synthetic: of no real patient. Not for diagnosis."
    assert "Hounsfield units" in replace(card, evidence=replace(card.evidence, intensity="inferred")).caution
