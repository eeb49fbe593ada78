"""The demo model, from nothing or from an older one: `python -m ctflow train demo`."""

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from diffusers import AutoencoderKL
from tqdm import tqdm

from ctflow.card import Defaults, EndRule, Evidence, Geometry, Guidance, Latent, ModelCard, Text
from ctflow.checkpoint.folder import load_checkpoint, save_checkpoint
from ctflow.checkpoint.networks import Checkpoint
from ctflow.data.phantoms import (
    FACTS,
    MAX_SLICES,
    STUDIES,
    VOLUMES,
    PhantomSet,
    holds,
    phantom_set,
)
from ctflow.demo.avae import train_avae
from ctflow.demo.initial import new_transformer
from ctflow.demo.latents import LatentSet, encode_volume, padded
from ctflow.demo.parts import (
    AVAE_RECIPE,
    INTENSITY,
    MAX_TOKENS,
    TEXT_PARTS,
    Parts,
    once,
    save,
    train_parts,
    train_parts_on,
)
from ctflow.demo.sizes import Sizes
from ctflow.demo.text import embeddings
from ctflow.demo.transformer import train_transformer
from ctflow.errors import RequestError, ResourceError
from ctflow.io.files import replacing
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.text import TextEncoder
from ctflow.phantom import SLOTS, amounts, write_report
from ctflow.phantom.sentences import UNSIZED
from ctflow.report import encoder_text
from ctflow.runtime.device import resolve_device
from ctflow.training.loop import TRAINED, Recipe, Stage
from ctflow.training.plan import note_plan

log = logging.getLogger(__name__)

TRANSFORMER_RECIPE, TRANSFORMER_SHARE = Recipe("transformer", 1e-3, 3e-3, 0.995, max_gradient_norm=1.0), 0.702
STAGES = ("avae", "text", "mentions", "tower", "transformer")
# From a checkpoint on, see `ctflow.demo.parts`.
DECODER_RECIPE, DECODER_SHARE = replace(AVAE_RECIPE, name="decoder", learning_rate=2e-3), 0.07
GO_ON_RECIPE, GO_ON_SHARE = replace(TRANSFORMER_RECIPE, learning_rate=1e-4, matrix_rate=3e-4), 0.78
GO_ON_STAGES = ("text", "mentions", "tower", "decoder", "transformer")
REPORTS_PER_PHANTOM = 8
PLAN, BEGINNING, LATENTS = "plan.json", "beginning", "latents.pt"
CHUNK = 16  # slices
ENCODED_SLICES, CUDA_BATCHES = 4, 8  # at once on a CPU, where more gain nothing; on a GPU so many times as many
StageOf = Callable[[Recipe, float], Stage]  # of a recipe and its share of the time
SPARE_BYTES = 2 * 10**8  # networks, their states, what is written beside before it takes a place


def train_demo(
    out: Path, work: Path, hours: float, sizes: Sizes, seed: int, device: str, beginning: Path | None = None
) -> None:
    """Trains, or goes on training, for about `hours`; keeps its state in `work` and writes a checkpoint folder `out`.

    All but the transformer are trained once: what comes after them depends on them. They may begin as those of the
    checkpoint `beginning`; of its A-VAE only the decoder, which nothing depends on, is trained on. Raises RequestError
    where `work` holds another training or `beginning` is not of the demo's kind, CheckpointError where that cannot be
    read, ResourceError without the device or the room on the disk.
    """
    device = resolve_device(device).type
    torch.manual_seed(seed)

    begun = _beginning(work, beginning, sizes)
    note_demo(work, sizes, seed, begun.sha256 if begun else None)
    check_room(work, sizes, seed)
    if begun and beginning and not (work / BEGINNING).exists():
        with replacing(work / BEGINNING) as new:
            shutil.copytree(beginning, new, dirs_exist_ok=True)

    def stage(recipe: Recipe, share: float) -> Stage:
        return Stage(recipe, work / recipe.name, 3600 * hours * share, seed, device)

    phantoms = phantom_set(work, sizes.phantoms, seed)
    parts = train_parts_on(stage, sizes, phantoms, _parts(begun)) if begun else train_parts(stage, sizes, phantoms)
    volumes = _latents(work, parts.kl, phantoms, device)
    latent = begun.card.latent if begun else _latent(volumes)
    avae = AVAE(parts.kl, latent.scale, latent.shift)
    data = _latent_set(volumes, avae, _texts(work, parts.encoder, phantoms, seed, device), phantoms)
    kl = _trained_on(stage(DECODER_RECIPE, DECODER_SHARE), parts.kl, sizes, phantoms) if begun else parts.kl
    transformer = _transformer(stage, sizes, begun, data)
    card = _card(latent, _provenance(work, sizes, device, begun))
    encoder = parts.encoder
    with replacing(out) as new:
        save_checkpoint(new, card, transformer, kl, encoder.bert, encoder.tokenizer, parts.tower, parts.reader)
    log.info("%s is there; try it with: python app.py --model %s", out, out)


