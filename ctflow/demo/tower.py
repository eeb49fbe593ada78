"""Training of the image tower: phantoms and their reports as unit vectors of one space.

The image side is fitted in closed form, since gradients would take hours to bring a tower this small as far: patches
become principal components, codes the means of their tokens, and a ridge regression reads the truth off where the
codes lie. The text side is then trained against it, as CT-CLIP's is.
"""

import logging
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ctflow.data.phantoms import PhantomSet
from ctflow.evaluation.statistics import Estimate, auroc, share
from ctflow.models.ctclip import CTClip, CTClipConfig
from ctflow.models.ctclip_input import clip_input, clip_text, prompts
from ctflow.models.text import ReportEncoder
from ctflow.phantom import SLOTS, affine, amounts, grades, write_report
from ctflow.phantom.sentences import UNSIZED
from ctflow.training.loop import train
from ctflow.training.randomness import random_stream, seed_torch
from ctflow.training.stage import Stage
from ctflow.volume import Volume

log = logging.getLogger(__name__)

HELD_OUT_SHARE = 0.125  # of the phantoms, the last ones: no part of the training sees them
FOLDS = 5
RIDGE = 0.1  # of the mean square of the codes' places
REPORTS = 4  # of each phantom
FITTED_PATCHES, FITTED_TOKENS, K_MEANS_ROUNDS = 8_000, 40_000, 8
BATCH = 128  # phantoms in a step
FIRST_TEMPERATURE = 2.5  # in logarithms; it is learnt
LABELS_WEIGHT = 0.5


@dataclass(frozen=True, eq=False)
class TowerData:
    """What the text side is taught with.

    `images` (phantoms, latent): of unit length, by a tower that was not fitted to them. `texts` (phantoms, REPORTS, D).
    `truths` (phantoms,): equal numbers for equal truths. `prompts` (labels, 2, D): that the label's finding is there,
    and that it is not. `absent`: int64 (phantoms, labels), which of the two is right.
    """

    images: Tensor
    texts: Tensor
    truths: np.ndarray
    absent: Tensor
    prompts: Tensor


def latent_size(labels: tuple[str, ...]) -> int:
    """The size of the space of both sides: it holds the amounts that a truth has at its slots, and its labels."""
    return len(SLOTS) + len(labels)


def train_tower(stage: Stage, config: CTClipConfig, phantoms: PhantomSet, encoder: ReportEncoder) -> CTClip:
    """Fits the image side, trains the text side with the frozen text encoder, and logs what the tower can tell."""
    count = training_count(phantoms)
    clip, images = fit_images(config, phantoms, stage.seed)
    data = tower_data(phantoms, images, config, encoder, stage.seed)
    clip = train_texts(stage, clip, data, count)
    found = check_tower(clip, phantoms, data, count)
    areas = ", ".join(f"{label} {area.value:.2f}" for label, area in found.labels.items())
    log.info("image tower's AUROC on phantoms it has not seen: %s", areas)
    log.info("their own report scores above another one in %.1f %%", 100 * found.retrieval.value)
    return clip


@torch.no_grad()
def fit_images(config: CTClipConfig, phantoms: PhantomSet, seed: int) -> tuple[CTClip, Tensor]:
    """-> a tower whose image side is done, and latents (phantoms, latent) of phantoms that it was not fitted to."""
    rng = random_stream(seed, "patches and tokens that the tower is fitted to")
    count = training_count(phantoms)
    seed_torch(seed, "first weights of the tower")
    clip = CTClip(config)
    nn.init.constant_(clip.temperature, FIRST_TEMPERATURE)
    images = torch.cat([tower_image(phantoms, i, config).half() for i in range(len(phantoms.slices))])
    _fit_patches(clip, images[:count], rng)
    tokens = torch.cat([_tokens(clip, image[None]).half() for image in images])
    _fit_codes(clip, tokens[:count], rng)
    places = torch.cat([clip.visual_transformer.vq(one[None].float()).mean(1).flatten(1) for one in tokens])
    return clip, _fit_latents(clip, places, _facts(phantoms, config.labels, count), count)


