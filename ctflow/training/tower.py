"""Training of the image tower, as CT-CLIP's: phantoms and what is said of them, as unit vectors of one space."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ctflow.evaluation.statistics import Estimate, auroc, share
from ctflow.models.ctclip import ATTENTION, FEED_FORWARD, PEG, Codebook, CTClip, CTClipConfig
from ctflow.models.ctclip_input import clip_input, clip_text, prompts
from ctflow.models.text import TextEncoder
from ctflow.phantom import affine, grades, write_report
from ctflow.training.loop import Stage, train
from ctflow.training.phantoms import PhantomSet
from ctflow.volume import Volume

HELD_OUT_SHARE = 0.125  # of the phantoms, the last ones, never seen in training
REPORTS = 4  # of each phantom
BEGUN_WITH = 16  # phantoms whose patches the first tokens are made for
OTHER_REPORTS = 240  # that an image is held against beside those of its batch
SHIFTS = (1, 3, 3)  # at most, in voxels: the body does not always lie in the same place
FIRST_TEMPERATURE = 2.5  # in logarithms; it is learnt
COMMITMENT = 0.25  # of the tokens to their codes
CODE_RATE = 0.05  # at which a code follows the tokens that it stands for


@dataclass(frozen=True, eq=False)
class TowerSet:
    """What the tower is shown of each phantom, the first `seen` of which are for training.

    `images`: float16 (phantoms, slices, x, y), of which the slices with `air` (phantoms, slices) are padding.
    `texts`: (phantoms, REPORTS, D). `truths`: equal numbers for equal truths. `present`: int64 (phantoms, labels),
    0 where the label's finding is there and 1 where it is not, as the `prompts` (labels, 2, D) lie.
    """

    images: Tensor
    air: Tensor
    texts: Tensor
    truths: np.ndarray
    present: Tensor
    prompts: Tensor
    seen: int


def new_tower(config: CTClipConfig, images: Tensor, seed: int) -> CTClip:
    """A tower whose tokens begin as the principal components of their patches, so that little has to be learnt first.

    Every branch begins at zero, and the codebook empty: the first step fills it.
    """
    clip = CTClip(config)
    nn.init.constant_(clip.temperature, FIRST_TEMPERATURE)
    tower = clip.visual_transformer
    for layer in (*tower.enc_spatial_transformer.layers, *tower.enc_temporal_transformer.layers):
        for parameter in (*layer[PEG].parameters(), layer[ATTENTION].to_out.weight, layer[FEED_FORWARD][-1].weight):
            nn.init.zeros_(parameter)
    t, p = config.temporal_patch_size, config.patch_size
    some = images[np.random.default_rng([seed, 4]).integers(len(images), size=BEGUN_WITH)].float()
    patches = rearrange(some, "b (t pt) (h p) (w q) -> (b t h w) (pt p q)", pt=t, p=p, q=p)
    patches = F.layer_norm(patches, patches.shape[-1:])
    components = torch.linalg.eigh(patches.T @ patches).eigenvectors.flip(1).T[: config.dim]
    with torch.no_grad():
        tower.to_patch_emb[2].weight[: len(components)] = components
        tower.to_patch_emb[2].bias.zero_()
    return clip


def tower_images(phantoms: PhantomSet, config: CTClipConfig) -> Tensor:
    """float16 (phantoms, slices, x, y): all of them on the tower's grid."""
    images = torch.empty((len(phantoms.slices), *config.input_size), dtype=torch.float16)
    for image, hu, count in zip(images, phantoms.hu, phantoms.slices, strict=True):
        image.copy_(clip_input(Volume(np.ascontiguousarray(hu[:count]), affine()), config)[0, 0])
    return images


@torch.inference_mode()
def tower_set(phantoms: PhantomSet, images: Tensor, config: CTClipConfig, encoder: TextEncoder, seed: int) -> TowerSet:
    """The images with new reports of their truths, and the labels' prompts, both as the frozen encoder has them."""
    rng = np.random.default_rng([seed, 5])
    texts = [encoder.encode(clip_text(write_report(truth, rng)))[0, 0] for truth in phantoms.truths * REPORTS]
    asked = [encoder.encode(prompt)[0, 0] for pair in prompts(config.labels) for prompt in pair]
    _, truths = np.unique([grades(truth) for truth in phantoms.truths], axis=0, return_inverse=True)
    absent = [[label not in truth.kinds for label in config.labels] for truth in phantoms.truths]
    return TowerSet(
        images=images,
        air=torch.stack([(image == -1).flatten(1).all(1) for image in images]),
        texts=torch.stack(texts).unflatten(0, (REPORTS, -1)).transpose(0, 1).clone(),
        truths=truths.reshape(-1),
        present=torch.tensor(absent, dtype=torch.int64),
        prompts=torch.stack(asked).unflatten(0, (-1, 2)).clone(),
        seen=len(images) - max(1, round(HELD_OUT_SHARE * len(images))),
    )


