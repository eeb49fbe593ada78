"""How the general loop knows a training by a config, and what lies in its `--out`."""

from pathlib import Path

from ctflow.training.config.file import Tracker
from ctflow.training.config.tables import Batch, Optimizer
from ctflow.training.optimizers import OptimizerConfig
from ctflow.training.optimizers.schedule import Schedule, falling_to_zero, inverse_root
from ctflow.training.stage import Budget, Stage

STATES, MODEL, CONFIG = "states", "model", "config.toml"
MAX_FILE_BYTES = 2 * 10**9  # of the model's weights


def stage_of(
    name: str,
    folder: Path,
    budget: Budget,
    device: str,
    *,
    optimizer: Optimizer,
    batch: Batch,
    log_every: int,
    tracker: Tracker,
) -> Stage:
    """The training as the general loop knows it: AdamW for all parameters."""
    return Stage(
        name=name,
        optimizer=OptimizerConfig(
            learning_rate=optimizer.learning_rate,
            muon_rate=None,
            muon_prefixes=(),
            ema_decay=optimizer.ema_decay,
            max_gradient_norm=optimizer.max_gradient_norm,
            weight_decay=optimizer.weight_decay,
            betas=optimizer.betas,
        ),
        folder=folder,
        budget=budget,
        seed=batch.seed,
        device=device,
        schedule=schedule_of(optimizer),
        accumulation=batch.accumulation,
        precision=batch.precision,
        log_every=log_every,
        tracker=None if tracker == "none" else tracker,
    )


def budget_of(steps: int, seconds: float | None) -> Budget:
    """Up to so many steps of all calls, or, if they are given, so many seconds of this one."""
    return Budget.of_seconds(seconds) if seconds else Budget.up_to_step(steps)


def schedule_of(optimizer: Optimizer) -> Schedule:
    """The learning rate's course."""
    if optimizer.decay == "to_zero":
        return falling_to_zero(optimizer.warm_up_steps)
    return inverse_root(optimizer.warm_up_steps, optimizer.decay_steps)
