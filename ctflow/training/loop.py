"""One training loop for every network, on one process or on many (`accelerate launch`, `torchrun`).

Each process draws examples of its own, and their gradients are averaged: with n processes a batch is n times as large.
Only the main process writes files.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from ctflow.io.files import write_atomic
from ctflow.runtime.device import bf16_is_fast
from ctflow.training.curves import draw_losses
from ctflow.training.ema import Average
from ctflow.training.examples import Examples
from ctflow.training.log import LossLog
from ctflow.training.optimizers import make_optimizers, set_rates
from ctflow.training.plan import note_plan
from ctflow.training.progress import Clock, Progress
from ctflow.training.randomness import random_stream
from ctflow.training.stage import Stage
from ctflow.training.state import TrainingState

SAVE_EVERY_S, LOG_EVERY_S = 120.0, 10.0

N = TypeVar("N", bound=nn.Module)
# (network, its device, random numbers of this step on this process) -> losses by name; their sum is minimised.
Losses = Callable[[N, torch.device, np.random.Generator], dict[str, Tensor]]


def train(
    stage: Stage,
    network: N,
    losses: Losses[N],
    *,
    describe: Mapping[str, Any] | None = None,
    examples: Examples | None = None,
    clock: Clock = time.monotonic,
    save_every_s: float = SAVE_EVERY_S,
) -> N:
    """Trains until the budget is spent, in bf16 where that makes the device faster.

    Returns the averaged network, on the CPU and in evaluation mode. `network` itself keeps the weights of the last
    step, and is on the CPU too.

    `describe`: what the network is. It is written beside the state, and RequestError is raised before the training goes
    on with a state that was described otherwise. `examples`: what the losses draw from, if it grows. `clock` and
    `save_every_s` vary in tests.
    """
    use_bf16 = bf16_is_fast(stage.device)
    torch.backends.cudnn.benchmark = True  # the shapes hardly change
    accelerator = Accelerator(cpu=stage.device == "cpu", mixed_precision="bf16" if use_bf16 else "no")
    is_main = accelerator.is_main_process
    if describe is not None:
        note_plan(stage.description, dict(describe), begun=stage.state.exists(), write=is_main)
    objective = accelerator.prepare(_Objective(network, losses, accelerator.device))
    state = TrainingState(
        network=network,
        average=Average(network, stage.optimizer.ema_decay),
        optimizers=make_optimizers(stage.optimizer, network, torch.bfloat16 if use_bf16 else torch.float32),
        progress=Progress(stage.budget, _main_process_clock(clock, accelerator)),
        examples=examples,
    )
    if stage.state.exists():
        state.load(stage.state)
    accelerator.wait_for_everyone()  # until all have read, the main process writes nothing
    if is_main:
        stage.folder.mkdir(parents=True, exist_ok=True)

    def save() -> None:
        if is_main:
            state.save(stage.state)
            draw_losses(stage.losses)

    progress = state.progress
    progress.start()
    log = LossLog(stage, accelerator, progress)
    saved_s = logged_s = progress.now_s
    with log.bar:
        while not progress.ended:
            if examples:
                examples.grow(progress.step)
            rng = random_stream(stage.seed, stage.name, progress.step, accelerator.process_index)
            log.add(_step(accelerator, objective, state, stage.optimizer.max_gradient_norm, rng))
            if progress.now_s - logged_s > LOG_EVERY_S:
                logged_s = progress.now_s
                log.write()
            if progress.now_s - saved_s > save_every_s:
                saved_s = progress.now_s
                save()
        log.write()
    progress.finish()
    save()
    if is_main:
        _write_summary(stage, progress, log)
    accelerator.wait_for_everyone()
    network.cpu()
    return state.average.network.cpu().eval()


def _write_summary(stage: Stage, progress: Progress, log: LossLog) -> None:
    summary = {
        "steps": progress.step,
        "seconds": round(progress.seconds),
        "steps_per_s": float(f"{log.steps_per_s:.4g}"),
    }
    write_atomic(stage.summary, json.dumps(summary).encode())


class _Objective(nn.Module, Generic[N]):
    """A network and its losses as one module.

    Distributed training averages the gradients of what this module's forward computes, so the losses may call whatever
    methods their network has, not only its forward.
    """

    def __init__(self, network: N, losses: Losses[N], device: torch.device) -> None:
        super().__init__()
        self.network: N = network
        self.losses, self.device = losses, device

    def forward(self, rng: np.random.Generator) -> dict[str, Tensor]:
        return self.losses(self.network, self.device, rng)


def _step(
    accelerator: Accelerator,
    objective: nn.Module,
    state: TrainingState[Any],
    max_gradient_norm: float,
    rng: np.random.Generator,
) -> dict[str, Tensor]:
    """One update of the weights and of their average -> the losses before it."""
    set_rates(state.optimizers, state.progress.rate)
    losses = objective(rng)
    accelerator.backward(torch.stack(list(losses.values())).sum())
    accelerator.clip_grad_norm_(state.parameters, max_gradient_norm)
    for optimizer in state.optimizers:
        optimizer.step()
        optimizer.zero_grad()
    state.average.update(state.progress.step)
    state.progress.count_step()
    return losses


def _main_process_clock(clock: Clock, accelerator: Accelerator) -> Clock:
    """The main process's clock, for all. By clocks of their own, one could stop while others wait for its gradients."""
    if accelerator.num_processes == 1:
        return clock
    group = torch.distributed.new_group(backend="gloo")  # on the CPU, so that no GPU is waited for

    def now_s() -> float:
        now = torch.tensor(clock(), dtype=torch.float64)
        torch.distributed.broadcast(now, src=0, group=group)
        return float(now)

    return now_s
