"""One training loop for every network, on one process or on many (`accelerate launch`, `torchrun`).

Each process computes the losses of batches of its own, and their gradients are averaged. Only the main process writes
files. SIGTERM or Ctrl-C to any process has all of them end after the step that they are at, with their state saved.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import count, repeat
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import GradientAccumulationPlugin
from torch import Tensor, nn

from ctflow.errors import ResourceError
from ctflow.io.files import write_atomic
from ctflow.runtime.device import bf16_is_fast
from ctflow.training.agreement import Agreement, check_alike, check_launch
from ctflow.training.examples import Examples
from ctflow.training.log.curves import cut_losses, draw_losses
from ctflow.training.log.losses import LossLog
from ctflow.training.log.stopwatch import Stopwatch
from ctflow.training.optimizers import make_optimizers, set_rates
from ctflow.training.optimizers.ema import Average
from ctflow.training.progress import Clock, Progress
from ctflow.training.randomness import random_stream
from ctflow.training.restarts.plan import note_plan
from ctflow.training.restarts.saving import OneFile, Saving
from ctflow.training.restarts.state import TrainingState
from ctflow.training.restarts.stopping import TrainingStopped, asked_to_stop
from ctflow.training.stage import Stage
from ctflow.training.watcher import Watcher

SAVE_EVERY_S, DRAW_EVERY_S, LOG_EVERY_S = 120.0, 60.0, 10.0
_log = logging.getLogger(__name__)

N = TypeVar("N", bound=nn.Module)
# (network, its device, what a batch is drawn from or is) -> losses by name; their sum is minimised.
Losses = Callable[[N, torch.device, Any], dict[str, Tensor]]
# (first step, this process, number of processes) -> what the losses get, `Stage.accumulation` times for each step.
Batches = Callable[[int, int, int], Generator[Any, None, None]]


def train(
    stage: Stage,
    network: N,
    losses: Losses[N],
    *,
    batches: Batches | None = None,
    describe: Mapping[str, Any] | None = None,
    examples: Examples | None = None,
    saving: Saving | None = None,
    watcher: Watcher[N] | None = None,
    clock: Clock = time.monotonic,
) -> N:
    """Trains until the budget is spent.

    Returns the averaged network, on the CPU and in evaluation mode. `network` itself keeps the weights of the last
    step, and is on the CPU too.

    `batches`: without them the losses get random numbers, which are a function of the stage's seed and name, the step
    and the process, and draw a batch by themselves. `describe`: what the network is. It is written beside the state,
    and RequestError is raised before the training goes on with a state that was described otherwise. `examples`: what
    the losses draw from, if it grows. `saving`: None writes the stage's one state file every two minutes.

    Raises TrainingStopped after SIGTERM or Ctrl-C, when the state is saved, and RequestError where the processes are
    not about to train the same.
    """
    saving = saving or OneFile(stage.state, SAVE_EVERY_S)
    use_bf16 = stage.precision == "bfloat16" or (stage.precision == "auto" and bf16_is_fast(stage.device))
    torch.backends.cudnn.benchmark = True  # the shapes hardly change
    accelerator = _accelerator(stage, use_bf16)
    is_main, begun = accelerator.is_main_process, saving.latest()
    if describe is not None:
        note_plan(stage.description, dict(describe), begun=begun is not None, write=is_main)
    objective = accelerator.prepare(_Objective(network, losses, accelerator.device))
    with asked_to_stop() as asked:
        agreement = Agreement(clock, asked, accelerator)
        state = TrainingState(
            network=network,
            average=Average(network, stage.optimizer.ema_decay),
            optimizers=make_optimizers(stage.optimizer, network, torch.bfloat16 if use_bf16 else torch.float32),
            progress=Progress(stage.budget, agreement.now_s),
            examples=examples,
        )
        if begun:
            state.load(begun)
            if is_main:
                _log.info("%s goes on from step %d, saved in %s.", stage.name, state.progress.step, begun)
                if state.progress.ended:
                    _log.info("That is all the steps it was to make; ask for more of them to train further.")
        check_alike({**(describe or {}), "step": state.progress.step}, accelerator)
        accelerator.wait_for_everyone()  # until all have read, the main process writes nothing
        if is_main:
            stage.folder.mkdir(parents=True, exist_ok=True)
            cut_losses(stage.losses, state.progress.step)
        run = _Run(stage, accelerator, objective, state, saving, watcher or Watcher(), agreement)
        log = run.steps(batches or _random_streams(stage))
    accelerator.wait_for_everyone()
    if not run.is_complete:
        raise TrainingStopped(
            f"{stage.name} was asked to stop, at step {state.progress.step}. Its state is in {stage.folder}: give the "
            "same command again to go on."
        )
    if is_main:
        _write_summary(stage, state.progress, log)
    accelerator.wait_for_everyone()
    network.cpu()
    return state.average.network.cpu().eval()


def _accelerator(stage: Stage, use_bf16: bool) -> Accelerator:
    check_launch(os.environ)
    # Parameters may have no gradient. It also keeps the sums over processes in the same order in every step, so that a
    # training that was cut short goes on bit for bit.
    distributed = DistributedDataParallelKwargs(find_unused_parameters=True)
    accelerator = Accelerator(
        cpu=stage.device == "cpu",
        mixed_precision="bf16" if use_bf16 else "no",
        kwargs_handlers=[distributed],
        # The stage says both; without these words accelerate would take them from the environment, and divide the
        # gradients once more.
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
        dynamo_backend="no",
        log_with=stage.tracker,
        project_dir=stage.folder,
    )
    if stage.tracker and not accelerator.log_with:
        raise ResourceError(f"The tracker {stage.tracker} needs its package: install it, or choose another.")
    return accelerator


def _random_streams(stage: Stage) -> Batches:
    """Random numbers for each step on each process; for several batches in a step, one after another."""

    def streams(first_step: int, rank: int, processes: int) -> Generator[np.random.Generator, None, None]:
        for step in count(first_step):
            yield from repeat(random_stream(stage.seed, stage.name, step, rank), stage.accumulation)

    return streams


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

    def forward(self, batch: Any) -> dict[str, Tensor]:
        return self.losses(self.network, self.device, batch)


@dataclass(eq=False)
class _Run(Generic[N]):
    """The steps of one call.

    `is_complete`: whether the budget is spent. `drawn_s`: when in this call the losses were last drawn, in seconds.
    """

    stage: Stage
    accelerator: Accelerator
    objective: nn.Module
    state: TrainingState[N]
    saving: Saving
    watcher: Watcher[N]
    agreement: Agreement
    is_complete: bool = False
    drawn_s: float = 0.0

    def steps(self, batches: Batches) -> LossLog:
        """Trains until the budget is spent or somebody asked to stop, and saves."""
        progress, average = self.state.progress, self.state.average.network
        # What earlier calls tracked of steps that are made again is left out.
        self.accelerator.init_trackers(self.stage.name, init_kwargs={"tensorboard": {"purge_step": progress.step + 1}})
        self.watcher.begun(self.accelerator, progress.step)
        progress.start()
        log = LossLog(self.stage, self.accelerator, progress, Stopwatch(self.accelerator.device))
        taken = batches(progress.step, self.accelerator.process_index, self.accelerator.num_processes)
        with closing(taken), log.bar:
            while not (progress.ended or self.agreement.must_stop):
                if self.state.examples:
                    self.state.examples.grow(progress.step)
                self._step(taken, log)
                self.watcher.stepped(progress.step, average)
                if self._is_line_due(log):
                    self._log(log)
                if not progress.ended and self.saving.is_due(progress):
                    self._save()
            self._log(log)
            self.is_complete = progress.ended
            if self.is_complete:
                progress.finish()
            self._save()  # before the batches are closed, which may take a moment
        return log

    def _step(self, batches: Iterator[Any], log: LossLog) -> None:
        """One update of the weights and of their average; the log gets the losses before it."""
        state, parts = self.state, self.stage.accumulation
        set_rates(state.optimizers, self.stage.schedule(state.progress.step, state.progress.left))
        for part in range(parts):
            batch = next(batches)
            # Only the last part's gradients, which are the sum of all, are averaged over the processes.
            apart = self.accelerator.no_sync(self.objective) if part < parts - 1 else nullcontext()
            with log.stopwatch.running(), apart:
                losses = self.objective(batch)
                self.accelerator.backward(torch.stack(list(losses.values())).sum() / parts)
            log.add(losses)
        with log.stopwatch.running():
            self.accelerator.clip_grad_norm_(state.parameters, self.stage.optimizer.max_gradient_norm)
            for optimizer in state.optimizers:
                optimizer.step()
                optimizer.zero_grad()
            state.average.update(state.progress.step)
        state.progress.count_step()

    def _is_line_due(self, log: LossLog) -> bool:
        if self.stage.log_every is None:
            return log.since_s > LOG_EVERY_S
        return self.state.progress.step % self.stage.log_every == 0

    def _log(self, log: LossLog) -> None:
        if values := log.write():
            values["learning_rate"] = self.state.optimizers[0].param_groups[0]["lr"]
            self.accelerator.log(values, self.state.progress.step)
            self.watcher.logged(self.state.progress.step, values)

    def _save(self) -> None:
        step = self.state.progress.step
        self.state.check_finite()  # on all processes, which have the same weights
        if self.accelerator.is_main_process:
            path = self.saving.path(step)
            path.parent.mkdir(parents=True, exist_ok=True)
            self.state.save(path)
            self.saving.tidy()
            if self.is_complete or self.state.progress.call_s - self.drawn_s > DRAW_EVERY_S:
                self.drawn_s = self.state.progress.call_s
                draw_losses(self.stage.losses)
        self.watcher.saved(step, self.state.average.network)
