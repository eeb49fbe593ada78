"""`python -m ctflow train flow`: trains the transformer on prepared shards, in one process or in many."""

import argparse
import copy
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import DEVICES
from ctflow.commands.arguments import extra, path, place
from ctflow.commands.trainings import add_training, check_minutes, is_main_process, training_in
from ctflow.errors import RequestError

if TYPE_CHECKING:
    import torch

    from ctflow.models.stdit import STDiT
    from ctflow.training.flow.config import FlowConfig
    from ctflow.training.flow.watcher import ChipUse

HELP = """\
Trains the transformer on what `python -m ctflow prepare` wrote: flow matching from a report and the previous chunk to
the next one. For several processes, on one machine or many, start it by accelerate:

  accelerate launch --multi_gpu --num_processes 8 -m ctflow train flow --config FILE --data DIR --model DIR --out DIR

--config is a TOML file. In it, `preset = "S"`, "B" or "L" is the published recipe, and "phantom" one for phantoms on a
laptop; the rest of the file is what differs from the preset. --out will hold states/, losses.csv, and model/, which
`generate --model` reads. Call it again with the same --out, and it goes on, after a kill from the last state that was
saved. SIGTERM or Ctrl-C saves and stops, with exit code 143."""


def _described_fields() -> Iterable[tuple[str, str]]:
    from ctflow.training.flow.config import described_fields

    return described_fields()


def add_to(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `train flow` and its arguments."""
    parser = add_training(kinds, "flow", "a transformer, from prepared shards", HELP, _described_fields)
    parser.set_defaults(run=run)
    parser.add_argument("--data", type=path, metavar="DIR", help="a prepared data set")
    parser.add_argument("--out", type=path, metavar="DIR", help="where the training is, or will be")
    parser.add_argument("--model", type=place, metavar="DIR", help="the model that --data was prepared with")
    parser.add_argument("--from", dest="begin_with", type=place, metavar="DIR", help="begin with this transformer")
    parser.add_argument("--valid", type=path, metavar="DIR", help="a prepared set of other patients, to validate on")
    parser.add_argument("--valid-reports", type=path, metavar="CSV", help="its reports, to be shown below its pictures")
    parser.add_argument("--minutes", type=float, metavar="M", help="how long this call trains, instead of run.steps")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to train (default: %(default)s)")


def run(args: argparse.Namespace) -> None:
    """Trains, or shows the config. Raises CTFlowError where it cannot begin."""
    from ctflow.training.config.file import as_toml
    from ctflow.training.flow.config import read_config
    from ctflow.training.flow.presets import PRESETS

    config = read_config(args.config, PRESETS)
    if args.print_config:
        print(as_toml(config), end="")
        return
    if not (args.data and args.model and args.out):
        raise RequestError(
            "Give --data, a prepared data set, --model, the one it was prepared with, and --out, a folder for the "
            "training."
        )
    check_minutes(args.minutes)
    _train(args, config)


def _train(args: argparse.Namespace, config: "FlowConfig") -> None:
    with extra("train"):
        from ctflow.training.flow.training import FlowTraining, train_flow
    from ctflow.runtime.device import resolve_device
    from ctflow.training.config.stage import MODEL

    device = resolve_device(args.device)
    training = FlowTraining(
        config=config,
        data=args.data,
        out=args.out,
        model=find_checkpoint(args.model),
        device=device.type,
        begin_with=find_checkpoint(args.begin_with) if args.begin_with else None,
        valid=args.valid,
        reports=_reports(args.valid_reports) if args.valid_reports else {},
        seconds=60 * args.minutes if args.minutes else None,
        chip_use=partial(_chip_use, device, config.batch.precision),
    )
    with training_in(args.out):
        train_flow(training)
    if is_main_process():
        print(f"The model is in {args.out / MODEL}: `generate --model {args.out / MODEL}` makes volumes by it.")


def _reports(table: Path) -> dict[str, str]:
    from ctflow.data.own_sources import FINDINGS, IMPRESSION
    from ctflow.data.tables import NAME, read_table

    return {
        row[NAME]: f"Findings: {row[FINDINGS]} Impression: {row[IMPRESSION]}"
        for row in read_table(table, (FINDINGS, IMPRESSION))
    }


def _chip_use(device: "torch.device", precision: str, network: "STDiT") -> "ChipUse":
    """Counted on a copy without numbers, and measured once."""
    import torch

    from ctflow.benchmark.floor import peak_gflop_per_s
    from ctflow.demo.chip_share import chunk_gflop
    from ctflow.runtime.device import bf16_is_fast
    from ctflow.training.flow.watcher import ChipUse

    bf16 = precision == "bfloat16" or (precision == "auto" and bf16_is_fast(device.type))
    peak = peak_gflop_per_s(device, torch.bfloat16 if bf16 else torch.float32)
    return ChipUse(chunk_gflop(copy.deepcopy(network).to("meta")), peak)
