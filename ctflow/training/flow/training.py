"""Trains the transformer on prepared shards, as published: flow matching on pairs of chunks.

`train_flow` is the whole of it; `FlowConfig` says what varies.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ctflow.card import CARD, read_card
from ctflow.checkpoint.folder import folder_sha256, load_autoencoder
from ctflow.data.shards import Shards
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT
from ctflow.training.config.batches import batches_of
from ctflow.training.config.failures import enough_memory
from ctflow.training.config.stage import MODEL, STATES, budget_of, stage_of
from ctflow.training.flow.checks import check_model, check_parts, check_prediction, check_validation_set
from ctflow.training.flow.compiling import compile_blocks
from ctflow.training.flow.config import FlowConfig
from ctflow.training.flow.export import Export
from ctflow.training.flow.losses import flow_losses
from ctflow.training.flow.model import new_transformer, recompute_blocks, transformer_config, transformer_of
from ctflow.training.flow.pictures import Pictures
from ctflow.training.flow.samples import FlowSamples
from ctflow.training.flow.validation import Validation
from ctflow.training.flow.watcher import ChipUse, FlowWatcher
from ctflow.training.loop import train
from ctflow.training.progress import Clock
from ctflow.training.restarts.saving import NumberedFiles
from ctflow.training.stage import Stage

LESS_MEMORY = "a larger batch.accumulation or more processes, run.recompute = true, a smaller model"


@dataclass(frozen=True, kw_only=True)
class FlowTraining:
    """One training of the transformer in the folder `out`.

    `model`: the checkpoint that the data set was prepared with. `begin_with`: a checkpoint whose transformer is trained
    further. `valid`: a prepared data set for validation. `reports`: what stands below its pictures, by the names of the
    volumes. `seconds`: for how long this call trains, instead of `run.steps`. `device`: cpu or cuda. `chip_use`:
    measures what a new transformer can use of the device.
    """

    config: FlowConfig
    data: Path
    out: Path
    model: Path
    device: str
    begin_with: Path | None = None
    valid: Path | None = None
    reports: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    chip_use: Callable[[STDiT], ChipUse] | None = None


def train_flow(training: FlowTraining, clock: Clock = time.monotonic) -> None:
    """Trains, or goes on with what is in `out`, and writes the averaged model to `out/model`. `clock` varies in tests.

    Raises DatasetError for a data set that cannot be read, RequestError where config, data sets and models do not fit
    each other or `out` holds another training, ResourceError where memory is not enough, TrainingStopped after SIGTERM
    or Ctrl-C.
    """
    config, shards = training.config, Shards(training.data)
    check_training(training, shards)
    network = first_network(training, shards)
    chip = training.chip_use(network) if training.chip_use and config.run.tracker != "none" else None
    watcher = flow_watcher(training, shards, chip)
    if config.run.recompute:
        recompute_blocks(network)
    if config.run.compile:
        compile_blocks(network, training.device)
    samples, begun_with = FlowSamples(shards, config), training.begin_with
    with enough_memory(training.device, LESS_MEMORY):
        train(
            flow_stage(training),
            network,
            flow_losses(config),
            batches=partial(batches_of, samples, config.batch, config.run.workers, training.device),
            describe=config.plan() | {"data": shards.sha256, "from": folder_sha256(begun_with) if begun_with else None},
            saving=NumberedFiles(training.out / STATES, config.run.save_every, config.run.keep, config.run.keep_every),
            watcher=watcher,
            clock=clock,
        )


def check_training(training: FlowTraining, shards: Shards) -> None:
    """Raises RequestError unless config, data set and models fit each other."""
    check_parts(training.config, shards)
    check_model(training.model, shards)
    if training.begin_with:
        check_model(training.begin_with, shards)
        check_prediction(training.begin_with, training.config)


def flow_stage(training: FlowTraining) -> Stage:
    """The training as the general loop knows it."""
    config = training.config
    return stage_of(
        "flow",
        training.out,
        budget_of(config.run.steps, training.seconds),
        training.device,
        optimizer=config.optimizer,
        batch=config.batch,
        log_every=config.run.log_every,
        tracker=config.run.tracker,
    )


def first_network(training: FlowTraining, shards: Shards) -> STDiT:
    """The transformer as it begins."""
    sizes = transformer_config(training.config.model, shards.facts, text_size=shards.text(0).shape[-1])
    if training.begin_with:
        return transformer_of(training.begin_with, sizes)
    return new_transformer(sizes, training.config.batch.seed)


def flow_watcher(training: FlowTraining, shards: Shards, chip: ChipUse | None) -> FlowWatcher:
    """What happens beside the steps."""
    config, out = training.config, training.out
    export = Export(training.model, out / MODEL, config, f"{len(shards)} volumes (set {shards.sha256[:12]})")
    validation = pictures = None
    if training.valid:
        valid = Shards(training.valid)
        check_validation_set(valid, shards)
        validation = Validation(valid, config, out / "valid.csv")
        latent, kl = valid.facts.latent, load_autoencoder(training.model / "avae")
        avae = AVAE(kl, latent.scale, latent.shift).eval().requires_grad_(False)
        defaults = read_card(training.model / CARD).defaults
        pictures = Pictures(valid, config, avae, defaults, training.reports, out / "pictures")
    return FlowWatcher(config, out, export, validation, pictures, chip)
