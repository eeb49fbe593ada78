"""The config of `train avae`, in TOML: on which slices an A-VAE is tuned, by which losses, and for how long.

Each field has its description below it; `python -m ctflow train avae --help` shows them.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from ctflow.training.config.file import STRICT, ConfigFile, Count, Natural, Size, Tracker, planned
from ctflow.training.config.tables import Batch, Optimizer

NO_NETWORK = "none"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SliceConfig:
    """A sample is a pair of neighbouring slices. Some of each volume are collected first, and training reads those."""

    pairs_per_volume: Count
    """Pairs that are collected of each volume, spread over it. A pair of 256 x 256 takes 262 kB of disk."""
    held_out_volumes: Count
    """So many volumes, of whole patients, are not trained on: the A-VAE is measured on them."""
    crop: Natural
    """Rows and columns of the squares that are cut out of the slices; 0 trains on whole slices."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LossConfig:
    """What the A-VAE is held to. Pictures run from 0 (black) to 1 (white)."""

    trained: Literal["all", "decoder"]
    """The whole A-VAE, or its decoder alone: then the latents, and all that was trained on them, stay as they are."""
    absolute: Size
    """Weight of the mean absolute error."""
    perceptual: Size
    """Weight of LPIPS, the distance by the features of `perceptual_network`."""
    perceptual_network: Literal["vgg16", "squeezenet1_1", "none"]
    """Whose features. Its weights are given with --weights, and so are those of LPIPS; none has no such loss."""
    kl: Size
    """Full weight of the divergence of the code from a unit Gaussian, a mean over the code's numbers."""
    kl_begins: Natural
    """Up to this step it has none."""
    kl_full: Natural
    """From this step on it has its full weight; it rises evenly in between."""
    midpoint: Size
    """Full weight of the distance, inside edges, from what is decoded half-way between the codes of a pair to the
    nearer of the two slices."""
    midpoint_begins: Natural
    """As `kl_begins`."""
    midpoint_full: Natural
    """As `kl_full`."""
    midpoint_distance: Literal["perceptual", "absolute"]
    """How it is measured: by LPIPS, or as the mean absolute error."""
    edges_above: Size
    """An edge is where the length of a picture's gradient by Sobel's kernels, whose numbers add up to 8, is greater."""

    def kl_at(self, step: int) -> float:
        """The weight of the divergence at a step."""
        return self.kl * _risen(step, self.kl_begins, self.kl_full)

    def midpoint_at(self, step: int) -> float:
        """The weight of the midpoints at a step."""
        return self.midpoint * _risen(step, self.midpoint_begins, self.midpoint_full)

    @property
    def needs_network(self) -> bool:
        """Whether anything is measured by LPIPS."""
        return self.perceptual > 0 or (self.midpoint > 0 and self.midpoint_distance == "perceptual")

    @model_validator(mode="after")
    def _has_its_network(self) -> Self:
        if self.needs_network != (self.perceptual_network != NO_NETWORK):
            raise ValueError(
                "perceptual_network is none exactly where nothing is measured by it: perceptual = 0, and midpoint = 0 "
                'or midpoint_distance = "absolute"'
            )
        return self


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AdversarialConfig:
    """A discriminator of patches, which learns to tell decoded slices from real ones, by the hinge loss."""

    weight: Size
    """Of what the A-VAE gains by deceiving it, in units in which its gradient at the decoder's last layer is as long as
    that of the other losses. 0 is without a discriminator."""
    begins: Natural
    """Step from which on both learn of each other."""
    width: Annotated[int, Field(ge=8, multiple_of=8)]
    """Channels of the discriminator's first layer, a multiple of 8."""
    layers: Count
    """Layers that halve the plane."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AvaeRun:
    """May differ when a training goes on."""

    steps: Count
    """The training ends after so many."""
    log_every: Count
    """Steps in each line of losses.csv."""
    save_every: Count
    """Steps between states that are saved."""
    keep: Count
    """So many of the last states are kept."""
    workers: Natural
    """Processes that read slices ahead, for each training process; 0: it does so itself, between steps."""
    tracker: Tracker
    """Where losses go beside losses.csv: one of accelerate's trackers, whose package must be installed."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AvaeConfig:
    """All of `train avae`."""

    slices: SliceConfig
    losses: LossConfig
    adversarial: AdversarialConfig
    optimizer: Optimizer
    batch: Batch
    run: AvaeRun

    def plan(self) -> dict[str, Any]:
        """What must stay the same when a training goes on, by dotted names."""
        return planned(self)


def _risen(step: int, begins: int, full: int) -> float:
    """The share that a weight has of its full size: 0 up to `begins`, 1 from `full` on."""
    return float(step >= full) if full <= begins else min(max((step - begins) / (full - begins), 0.0), 1.0)


FILE = ConfigFile(AvaeConfig, "train avae")
