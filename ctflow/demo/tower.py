"""Training of the image tower: phantoms and what is said of them, as unit vectors of one space.

The image's side is fitted in closed form, because gradients do not get a tower so small there in hours: patches become
principal components, codes the means of their tokens, and a ridge regression reads the truth off the codes' places.
The text's side is then trained against it, as CT-CLIP's is.
"""

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
from ctflow.models.text import TextEncoder
from ctflow.phantom import SLOTS, affine, amounts, grades, write_report
from ctflow.phantom.sentences import UNSIZED
from ctflow.training.loop import Stage, train
from ctflow.volume import Volume

HELD_OUT_SHARE = 0.125  # of the phantoms, the last ones, that no part of the training sees
FOLDS = 5
RIDGE = 0.1  # of the mean square of the codes' places
REPORTS = 4  # of each phantom
FITTED_PATCHES, FITTED_TOKENS, ROUNDS = 8_000, 40_000, 8
BATCH = 128
FIRST_TEMPERATURE = 2.5  # in logarithms; it is learnt
LABELS_WEIGHT = 0.5


@dataclass(frozen=True, eq=False)
class TowerSet:
    """What the text's side is taught with, of each phantom.

    `images` (phantoms, latent) by a tower that has not seen them, of unit length. `texts` (phantoms, REPORTS, D).
    `truths`: equal numbers for equal truths. `absent`: int64 (phantoms, labels), 0 where the label's finding is there
    and 1 where it is not, as the `prompts` (labels, 2, D) lie.
    """

    images: Tensor
    texts: Tensor
    truths: np.ndarray
    absent: Tensor
    prompts: Tensor


def latent_size(labels: tuple[str, ...]) -> int:
    """Of the space of both sides: the amounts that a truth has at its slots, and its labels."""
    return len(SLOTS) + len(labels)


@torch.no_grad()
def fit_tower(config: CTClipConfig, phantoms: PhantomSet, seed: int) -> tuple[CTClip, Tensor]:
    """A tower whose image side is done, and its latents (phantoms, latent) of phantoms that it was not fitted to."""
    rng = np.random.default_rng([seed, 4])
    clip = CTClip(config)
    nn.init.constant_(clip.temperature, FIRST_TEMPERATURE)
    images = torch.cat([tower_image(phantoms, i, config).half() for i in range(len(phantoms.slices))])
    _fit_patches(clip, images[: seen(phantoms)], rng)
    tokens = torch.cat([_tokens(clip, image[None]).half() for image in images])
    _fit_codes(clip, tokens[: seen(phantoms)], rng)
    places = torch.cat([clip.visual_transformer.vq(one[None].float()).mean(1).flatten(1) for one in tokens])
    return clip, _fit_latents(clip, places, _facts(phantoms, config.labels, seen(phantoms)), seen(phantoms))


def seen(phantoms: PhantomSet) -> int:
    """How many phantoms, the first ones, the training may see."""
    return len(phantoms.slices) - max(1, round(HELD_OUT_SHARE * len(phantoms.slices)))


def tower_image(phantoms: PhantomSet, index: int, config: CTClipConfig) -> Tensor:
    """(1, slices, x, y): a phantom as the tower is shown it."""
    hu = np.ascontiguousarray(phantoms.hu[index, : phantoms.slices[index]])
    return clip_input(Volume(hu, affine()), config)[0]


def _tokens(clip: CTClip, image: Tensor) -> Tensor:
    tower = clip.visual_transformer
    return tower.along_slices(tower.in_planes(tower.patches(image[None].float())))


