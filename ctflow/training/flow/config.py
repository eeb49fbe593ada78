"""The config of `train flow`, in TOML: what is trained, on which samples, towards what, and for how long.

Each field has its description below it; `python -m ctflow train flow --help` shows them.
"""

from typing import Any, Literal

from pydantic.dataclasses import dataclass

from ctflow.training.config.file import (
    STRICT,
    ConfigFile,
    Count,
    Natural,
    Positive,
    Share,
    Size,
    Tracker,
    planned,
)
from ctflow.training.config.tables import Batch, Optimizer


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ModelSizes:
    """The transformer; see `ctflow/models/stdit_config.py`. What the data set says (latents, text) is not repeated."""

    hidden: Count
    """Features of a token: a multiple of 4 and of `heads`."""
    depth: Count
    """Blocks, one after another."""
    heads: Count
    """Attention heads."""
    mlp_ratio: Positive
    """Features inside an MLP, in units of `hidden`."""
    patch: tuple[Count, Count, Count]
    """Slices, rows and columns of latents in a token."""
    head_merge: Literal["released", "usual"]
    """How the heads of attention are put together: as the released weights need it, or as is usual."""
    positions: Literal["plane", "chunk"]
    """What a token knows of its place: that in the plane (as released), or in the whole chunk."""
    text_facts: Natural
    """Numbers read off the report that modulate each block beside the time; 0 as released."""
    detail: Natural
    """Features of each latent for the head of details; 0, as released, is without one."""
    detail_blocks: Natural
    """Blocks of that head at half the resolution."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SampleConfig:
    """A sample: a chunk to be made, the chunk before it, and the report. Shares are probabilities, drawn for each."""

    start_boost: Share
    """Share of samples that are a volume's first chunk (StartBoost): the first chunk is made from the report alone."""
    aligned: Share
    """Share of the others that begin at a multiple of a chunk, as generation does; the rest begin at any slice. The
    last ones run into the white end after the volume."""
    first_previous: Literal["black", "zeros"]
    """What stands before a volume: the code of a black slice, or zeros."""
    draw_latents: bool
    """Draw latents from the A-VAE's posterior; otherwise its mean is taken."""
    previous_noise: Size
    """Standard deviation of the noise on the previous chunk, in scaled latents."""
    previous_dropout: Share
    """Share whose whole previous chunk is left out (zeros)."""
    text_dropout: Share
    """Share whose report is left out: without any, guidance means nothing."""
    parts_kept: tuple[Share, ...]
    """For each part of the report, in the data set's order, the share of samples that keep it; [] keeps all."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Objective:
    """What the transformer learns to answer."""

    prediction: Literal["velocity", "data"]
    """The velocity, as released, or the data, which small models learn better."""
    t_shift: Positive
    """Bends the times, drawn evenly from 0 to 1, towards noise; 1, as released, leaves them as they are."""
    noise_offset: Size
    """Standard deviation of one number for each sample and channel that is added to the noise."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Run:
    """May differ when a training goes on."""

    steps: Count
    """The training ends after so many."""
    log_every: Count
    """Steps in each line of losses.csv."""
    save_every: Count
    """Steps between states that are saved, and between the models that are written beside them."""
    keep: Count
    """So many of the last states are kept."""
    keep_every: Natural
    """Those whose step is a multiple of this are kept as well; 0: no others."""
    validate_every: Count
    """Steps between validations on the set of --valid."""
    validation_samples: Count
    """Samples in a validation."""
    pictures: Natural
    """Volumes that each validation makes, to be looked at beside the real ones."""
    workers: Natural
    """Processes that draw samples ahead, for each training process; 0: it does so itself, between steps."""
    recompute: bool
    """Activation checkpointing: blocks are computed again for their gradients. Less memory, a third more time."""
    compile: bool
    """Compile each block for a GPU, which takes minutes at the start. A CPU gains nothing by it, and does not."""
    end_tolerance: Positive
    """Of the models that are written: a slice of latents whose elements are nearer to the white slice's, most of them,
    ends a volume."""
    tracker: Tracker
    """Where losses and pictures go beside losses.csv: one of accelerate's trackers, whose package must be installed."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FlowConfig:
    """All of `train flow`."""

    model: ModelSizes
    samples: SampleConfig
    objective: Objective
    optimizer: Optimizer
    batch: Batch
    run: Run

    def plan(self) -> dict[str, Any]:
        """What must stay the same when a training goes on, by dotted names."""
        return planned(self)


FILE = ConfigFile(FlowConfig, "train flow")
config_of, read_config, described_fields = FILE.of, FILE.read, FILE.described_fields
