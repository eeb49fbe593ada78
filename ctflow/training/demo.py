"""The demo model, from nothing: `python -m ctflow train demo`."""

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar, get_args

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from ctflow.card import Defaults, Evidence, Geometry, Guidance, Latent, ModelCard, Stop, Text
from ctflow.checkpoints import save_checkpoint
from ctflow.device import resolve_device
from ctflow.errors import ResourceError
from ctflow.hu import AIR_HU, IntensityMap
from ctflow.io.files import whole
from ctflow.models.avae import AVAE
from ctflow.models.ctclip import CTClip
from ctflow.models.reader import Reader
from ctflow.models.stdit import STDiTConfig
from ctflow.models.text import TextEncoder
from ctflow.phantom import SLOTS, Phrasings, amounts, draw_truth, write_report
from ctflow.report import encoder_text
from ctflow.training.avae import new_avae, train_avae
from ctflow.training.loop import TRAINED, Recipe, Stage
from ctflow.training.mentions import check_mentions, new_reader, train_mentions
from ctflow.training.phantoms import FACTS, MAX_SLICES, STUDIES, VOLUMES, PhantomSet, holds, phantom_set
from ctflow.training.plan import note_plan
from ctflow.training.sizes import DEMO, SMOKE, Sizes
from ctflow.training.text import Attributes, accuracy, embeddings, new_bert, new_tokenizer, train_text
from ctflow.training.tower import check_tower, fit_tower, seen, tower_set, train_tower
from ctflow.training.transformer import LatentSet, encode_volume, new_transformer, train_transformer

log = logging.getLogger(__name__)
N = TypeVar("N", bound=nn.Module)

INTENSITY = IntensityMap(black=0.0, white=1.0, hu_black=AIR_HU, hu_white=1400)
TEXT_PARTS = ("[Sex: {sex}]", "[Age: {age:03d}Y]", "Findings: {findings}", "Impression: {impression}")
MAX_TOKENS = 256
# Each with its share of the time.
AVAE_RECIPE, AVAE_SHARE = Recipe("avae", 4e-3, None, ema_decay=0.99, max_gradient_norm=10.0), 0.22
TEXT_RECIPE, TEXT_SHARE = Recipe("text", 1e-3, 3e-3, ema_decay=0.99, max_gradient_norm=1.0), 0.05
MENTIONS_RECIPE, MENTIONS_SHARE = Recipe("mentions", 3e-3, None, ema_decay=0.99, max_gradient_norm=10.0), 0.008
TOWER_RECIPE, TOWER_SHARE = Recipe("tower", 3e-3, None, ema_decay=0.99, max_gradient_norm=1.0), 0.02
TRANSFORMER_RECIPE, TRANSFORMER_SHARE = Recipe("transformer", 1e-3, 3e-3, 0.995, max_gradient_norm=1.0), 0.702
STAGES = ("avae", "text", "mentions", "tower", "transformer")
REPORTS_PER_PHANTOM = 8
PLAN, LATENTS = "plan.json", "latents.pt"
SPARE_BYTES = 2 * 10**8  # networks, their states, what is written beside before it takes a place


def train_demo(out: Path, work: Path, hours: float, smoke: bool, seed: int, device: str) -> None:
    """Trains, or goes on training, for about `hours`; keeps its state in `work` and writes a checkpoint folder `out`.

    All but the transformer are trained once: what comes after them depends on them. Raises RequestError where `work`
    holds another training, ResourceError without the device or the room on the disk.
    """
    sizes = SMOKE if smoke else DEMO
    device = resolve_device(device).type
    torch.manual_seed(seed)

    note_demo(work, sizes, seed)
    check_room(work, sizes, seed)

    def stage(recipe: Recipe, share: float) -> Stage:
        return Stage(recipe, work / recipe.name, 3600 * hours * share, seed, device)

    phantoms = phantom_set(work, sizes.phantoms, seed)
    kl = _avae(stage(AVAE_RECIPE, AVAE_SHARE), sizes, phantoms)
    attributes = _text(stage(TEXT_RECIPE, TEXT_SHARE), sizes)
    reader = _reader(stage(MENTIONS_RECIPE, MENTIONS_SHARE), sizes, attributes)
    tower = _tower(stage(TOWER_RECIPE, TOWER_SHARE), sizes, attributes.encoder, phantoms)
    volumes, scale, shift = _latents(work, kl, phantoms)
    data = _latent_set(volumes, AVAE(kl, scale, shift), _texts(work, attributes, phantoms, seed), phantoms)
    transformer = train_transformer(
        stage(TRANSFORMER_RECIPE, TRANSFORMER_SHARE),
        new_transformer(_transformer_config(sizes), data, seed),
        data,
        sizes.batch,
    )
    encoder = attributes.encoder
    card = _card(sizes, scale, shift, _provenance(work, sizes, device))
    with whole(out) as new:
        save_checkpoint(new, card, transformer, kl, encoder.bert, encoder.tokenizer, tower, reader)
    log.info("%s is there; try it with: python app.py --model %s", out, out)