def training_count(phantoms: PhantomSet) -> int:
    """How many phantoms, the first ones, the training may see."""
    return len(phantoms.slices) - max(1, round(HELD_OUT_SHARE * len(phantoms.slices)))


def tower_image(phantoms: PhantomSet, index: int, config: CTClipConfig) -> Tensor:
    """A phantom as the tower is shown it: (1, slices, x, y)."""
    hu = np.ascontiguousarray(phantoms.hu[index, : phantoms.slices[index]])
    return clip_input(Volume(hu, affine()), config)[0]


def _tokens(clip: CTClip, image: Tensor) -> Tensor:
    tower = clip.visual_transformer
    return tower.along_slices(tower.in_planes(tower.patches(image[None].float())))


def _fit_patches(clip: CTClip, images: Tensor, rng: np.random.Generator) -> None:
    """A token becomes the principal components of its patch, which the tower normalises first."""
    t, p = clip.config.temporal_patch_size, clip.config.patch_size
    some = images[rng.permutation(len(images))[: 1 + FITTED_PATCHES // _patches(clip.config)]].float()
    patches = rearrange(some, "b (t pt) (h p) (w q) -> (b t h w) (pt p q)", pt=t, p=p, q=p)
    patches = F.layer_norm(patches, patches.shape[-1:])
    linear = clip.visual_transformer.to_patch_emb[2]
    assert isinstance(linear, nn.Linear)
    linear.weight.copy_(torch.linalg.eigh(patches.T @ patches).eigenvectors.flip(1).T[: clip.config.dim])
    linear.bias.zero_()


def _patches(config: CTClipConfig) -> int:
    return config.slices // config.temporal_patch_size * config.side**2


def _fit_codes(clip: CTClip, tokens: Tensor, rng: np.random.Generator) -> None:
    """k-means by angle. A code without tokens moves to a random token."""
    codebook = clip.visual_transformer.vq._codebook
    flat = tokens.flatten(0, -2)
    flat = flat[torch.from_numpy(rng.integers(len(flat), size=FITTED_TOKENS))].float()
    for _ in range(K_MEANS_ROUNDS):
        nearest = codebook.indices(flat)  # in the empty codebook at first, code 0 for all
        sums = torch.zeros_like(codebook.embed[0]).index_add_(0, nearest, flat)
        counts = torch.bincount(nearest, minlength=len(sums))[:, None]
        strays = flat[torch.from_numpy(rng.integers(len(flat), size=len(sums)))]
        codebook.embed[0] = torch.where(counts > 0, sums / counts.clamp_min(1), strays)


def _facts(phantoms: PhantomSet, labels: tuple[str, ...], count: int) -> Tensor:
    """(phantoms, latent): the amounts at all slots and the labels, each of mean 0 and spread 1 in the first `count`."""
    rows = [[*amounts(truth), *(label in truth.kinds for label in labels)] for truth in phantoms.truths]
    facts = torch.tensor(rows, dtype=torch.float32)
    spread = facts[:count].std(0, correction=0).clamp_min(1e-6)  # a smoke test has one phantom
    return (facts - facts[:count].mean(0)) / spread


def _fit_latents(clip: CTClip, places: Tensor, facts: Tensor, count: int) -> Tensor:
    """A ridge regression from where the codes lie to the facts, fitted to the first `count` phantoms.

    Returns the latents of all phantoms. Those that it is fitted to get theirs from regressions on the others.
    """
    centre = places[:count].mean(0)
    centred = places - centre
    kernel = centred @ centred[:count].T
    penalty = RIDGE * kernel[:count].diagonal().mean().clamp_min(1e-6)  # a smoke test has one phantom

    def duals(rows: Tensor) -> Tensor:
        inner = kernel[rows][:, rows] + penalty * torch.eye(len(rows))
        return torch.linalg.solve(inner, facts[rows])

    everyone, fold = torch.arange(count), torch.arange(len(places)) % FOLDS
    weight = (centred[:count].T @ duals(everyone)).T
    # The layer has no bias. The mean place of the codes is part of every volume, and takes the offset.
    clip.to_visual_latent.weight.copy_(weight - torch.outer(weight @ centre, centre / centre.square().sum()))
    latents = clip.to_visual_latent(places)
    for one in range(FOLDS):
        others, own = everyone[fold[:count] != one], everyone[fold[:count] == one]
        if len(others):
            latents[own] = kernel[own][:, others] @ duals(others)
    return F.normalize(latents, dim=-1)


@torch.no_grad()
def tower_data(
    phantoms: PhantomSet, images: Tensor, config: CTClipConfig, encoder: ReportEncoder, seed: int
) -> TowerData:
    """The images' latents with new reports of their truths, and the prompts, as the frozen encoder embeds them."""
    rng = random_stream(seed, "reports for the tower")
    reports = [write_report(truth, rng, unsized=UNSIZED) for truth in phantoms.truths * REPORTS]
    texts = [encoder.encode(clip_text(report))[0, 0] for report in reports]
    asked = [encoder.encode(prompt)[0, 0] for pair in prompts(config.labels) for prompt in pair]
    _, truths = np.unique([grades(truth) for truth in phantoms.truths], axis=0, return_inverse=True)
    absent = [[label not in truth.kinds for label in config.labels] for truth in phantoms.truths]
    return TowerData(
        images=images,
        texts=torch.stack(texts).unflatten(0, (REPORTS, -1)).transpose(0, 1),
        truths=truths.reshape(-1),
        absent=torch.tensor(absent, dtype=torch.int64),
        prompts=torch.stack(asked).unflatten(0, (-1, 2)),
    )


def train_texts(stage: Stage, clip: CTClip, data: TowerData, count: int) -> CTClip:
    """The text side and the temperature, by the first `count` phantoms.

    A contrast between images and reports, in which reports of equal truths count as equal; and the labels' prompts, as
    two classes each.
    """
    clip.requires_grad_(False)
    clip.to_text_latent.requires_grad_(True)
    clip.temperature.requires_grad_(True)

    def losses(clip: CTClip, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        picks = rng.permutation(count)[:BATCH]
        images = data.images[picks].to(device)
        text = clip.text_latent(data.texts[picks, rng.integers(REPORTS, size=len(picks))].to(device))
        logits = clip.logits(images, text).float()
        same = torch.from_numpy(data.truths[picks][:, None] == data.truths[picks]).to(device).float()
        asked = clip.text_latent(data.prompts.to(device)).flatten(0, 1)
        answers = clip.logits(images, asked).float().unflatten(1, (-1, 2)).transpose(1, 2)
        return {
            "image": F.cross_entropy(logits, same / same.sum(1, keepdim=True)),
            "report": F.cross_entropy(logits.T, same / same.sum(1, keepdim=True)),
            "labels": LABELS_WEIGHT * len(data.prompts) * F.cross_entropy(answers, data.absent[picks].to(device)),
        }

    return train(stage, clip, losses)


@dataclass(frozen=True)
class TowerCheck:
    """How well a tower does on phantoms that the training never saw.

    `labels`: AUROC by label. `retrieval`: how often a volume's own report scores above a report of another truth.
    """

    labels: dict[str, Estimate]
    retrieval: Estimate


@torch.inference_mode()
def check_tower(clip: CTClip, phantoms: PhantomSet, data: TowerData, count: int) -> TowerCheck:
    """See `TowerCheck`. The phantoms from `count` on go all the way through the tower."""
    indices = range(count, len(phantoms.slices))
    latents = torch.cat([clip.image_latent(tower_image(phantoms, i, clip.config)[None]) for i in indices])
    asked = clip.text_latent(data.prompts.flatten(0, 1)).unflatten(0, (-1, 2))
    there = data.absent[count:].numpy() == 0
    labels = zip(clip.config.labels, clip.present(asked, latents).numpy().T, there.T, strict=True)
    scores = (latents @ clip.text_latent(data.texts[count:, 0]).T).numpy()
    others = data.truths[count:, None] != data.truths[count:]
    margins = (scores.diagonal()[:, None] - scores)[others]
    return TowerCheck(
        labels={label: auroc(said[found], said[~found]) for label, said, found in labels},
        retrieval=share(int((margins > 0).sum()), margins.size),
    )