def train_tower(stage: Stage, tower: CTClip, data: TowerSet, batch: int) -> CTClip:
    """A contrast between images and reports, those of one truth being equal, and the labels' prompts as classes."""

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        picks = rng.integers(data.seen, size=batch)
        others = rng.integers(data.seen, size=OTHER_REPORTS)
        images = torch.stack([_moved(data.images[i], data.air[i], rng) for i in picks]).to(device)
        tokens = _tokens(model, images[:, None])
        codes = _codes(model.visual_transformer.vq._codebook, tokens.detach().float(), rng)
        passed = tokens + (codes - tokens).detach()  # the gradient passes by the codes
        image = F.normalize(model.to_visual_latent(passed.mean(1).flatten(1)), dim=-1)
        held = np.concatenate([picks, others])
        text = model.text_latent(data.texts[held, rng.integers(REPORTS, size=len(held))].to(device))
        logits = model.logits(image, text).float()
        same = torch.from_numpy(data.truths[picks][:, None] == data.truths[held]).to(device).float()
        asked = model.logits(image, model.text_latent(data.prompts.to(device)).flatten(0, 1)).unflatten(1, (-1, 2))
        return {
            "image": _contrast(logits, same),
            "report": _contrast(logits[:, :batch].T, same[:, :batch]),
            "labels": F.cross_entropy(asked.float().transpose(1, 2), data.present[picks].to(device))
            * len(data.prompts),
            "commitment": COMMITMENT * (tokens - codes).square().mean(),
        }

    return train(stage, tower, losses)


def _moved(image: Tensor, air: Tensor, rng: np.random.Generator) -> Tensor:
    """Shifted a little, float32. Half of them are padded as the challenge does: not with air but with water."""
    image = image.float()
    if rng.random() < 0.5:
        image[air] = 0.0
    return image.roll([int(rng.integers(-most, most + 1)) for most in SHIFTS], (0, 1, 2))


def _contrast(logits: Tensor, same: Tensor) -> Tensor:
    return F.cross_entropy(logits, same / same.sum(1, keepdim=True))


def _tokens(model: CTClip, images: Tensor) -> Tensor:
    tower = model.visual_transformer
    return tower.along_slices(tower.in_planes(tower.patches(images)))


@torch.no_grad()
def _codes(codebook: Codebook, tokens: Tensor, rng: np.random.Generator) -> Tensor:
    """The codes of the tokens (…, d), after they have moved towards the means of their tokens.

    A code without tokens takes the place of a random one of them.
    """
    embed, flat = codebook.embed[0], tokens.flatten(0, -2)
    indices = codebook.indices(flat)
    counts = torch.bincount(indices, minlength=len(embed))[:, None]
    means = torch.zeros_like(embed).index_add_(0, indices, flat) / counts.clamp_min(1)
    strays = flat[torch.from_numpy(rng.integers(len(flat), size=len(embed))).to(flat.device)]
    embed.copy_(torch.where(counts > 0, embed.lerp(means, CODE_RATE), strays))
    return codebook(tokens)


@dataclass(frozen=True)
class TowerCheck:
    """On phantoms that the training never saw.

    `labels`: AUROC by name. `retrieval`: how often a volume's own report scores above one of another truth.
    """

    labels: dict[str, Estimate]
    retrieval: Estimate


@torch.inference_mode()
def check_tower(tower: CTClip, data: TowerSet, batch: int = 16) -> TowerCheck:
    """See `TowerCheck`."""
    images = data.images[data.seen :].split(batch)
    latents = torch.cat([tower.image_latent(part[:, None].float()) for part in images])
    asked = tower.present(tower.text_latent(data.prompts.flatten(0, 1)).unflatten(0, (-1, 2)), latents).numpy()
    there = data.present[data.seen :].numpy() == 0
    labels = zip(tower.config.labels, asked.T, there.T, strict=True)
    scores = (latents @ tower.text_latent(data.texts[data.seen :, 0]).T).numpy()
    truths = data.truths[data.seen :]
    margins = (scores.diagonal()[:, None] - scores)[truths[:, None] != truths]
    return TowerCheck(
        labels={label: auroc(said[found], said[~found]) for label, said, found in labels},
        retrieval=share(int((margins > 0).sum()), margins.size),
    )