def _fit_patches(clip: CTClip, images: Tensor, rng: np.random.Generator) -> None:
    """A token begins as the principal components of its patch, which the tower has normalised."""
    t, p = clip.config.temporal_patch_size, clip.config.patch_size
    some = images[rng.permutation(len(images))[: 1 + FITTED_PATCHES // _patches(clip.config)]].float()
    patches = rearrange(some, "b (t pt) (h p) (w q) -> (b t h w) (pt p q)", pt=t, p=p, q=p)
    patches = F.layer_norm(patches, patches.shape[-1:])
    linear = clip.visual_transformer.to_patch_emb[2]
    linear.weight.copy_(torch.linalg.eigh(patches.T @ patches).eigenvectors.flip(1).T[: clip.config.dim])
    linear.bias.zero_()


def _patches(config: CTClipConfig) -> int:
    return config.slices // config.temporal_patch_size * config.side**2


def _fit_codes(clip: CTClip, tokens: Tensor, rng: np.random.Generator) -> None:
    """k-means in angle. A code without tokens takes the place of a random one of them."""
    codebook = clip.visual_transformer.vq._codebook
    flat = tokens.flatten(0, -2)
    flat = flat[torch.from_numpy(rng.integers(len(flat), size=FITTED_TOKENS))].float()
    for _ in range(ROUNDS):
        nearest = codebook.indices(flat)  # of an empty codebook, the first one
        sums = torch.zeros_like(codebook.embed[0]).index_add_(0, nearest, flat)
        counts = torch.bincount(nearest, minlength=len(sums))[:, None]
        strays = flat[torch.from_numpy(rng.integers(len(flat), size=len(sums)))]
        codebook.embed[0] = torch.where(counts > 0, sums / counts.clamp_min(1), strays)


def _facts(phantoms: PhantomSet, labels: tuple[str, ...], count: int) -> Tensor:
    """(phantoms, latent): the amounts at all slots and the labels, each of mean 0 and spread 1 in the first `count`."""
    facts = [[*amounts(truth), *(label in truth.kinds for label in labels)] for truth in phantoms.truths]
    facts = torch.tensor(facts, dtype=torch.float32)
    spread = facts[:count].std(0, correction=0).clamp_min(1e-6)  # a smoke test has one phantom
    return (facts - facts[:count].mean(0)) / spread


def _fit_latents(clip: CTClip, places: Tensor, facts: Tensor, count: int) -> Tensor:
    """Ridge regression of the facts on where the codes lie, by the first `count` phantoms.

    Returns what it says of all: of those that it is fitted to, by regressions on the others.
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
    # A linear layer without bias: the codes' mean place is there in every volume, and takes the offset.
    clip.to_visual_latent.weight.copy_(weight - torch.outer(weight @ centre, centre / centre.square().sum()))
    latents = clip.to_visual_latent(places)
    for one in range(FOLDS):
        others, own = everyone[fold[:count] != one], everyone[fold[:count] == one]
        if len(others):
            latents[own] = kernel[own][:, others] @ duals(others)
    return F.normalize(latents, dim=-1)


@torch.no_grad()
def tower_set(phantoms: PhantomSet, images: Tensor, config: CTClipConfig, encoder: TextEncoder, seed: int) -> TowerSet:
    """The images' latents with new reports of their truths, and the prompts, as the frozen encoder has them."""
    rng = np.random.default_rng([seed, 5])
    reports = [write_report(truth, rng, unsized=UNSIZED) for truth in phantoms.truths * REPORTS]
    texts = [encoder.encode(clip_text(report))[0, 0] for report in reports]
    asked = [encoder.encode(prompt)[0, 0] for pair in prompts(config.labels) for prompt in pair]
    _, truths = np.unique([grades(truth) for truth in phantoms.truths], axis=0, return_inverse=True)
    absent = [[label not in truth.kinds for label in config.labels] for truth in phantoms.truths]
    return TowerSet(
        images=images,
        texts=torch.stack(texts).unflatten(0, (REPORTS, -1)).transpose(0, 1),
        truths=truths.reshape(-1),
        absent=torch.tensor(absent, dtype=torch.int64),
        prompts=torch.stack(asked).unflatten(0, (-1, 2)),
    )


def train_tower(stage: Stage, clip: CTClip, data: TowerSet, count: int) -> nn.Module:
    """The text's side and the temperature, by the first `count` phantoms.

    A contrast between images and reports, those of one truth being equal, and the labels' prompts as two classes each.
    """
    clip.requires_grad_(False)
    clip.to_text_latent.requires_grad_(True)
    clip.temperature.requires_grad_(True)

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        picks = rng.permutation(count)[:BATCH]
        images = data.images[picks].to(device)
        text = model.text_latent(data.texts[picks, rng.integers(REPORTS, size=len(picks))].to(device))
        logits = model.logits(images, text).float()
        same = torch.from_numpy(data.truths[picks][:, None] == data.truths[picks]).to(device).float()
        asked = model.text_latent(data.prompts.to(device)).flatten(0, 1)
        answers = model.logits(images, asked).float().unflatten(1, (-1, 2)).transpose(1, 2)
        return {
            "image": F.cross_entropy(logits, same / same.sum(1, keepdim=True)),
            "report": F.cross_entropy(logits.T, same / same.sum(1, keepdim=True)),
            "labels": LABELS_WEIGHT * len(data.prompts) * F.cross_entropy(answers, data.absent[picks].to(device)),
        }

    return train(stage, clip, losses)


@dataclass(frozen=True)
class TowerCheck:
    """On phantoms that the training never saw.

    `labels`: AUROC by name. `retrieval`: how often a volume's own report scores above one of another truth.
    """

    labels: dict[str, Estimate]
    retrieval: Estimate


@torch.inference_mode()
def check_tower(clip: CTClip, phantoms: PhantomSet, data: TowerSet, count: int) -> TowerCheck:
    """See `TowerCheck`; the phantoms from `count` on go the whole way through the tower."""
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
