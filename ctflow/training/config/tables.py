"""The tables that the configs of all trainings have."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from ctflow.request import MAX_SEED
from ctflow.training.config.file import STRICT, BelowOne, Count, Natural, Positive, Size


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Optimizer:
    """AdamW, and the average of the weights."""

    learning_rate: Size
    """The full rate."""
    betas: tuple[BelowOne, BelowOne]
    """Decay of the means of gradients and of their squares."""
    weight_decay: Size
    """Share of the weights that is taken off in each step, in units of the learning rate."""
    warm_up_steps: Natural
    """Steps in which the rate rises to the full one."""
    decay: Literal["inverse_root", "to_zero"]
    """After the warm-up: full / √(1 + 2 · steps since / `decay_steps`), as released, or evenly to zero at the end."""
    decay_steps: Positive
    """See `decay`."""
    max_gradient_norm: Positive
    """Longer gradients are clipped to this length."""
    ema_decay: BelowOne
    """Decay of the averaged weights, which forget their first steps faster."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Batch:
    """What a step is computed from."""

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)]
    """Decides all that is drawn, first weights included."""
    size: Count
    """Samples in a step, over all processes and micro-batches."""
    accumulation: Count
    """Micro-batches in which each process computes its share of a step, one after another: more take less memory."""
    precision: Literal["auto", "float32", "bfloat16"]
    """Number format of the large matrix products; auto is bfloat16 where the device is faster with it."""