def note_demo(work: Path, sizes: Sizes, seed: int) -> None:
    """Writes down what is trained in `work`, or compares; see `note_plan`.

    A folder older than its plan is believed where its phantoms are those asked for.
    """
    path = work / PLAN
    begun = any((work / name).exists() for name in (FACTS, *STAGES))
    begun = path.exists() or (begun and not holds(work, sizes.phantoms, seed))
    note_plan(path, {"seed": seed, **asdict(sizes)}, begun)


def check_room(work: Path, sizes: Sizes, seed: int) -> None:
    """Raises ResourceError where the disk has no room for the phantoms and latents that are not there yet."""
    slices, needed = sizes.phantoms * MAX_SLICES, SPARE_BYTES
    if not holds(work, sizes.phantoms, seed):
        (work / VOLUMES).unlink(missing_ok=True)  # what was cut short is made again
        needed += slices * 256 * 256 * 2
    if not (work / LATENTS).exists():
        needed += slices * sizes.latent_channels * _side(sizes) ** 2 * 2
    free = shutil.disk_usage(work).free
    if free < needed:
        raise ResourceError(
            f"{work} needs {needed / 1e9:.1f} GB more for phantoms and latents, and its disk has {free / 1e9:.1f} GB "
            "free: free some, or choose another --work."
        )


def _once(stage: Stage, network: N, train: Callable[[], nn.Module]) -> N:
    """The trained network for good: what comes after depends on every number in it."""
    done = stage.folder.with_suffix(".pt")
    if not done.exists():
        _save(train().state_dict(), done)
    network.load_state_dict(torch.load(done, weights_only=True))
    return network.eval().requires_grad_(False)


def _save(what: object, path: Path) -> None:
    with whole(path) as new:
        torch.save(what, new)


def _avae(stage: Stage, sizes: Sizes, phantoms: PhantomSet) -> AutoencoderKL:
    kl = new_avae(sizes.avae_channels, sizes.latent_channels)
    return _once(stage, kl, lambda: train_avae(stage, kl, phantoms, INTENSITY, sizes.avae_batch))


def _tokenizer(folder: Path, seed: int, reports: int) -> PreTrainedTokenizerBase:
    """Made once: the trainer of vocabularies breaks ties at random, so a second one would number words otherwise."""
    if not folder.exists():
        rng = np.random.default_rng([seed, 1])
        texts = [encoder_text(write_report(draw_truth(rng), rng), TEXT_PARTS) for _ in range(reports)]
        with whole(folder) as new:
            new_tokenizer(texts, MAX_TOKENS).save_pretrained(new)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _text(stage: Stage, sizes: Sizes) -> Attributes:
    tokenizer = _tokenizer(stage.folder.with_name("tokenizer"), stage.seed, sizes.vocabulary_reports)
    bert = new_bert(len(tokenizer), sizes.text_hidden, sizes.text_layers, MAX_TOKENS)
    attributes = Attributes(TextEncoder(bert, tokenizer, MAX_TOKENS))
    attributes = _once(stage, attributes, lambda: train_text(stage, attributes, TEXT_PARTS, 64))
    for phrasings in get_args(Phrasings):
        right = accuracy(attributes, TEXT_PARTS, 500, stage.seed, phrasings)
        log.info("text encoder reads %.1f %% of grades right in new reports, %s phrasings", 100 * right, phrasings)
    return attributes


