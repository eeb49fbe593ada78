"""What trainings by a config in TOML have in common: how the general loop knows them, their batches, their limits."""

import math
import signal
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset

from ctflow.errors import RequestError, ResourceError
from ctflow.runtime.memory import ran_out
from ctflow.training.config_file import Tracker
from ctflow.training.flow_config import Batch, Optimizer
from ctflow.training.optimizers import OptimizerConfig
from ctflow.training.order import Place, places
from ctflow.training.schedule import Schedule, falling_to_zero, inverse_root
from ctflow.training.stage import Budget, Stage

STATES, MODEL, CONFIG = "states", "model", "config.toml"


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


def batches_of(
    samples: Dataset[Any], batch: Batch, workers: int, device: str, first_step: int, rank: int, processes: int
) -> Generator[Any, None, None]:
    """What process `rank` computes, from a step on: batches of samples, which are drawn by their `Place`.

    `workers`: how many processes draw ahead; they end when this is closed.
    """
    is_closed = False

    def wanted() -> Iterator[list[Place]]:
        for some in places(first_step, batch.size, batch.accumulation, rank, processes):
            if is_closed:
                return
            yield some

    loader = DataLoader(
        samples,
        batch_sampler=wanted(),
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,  # not forked: this process has threads
        worker_init_fn=_leave_sigterm_to_others,
        pin_memory=device == "cuda",
    )
    drawn = iter(loader)
    try:
        yield from drawn
    finally:
        is_closed = True
        for _ in drawn:  # what was drawn ahead; behind it the processes end
            pass


def _leave_sigterm_to_others(_worker: int) -> None:
    """A scheduler sends it to all processes, and the step that is computed may need what these draw."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def enough_memory(device: str, less: str) -> Iterator[None]:
    """Around a training: turns a lack of memory into a ResourceError. `less`: in words, what takes less of it."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        raise ResourceError(
            f"The memory of {device} is not enough for a step. Any of these takes less: {less}."
        ) from error


def check_finite(values: Mapping[str, float], step: int, out: Path) -> None:
    """Raises RequestError if any of the losses is no number."""
    if not all(map(math.isfinite, values.values())):
        raise RequestError(
            f"The loss is no number since step {step} or a few before it. Go on from an earlier state, without the "
            f"later ones in {out}, or begin anew with a lower optimizer.learning_rate or in float32."
        )
