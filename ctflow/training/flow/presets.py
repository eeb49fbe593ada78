"""Configs of `train flow` by name: the published ones, and one for phantoms on a laptop."""

from dataclasses import replace

from ctflow.training.config.tables import Batch, Optimizer
from ctflow.training.flow.config import FlowConfig, ModelSizes, Objective, Run, SampleConfig

# As published, with v1's samples. The published batch is 16 samples, accumulated twice, on each GPU.
_PUBLISHED = FlowConfig(
    model=ModelSizes(
        hidden=1024,
        depth=24,
        heads=16,
        mlp_ratio=4.0,
        patch=(2, 2, 2),
        head_merge="released",
        positions="plane",
        text_facts=0,
        detail=0,
        detail_blocks=0,
    ),
    samples=SampleConfig(
        start_boost=0.5,
        aligned=0.0,
        first_previous="black",
        draw_latents=True,
        previous_noise=0.05,
        previous_dropout=0.0,
        text_dropout=0.0,
        parts_kept=(),
    ),
    objective=Objective(prediction="velocity", t_shift=1.0, noise_offset=0.05),
    optimizer=Optimizer(
        learning_rate=2e-4,
        betas=(0.9, 0.999),
        weight_decay=0.01,
        warm_up_steps=2000,
        decay="inverse_root",
        decay_steps=1e6,
        max_gradient_norm=1.0,
        ema_decay=0.9999,
    ),
    batch=Batch(seed=0, size=32, accumulation=2, precision="auto"),
    run=Run(
        steps=680_000,
        log_every=50,
        save_every=5000,
        keep=3,
        keep_every=100_000,
        validate_every=5000,
        validation_samples=192,
        pictures=1,
        workers=8,
        recompute=False,
        compile=True,
        end_tolerance=0.1,
        tracker="tensorboard",
    ),
)


def _sized(hidden: int, depth: int, heads: int) -> FlowConfig:
    return replace(_PUBLISHED, model=replace(_PUBLISHED.model, hidden=hidden, depth=depth, heads=heads))


_PHANTOM = FlowConfig(
    model=replace(
        _PUBLISHED.model,
        hidden=192,
        depth=4,
        heads=3,
        patch=(8, 2, 2),
        head_merge="usual",
        positions="chunk",
        text_facts=32,
    ),
    samples=replace(
        _PUBLISHED.samples, start_boost=0.3, aligned=0.5, draw_latents=False, previous_dropout=0.1, text_dropout=0.1
    ),
    objective=Objective(prediction="data", t_shift=5.0, noise_offset=0.0),
    optimizer=replace(_PUBLISHED.optimizer, learning_rate=1e-3, warm_up_steps=50, decay="to_zero", ema_decay=0.99),
    batch=Batch(seed=0, size=8, accumulation=1, precision="auto"),
    run=replace(
        _PUBLISHED.run,
        steps=1000,
        log_every=10,
        save_every=200,
        keep=2,
        keep_every=0,
        validate_every=200,
        validation_samples=48,
        workers=0,
        compile=False,
        end_tolerance=0.7,
    ),
)

PRESETS = {"S": _sized(384, 12, 6), "B": _sized(768, 12, 12), "L": _sized(1024, 24, 16), "phantom": _PHANTOM}