def _reader(stage: Stage, sizes: Sizes, attributes: Attributes) -> Reader:
    """What the frozen text encoder tells of a sentence."""
    reader, encoder = new_reader(attributes), attributes.encoder
    _once(stage, reader.mentions, lambda: train_mentions(stage, reader, encoder, TEXT_PARTS, sizes.sentences))
    for phrasings in get_args(Phrasings):
        found = check_mentions(reader, encoder, TEXT_PARTS, phrasings, sizes.sentences // 6, stage.seed)
        right = ", ".join(f"{100 * one.value:.1f} % {sort} (n {one.n})" for sort, one in found.right.items())
        misread = 100 * found.misread.value
        log.info("reader, new sentences, %s phrasings: right %s; %.1f %% misread", phrasings, right, misread)
    return reader


def _tower(stage: Stage, sizes: Sizes, encoder: TextEncoder, phantoms: PhantomSet) -> CTClip:
    """The image tower that scores volumes, taught with the frozen text encoder."""

    def trained() -> nn.Module:
        fitted, latents = fit_tower(sizes.tower, phantoms, stage.seed)
        data, count = tower_set(phantoms, latents, sizes.tower, encoder, stage.seed), seen(phantoms)
        tower = train_tower(stage, fitted, data, count)
        found = check_tower(tower, phantoms, data, count)
        areas = ", ".join(f"{label} {area.value:.2f}" for label, area in found.labels.items())
        log.info("image tower's AUROC on phantoms it has not seen: %s", areas)
        log.info("their own report scores above that of another in %.1f %%", 100 * found.retrieval.value)
        return tower

    return _once(stage, CTClip(sizes.tower), trained)


@torch.inference_mode()
def _latents(work: Path, kl: AutoencoderKL, phantoms: PhantomSet) -> tuple[list[torch.Tensor], float, float]:
    """The latents of all phantoms, brought to zero mean and unit spread by one scale and one shift for all channels."""
    path = work / LATENTS
    raw = AVAE(kl, scale=1.0, shift=0.0)
    if not path.exists():
        volumes = zip(phantoms.hu, phantoms.slices, strict=True)
        _save([encode_volume(raw, INTENSITY.to_intensity(hu[:count])).half() for hu, count in volumes], path)
    latents = [volume.float() for volume in torch.load(path, weights_only=True)]
    everything = torch.cat([volume.flatten() for volume in latents])
    scale, shift = round(1 / everything.std().item(), 4), round(everything.mean().item(), 4)
    return [(volume - shift) * scale for volume in latents], scale, shift


def _texts(work: Path, attributes: Attributes, phantoms: PhantomSet, seed: int) -> torch.Tensor:
    """(phantoms, REPORTS_PER_PHANTOM, D): several reports of each phantom's truth."""
    path = work / "reports.pt"
    if not path.exists():
        rng = np.random.default_rng([seed, 2])
        reports = [write_report(truth, rng) for truth in phantoms.truths for _ in range(REPORTS_PER_PHANTOM)]
        read = embeddings(attributes, [encoder_text(report, TEXT_PARTS) for report in reports])
        _save(read.unflatten(0, (-1, REPORTS_PER_PHANTOM)).clone(), path)
    return torch.load(path, weights_only=True)


@torch.inference_mode()
def _latent_set(volumes: list[torch.Tensor], avae: AVAE, texts: torch.Tensor, phantoms: PhantomSet) -> LatentSet:
    plane = phantoms.hu.shape[2:]
    black, white = (avae.code_of(value, *plane) for value in (INTENSITY.black, INTENSITY.white))
    told = np.stack([amounts(truth) for truth in phantoms.truths])
    return LatentSet(volumes, black, white, texts, told, _odds(told))


def _odds(told: np.ndarray) -> np.ndarray:
    """Large findings are rare, and what the report can change most: persons who have one are drawn more often."""
    odds = 1 + 3 * told.reshape(-1, STUDIES, told.shape[1]).max(axis=(1, 2))
    return odds / odds.sum()


def _side(sizes: Sizes) -> int:
    """Of the plane of latents."""
    return 256 >> (len(sizes.avae_channels) - 1)


def _transformer_config(sizes: Sizes) -> STDiTConfig:
    side = _side(sizes)
    return STDiTConfig(
        input_size=(16, side, side),
        patch_size=sizes.patch,
        in_channels=2 * sizes.latent_channels,
        out_channels=sizes.latent_channels,
        hidden_size=sizes.hidden,
        depth=sizes.depth,
        num_heads=sizes.heads,
        mlp_ratio=4.0,
        caption_channels=sizes.text_hidden,
        head_merge="usual",
        positions="chunk",
        text_facts=len(SLOTS),
    )


def _provenance(work: Path, sizes: Sizes, device: str) -> str:
    trained = {name: json.loads((work / name / TRAINED).read_text()) for name in STAGES}
    stages = ", ".join(f"{name} {t['steps']:,} steps in {t['seconds'] / 60:.0f} min" for name, t in trained.items())
    return (
        f"Trained by `python -m ctflow train demo` on {sizes.phantoms} procedural phantoms, no patient's data: "
        f"{stages}; last on {device} with {torch.get_num_threads()} threads, {datetime.now(UTC):%Y-%m-%d}."
    )


def _card(sizes: Sizes, scale: float, shift: float, provenance: str) -> ModelCard:
    side = _side(sizes)
    axes: tuple[Literal["I"], Literal["P"], Literal["L"]] = ("I", "P", "L")
    return ModelCard(
        format=1,
        name="ctflow-demo",
        title="CTFlow demo model, trained on procedural phantoms",
        notice="Demo model: simulated chests only. Not for diagnosis.",
        geometry=Geometry(16, 6, 256, 256, 3.0, 1.5, axes),
        intensity=INTENSITY,
        latent=Latent(sizes.latent_channels, side, side, scale, shift),
        prediction="data",
        first_previous="black",
        stop=Stop(tolerance=0.7, share=0.9),
        text=Text("BERT of its own, first token", TEXT_PARTS, MAX_TOKENS),
        guidance=Guidance(trained=True, default=1.0),
        defaults=Defaults(solver="stochastic", steps=16, shift=3.0, chunks=6),
        evidence=Evidence("proved", "proved", "proved", "proved"),
        provenance=provenance,
        licence="Apache-2.0",
        good_for="Trying CTFlow without a GPU or downloads: a simulated chest, streamed, viewed and saved.",
        not_good_for="Anything clinical; anatomy in detail.",
    )