def _beginning(work: Path, given: Path | None, sizes: Sizes) -> Checkpoint | None:
    """The checkpoint to begin with: the one that is given, or the one that `work` began with."""
    kept = work / BEGINNING
    folder = given or (kept if kept.exists() else None)
    if folder is None:
        return None
    checkpoint = load_checkpoint(folder)
    found, expected = checkpoint.transformer.config, _transformer_config(sizes)
    # A transformer of other sizes begins anew, for the same latents and texts.
    given, wanted = ((config.input_size, config.in_channels, config.caption_channels) for config in (found, expected))
    if given != wanted or not (checkpoint.reader and checkpoint.ctclip) or checkpoint.card.intensity != INTENSITY:
        raise RequestError(
            f"{folder} is not of the kind that is trained here, so it cannot be gone on with: latents and texts for a "
            f"transformer of {expected}, a reader and an image tower were expected, and the transformer is of {found}."
        )
    return checkpoint


def _parts(begun: Checkpoint) -> Parts:
    assert begun.reader and begun.ctclip, "looked at in `_beginning`"
    return Parts(begun.avae.network, begun.text, begun.reader, begun.ctclip)


def _trained_on(stage: Stage, kl: AutoencoderKL, sizes: Sizes, phantoms: PhantomSet) -> AutoencoderKL:
    """With a better decoder for the same latents."""
    kl.decoder.requires_grad_(True)
    return once(stage, kl, lambda: train_avae(stage, kl, phantoms, INTENSITY, sizes.avae_batch * _more(stage.device)))


def _goes_on(begun: Checkpoint | None, sizes: Sizes) -> bool:
    """Whether the transformer does; a checkpoint's of other sizes cannot."""
    return begun is not None and begun.transformer.config == _transformer_config(sizes)


def _transformer(stage: StageOf, sizes: Sizes, begun: Checkpoint | None, data: LatentSet) -> STDiT:
    share = GO_ON_SHARE if begun else TRANSFORMER_SHARE
    goes_on = _goes_on(begun, sizes)
    training = stage(GO_ON_RECIPE if goes_on else TRANSFORMER_RECIPE, share)
    more = _more(training.device)
    if begun and goes_on:
        transformer = begun.transformer.requires_grad_(True)
        training = replace(training, recipe=for_batches(training.recipe, more))
    else:
        transformer = new_transformer(_transformer_config(sizes), data, training.seed)
    return train_transformer(training, transformer, data, sizes.batch * more)


def note_demo(work: Path, sizes: Sizes, seed: int, beginning: str | None = None) -> None:
    """Writes down what is trained in `work`, or compares; see `note_plan`. `beginning`: hash of its first checkpoint.

    A folder older than its plan is believed where its phantoms are those asked for.
    """
    path = work / PLAN
    begun = any((work / name).exists() for name in (FACTS, *STAGES))
    begun = path.exists() or (begun and not holds(work, sizes.phantoms, seed))
    note_plan(path, {"seed": seed, **asdict(sizes), "beginning": beginning}, begun)


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


def for_batches(recipe: Recipe, more: int) -> Recipe:
    """Of so many times as large batches: rates grow with the root, as their gradients' noise falls."""
    matrix_rate = recipe.matrix_rate and recipe.matrix_rate * more**0.5
    return replace(recipe, learning_rate=recipe.learning_rate * more**0.5, matrix_rate=matrix_rate)


def _more(device: str) -> int:
    """How many times as large batches are there."""
    return CUDA_BATCHES if device == "cuda" else 1


