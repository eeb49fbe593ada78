"""Configs of `train avae` by name: v2's recipe, and one for phantoms on a laptop."""

from dataclasses import replace

from ctflow.training.avae.config import AdversarialConfig, AvaeConfig, AvaeRun, LossConfig, SliceConfig
from ctflow.training.config.tables import Batch, Optimizer

# Of v2 are known: the kinds of losses, the ramp of the KL weight, and the edges and the last weight of the midpoints.
# All other numbers are ours; those of the discriminator and the betas are usual for latent diffusion.
_V2 = AvaeConfig(
    slices=SliceConfig(pairs_per_volume=8, held_out_volumes=64, crop=0),
    losses=LossConfig(
        trained="all",
        absolute=1.0,
        perceptual=1.0,
        perceptual_network="vgg16",
        kl=1e-2,
        kl_begins=1000,
        kl_full=3000,
        midpoint=0.15,
        midpoint_begins=1000,
        midpoint_full=3000,
        midpoint_distance="perceptual",
        edges_above=0.1,
    ),
    adversarial=AdversarialConfig(weight=0.5, begins=3000, width=64, layers=3),
    optimizer=Optimizer(
        learning_rate=1e-5,
        betas=(0.5, 0.9),
        weight_decay=0.0,
        warm_up_steps=500,
        decay="to_zero",
        decay_steps=1e6,
        max_gradient_norm=1.0,
        ema_decay=0.999,
    ),
    batch=Batch(seed=0, size=8, accumulation=1, precision="auto"),
    run=AvaeRun(steps=20_000, log_every=50, save_every=1000, keep=2, workers=8, tracker="tensorboard"),
)

_PHANTOM = replace(
    _V2,
    slices=SliceConfig(pairs_per_volume=8, held_out_volumes=4, crop=128),
    losses=replace(
        _V2.losses,
        perceptual=0.0,
        perceptual_network="none",
        kl=1e-3,
        kl_begins=50,
        kl_full=150,
        midpoint_begins=50,
        midpoint_full=150,
        midpoint_distance="absolute",
    ),
    adversarial=AdversarialConfig(weight=0.1, begins=150, width=16, layers=3),
    optimizer=replace(_V2.optimizer, learning_rate=2e-4, warm_up_steps=20, ema_decay=0.98),
    run=AvaeRun(steps=400, log_every=10, save_every=100, keep=2, workers=0, tracker="tensorboard"),
)

PRESETS = {"v2": _V2, "phantom": _PHANTOM}
