"""Trains the transformer on prepared shards, as published: flow matching on pairs of chunks.

`train_flow` is the whole of it; `FlowConfig` says what varies.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.data import DataLoader

from ctflow.card import CARD, read_card
from ctflow.checkpoint.folder import folder_sha256
from ctflow.data.encoder import encoders_sha256
from ctflow.data.shards import Shards
from ctflow.errors import RequestError
from ctflow.io.files import write_atomic
from ctflow.models.stdit import STDiT
from ctflow.training.compiling import compile_blocks
from ctflow.training.config_file import as_toml
from ctflow.training.flow_config import FlowConfig, Optimizer
from ctflow.training.flow_export import Export
from ctflow.training.flow_model import new_transformer, recompute_blocks, transformer_config, transformer_of
from ctflow.training.flow_samples import FlowSamples, Sample
from ctflow.training.loop import Losses, train
from ctflow.training.objective import noised, velocity_error
from ctflow.training.optimizers import OptimizerConfig
from ctflow.training.order import places
from ctflow.training.progress import Clock
from ctflow.training.saving import NumberedFiles
from ctflow.training.schedule import Schedule, falling_to_zero, inverse_root
from ctflow.training.stage import Budget, Stage
from ctflow.training.watcher import Watcher

STATES, MODEL, CONFIG = "states", "model", "config.toml"


@dataclass(frozen=True, kw_only=True)
class FlowTraining:
    """One training of the transformer in the folder `out`.

    `model`: the checkpoint that the data set was prepared with. `begin_with`: a checkpoint whose transformer is trained
    further. `seconds`: for how long this call trains, instead of `run.steps`. `device`: cpu or cuda.
    """

    config: FlowConfig
    data: Path
    out: Path
    model: Path
    device: str
    begin_with: Path | None = None
    seconds: float | None = None


def train_flow(training: FlowTraining, clock: Clock = time.monotonic) -> None:
    """Trains, or goes on with what is in `out`, and writes the averaged model to `out/model`. `clock` varies in tests.

    Raises DatasetError for a data set that cannot be read, RequestError where config, data set and models do not fit
    each other or `out` holds another training, TrainingStopped after SIGTERM.
    """
    config, shards = training.config, Shards(training.data)
    check_models(training, shards)
    sizes = transformer_config(config.model, shards.facts, text_size=shards.text(0).shape[-1])
    begin_with = training.begin_with
    network = transformer_of(begin_with, sizes) if begin_with else new_transformer(sizes, config.batch.seed)
    if config.run.recompute:
        recompute_blocks(network)
    if config.run.compile:
        compile_blocks(network, training.device)
    samples = FlowSamples(shards, config)
    export = Export(training.model, training.out / MODEL, config, f"{len(shards)} volumes (set {shards.sha256[:12]})")
    run = config.run
    train(
        flow_stage(training),
        network,
        flow_losses(config),
        batches=lambda first, rank, processes: batches(samples, training.device, first, rank, processes),
        describe=config.plan() | {"data": shards.sha256, "from": folder_sha256(begin_with) if begin_with else None},
        saving=NumberedFiles(training.out / STATES, run.save_every, run.keep, run.keep_every),
        watcher=FlowWatcher(config, training.out, export),
        clock=clock,
    )


def check_models(training: FlowTraining, shards: Shards) -> None:
    """Raises RequestError unless the models have the networks that the data set was encoded with."""
    for folder in filter(None, (training.model, training.begin_with)):
        if encoders_sha256(folder) != shards.facts.encoders_sha256:
            raise RequestError(
                f"{folder} has another A-VAE or text encoder than the one that {training.data} was prepared with, "
                f"{shards.facts.model}. Give that one, or prepare the data with this one."
            )
    if training.begin_with:
        answers, asked = read_card(training.begin_with / CARD).prediction, training.config.objective.prediction
        if answers != asked:
            raise RequestError(
                f"{training.begin_with} answers with the {answers}, and objective.prediction is {asked}: write the "
                "same there."
            )


def flow_stage(training: FlowTraining) -> Stage:
    """The training as the general loop knows it."""
    config = training.config
    budget = Budget.of_seconds(training.seconds) if training.seconds else Budget.up_to_step(config.run.steps)
    optimizer = config.optimizer
    return Stage(
        name="flow",
        optimizer=OptimizerConfig(
            learning_rate=optimizer.learning_rate,
            muon_rate=None,
            muon_prefixes=(),
            ema_decay=optimizer.ema_decay,
            max_gradient_norm=optimizer.max_gradient_norm,
            weight_decay=optimizer.weight_decay,
            betas=optimizer.betas,
        ),
        folder=training.out,
        budget=budget,
        seed=config.batch.seed,
        device=training.device,
        schedule=schedule_of(optimizer),
        accumulation=config.batch.accumulation,
        precision=config.batch.precision,
        log_every=config.run.log_every,
    )


def schedule_of(optimizer: Optimizer) -> Schedule:
    """The learning rate's course."""
    if optimizer.decay == "to_zero":
        return falling_to_zero(optimizer.warm_up_steps)
    return inverse_root(optimizer.warm_up_steps, optimizer.decay_steps)


def batches(samples: FlowSamples, device: str, first_step: int, rank: int, processes: int) -> Iterator[Sample]:
    """What process `rank` computes, from a step on."""
    batch, workers = samples.config.batch, samples.config.run.workers
    return iter(
        DataLoader(
            samples,
            batch_sampler=places(first_step, batch.size, batch.accumulation, rank, processes),
            num_workers=workers,
            # Not forked: this process has threads, and its handler of SIGTERM is not for others.
            multiprocessing_context="spawn" if workers else None,
            pin_memory=device == "cuda",
        )
    )


def flow_losses(config: FlowConfig) -> Losses[STDiT]:
    """The mean square of the velocity's error, over a batch of samples."""

    def losses(model: STDiT, device: torch.device, batch: Sample) -> dict[str, Tensor]:
        return {"loss": squared_errors(model, device, batch, config).mean()}

    return losses


def squared_errors(model: STDiT, device: torch.device, batch: Sample, config: FlowConfig) -> Tensor:
    """The mean square of the velocity's error, of each sample (N,)."""
    chunk, previous, noise, text, t = (tensor.to(device, non_blocking=True) for tensor in batch[:5])
    answer = model(noised(chunk, noise, t), previous, text, t)
    return velocity_error(answer, chunk, noise, t, config.objective.prediction).square().flatten(1).mean(1)


class FlowWatcher(Watcher[STDiT]):
    """Writes the config of this call, and the model whenever a state was saved. Only the main process writes."""

    def __init__(self, config: FlowConfig, out: Path, export: Export) -> None:
        self._config, self._out, self._export = config, out, export
        self._is_main = False

    def begun(self, accelerator: Accelerator, step: int) -> None:
        self._is_main = accelerator.is_main_process
        if self._is_main:
            write_atomic(self._out / CONFIG, as_toml(self._config).encode())

    def saved(self, step: int, average: STDiT) -> None:
        if self._is_main:
            self._export.write(average, step)