def _latents(work: Path, kl: AutoencoderKL, phantoms: PhantomSet, device: str) -> list[torch.Tensor]:
    """The latents of all phantoms (C, slices, H, W) in float16, as the A-VAE gives them."""
    path = work / LATENTS
    if not path.exists():
        kl.to(device, memory_format=torch.channels_last)  # 1.8 times as fast on a CPU
        volumes = zip(phantoms.hu, tqdm(phantoms.slices, desc="latents", unit="phantom"), strict=True)
        save([encode_volume(kl, INTENSITY, hu[:count], ENCODED_SLICES * _more(device)) for hu, count in volumes], path)
        kl.cpu()
    return torch.load(path, weights_only=True)


def _latent(volumes: list[torch.Tensor]) -> Latent:
    """One scale and one shift for all channels, which bring the latents to zero mean and unit spread."""
    everything = torch.cat([volume.flatten() for volume in volumes]).float()
    scale, shift = round(1 / everything.std().item(), 4), round(everything.mean().item(), 4)
    channels, _, *plane = volumes[0].shape
    return Latent(channels, *plane, scale, shift)


def _texts(work: Path, encoder: TextEncoder, phantoms: PhantomSet, seed: int, device: str) -> torch.Tensor:
    """(phantoms, REPORTS_PER_PHANTOM, D): several reports of each phantom's truth."""
    path = work / "reports.pt"
    if not path.exists():
        rng = np.random.default_rng([seed, 2])
        reports = [
            write_report(truth, rng, unsized=UNSIZED) for truth in phantoms.truths for _ in range(REPORTS_PER_PHANTOM)
        ]
        read = embeddings(encoder.to(device), [encoder_text(report, TEXT_PARTS) for report in reports]).cpu()
        encoder.cpu()
        save(read.unflatten(0, (-1, REPORTS_PER_PHANTOM)).clone(), path)
    return torch.load(path, weights_only=True)


@torch.inference_mode()
def _latent_set(volumes: list[torch.Tensor], avae: AVAE, texts: torch.Tensor, phantoms: PhantomSet) -> LatentSet:
    plane = phantoms.hu.shape[2:]
    black, white = (avae.code_of(value, *plane) for value in (INTENSITY.black, INTENSITY.white))
    told = np.stack([amounts(truth) for truth in phantoms.truths])
    scaled = ((volume.float() - avae.shift) * avae.scale for volume in volumes)
    together, slices = padded(scaled, black, white, CHUNK)
    return LatentSet(together, slices, CHUNK, black, texts, told, _odds(told))


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
        input_size=(CHUNK, side, side),
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
        detail=sizes.detail,
        detail_blocks=sizes.detail_blocks,
    )


def _provenance(work: Path, sizes: Sizes, device: str, begun: Checkpoint | None) -> str:
    logs = {name: work / name / TRAINED for name in (GO_ON_STAGES if begun else STAGES)}
    trained = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in logs.items() if path.exists()}
    stages = ", ".join(f"{name} {t['steps']:,} steps in {t['seconds'] / 60:.0f} min" for name, t in trained.items())
    anew = "" if _goes_on(begun, sizes) else ", but with a new transformer"
    return (
        f"Trained by `python -m ctflow train demo` on {sizes.phantoms} procedural phantoms, no patient's data: "
        f"{stages}; last on {device} with {torch.get_num_threads()} threads, {datetime.now(UTC):%Y-%m-%d}."
        + (f" It began as {begun.card.name}{anew}: {begun.card.provenance}" if begun else "")
    )


def _card(latent: Latent, provenance: str) -> ModelCard:
    axes: tuple[Literal["I"], Literal["P"], Literal["L"]] = ("I", "P", "L")
    return ModelCard(
        format=1,
        name="ctflow-demo",
        title="CTFlow demo model, trained on procedural phantoms",
        notice="Demo model: simulated chests only. Not for diagnosis.",
        geometry=Geometry(CHUNK, 6, 256, 256, 3.0, 1.5, axes),
        intensity=INTENSITY,
        latent=latent,
        prediction="data",
        first_previous="black",
        end=EndRule(tolerance=0.7, share=0.9),
        text=Text("BERT of its own, first token", TEXT_PARTS, MAX_TOKENS),
        guidance=Guidance(trained=True, default=2.0),
        defaults=Defaults(solver="stochastic", steps=16, shift=3.0, chunks=6),
        evidence=Evidence("proved", "proved", "proved", "proved"),
        provenance=provenance,
        licence="Apache-2.0",
        good_for="Trying CTFlow without a GPU or downloads: a simulated chest, streamed, viewed and saved.",
        not_good_for="Anything clinical; anatomy in detail.",
    )
