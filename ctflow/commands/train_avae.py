"""`python -m ctflow train avae`: tunes a checkpoint's A-VAE on slices of volumes, in one process or in many."""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import DEVICES
from ctflow.commands.arguments import check_least, extra, path, place
from ctflow.commands.sources import add_sources_to, sources_of
from ctflow.commands.trainings import add_training, check_minutes, is_main_process, training_in
from ctflow.errors import RequestError
from ctflow.runtime.threads import cores_given

if TYPE_CHECKING:
    from ctflow.data.slice_pairs import PairFacts
    from ctflow.data.sources import Source
    from ctflow.evaluation.avae import SliceFeatures
    from ctflow.training.avae.config import AvaeConfig
    from ctflow.training.avae.perceptual import Perceptual
    from ctflow.training.avae.training import AvaeTraining

HELP = """\
Tunes the A-VAE of --model on chest CTs as CTFlow v2's was: absolute error, LPIPS, a discriminator, a code near a unit
Gaussian, and what is decoded half-way between the codes of two neighbouring slices held to one of them. Give the
volumes as to `prepare`:
  --ct-rate ROOT --split train|valid   CT-RATE as it lies on disk, in either version, or what `phantom` writes
  --volumes DIR --reports CSV          volumes of your own

First, some pairs of slices of each volume are collected, and how much disk that takes is said. Then it trains, writes
OUT/model, and measures both A-VAEs on volumes that were held out: PSNR, and FID of reconstructions and of midpoints, by
the Inception that --weights names, else by the model's image tower. OUT/measures.json has the same. Call it again with
the same --out, and it goes on. While it trains, SIGTERM or Ctrl-C saves and stops, with exit code 143.

For several processes, collect first in one, then start it by accelerate:

  python -m ctflow train avae --collect …
  accelerate launch --multi_gpu --num_processes 8 -m ctflow train avae …

--config is a TOML file. In it, `preset = "v2"` is v2's recipe as far as it is known, which needs the weights of VGG-16
and of LPIPS, and "phantom" one for phantoms on a laptop; the rest of the file is what differs from the preset."""
PAIRS, MEASURES = "slices", "measures.json"
LPIPS, INCEPTION = "lpips", "inception-2015-12-05"
NETWORKS = ("vgg16", "squeezenet1_1")
WEIGHT_PATTERNS = ("*.safetensors", "*.pth", "*.pt")


def _described_fields() -> Iterable[tuple[str, str]]:
    from ctflow.training.avae.config import FILE

    return FILE.described_fields()


def add_to(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `train avae` and its arguments."""
    parser = add_training(kinds, "avae", "an A-VAE, from volumes", HELP, _described_fields)
    parser.set_defaults(run=run)
    add_sources_to(parser, required=False)
    parser.add_argument("--model", type=place, metavar="DIR", help="the model whose A-VAE is tuned")
    parser.add_argument("--out", type=path, metavar="DIR", help="where the training is, or will be")
    parser.add_argument("--slices", type=path, metavar="DIR", help="where slices are collected (default: OUT/slices)")
    parser.add_argument("--collect", action="store_true", help="collect the slices, and train nothing")
    parser.add_argument("--workers", type=int, metavar="N", help="processes that collect (default: one per core)")
    parser.add_argument(
        "--weights",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help=f"weights of {', '.join((*NETWORKS, LPIPS, INCEPTION))}: a file, or its address on the hub",
    )
    parser.add_argument("--minutes", type=float, metavar="M", help="how long this call trains, instead of run.steps")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to train (default: %(default)s)")


def run(args: argparse.Namespace) -> None:
    """Collects, trains, exports and measures, or shows the config. Raises CTFlowError."""
    from ctflow.training.avae.config import FILE
    from ctflow.training.avae.presets import PRESETS
    from ctflow.training.config.file import as_toml

    config = FILE.read(args.config, PRESETS)
    if args.print_config:
        print(as_toml(config), end="")
        return
    if not (args.model and args.out):
        raise RequestError("Give --model, whose A-VAE is tuned, and --out, a folder for the training.")
    check_least(args, workers=1)
    check_minutes(args.minutes)
    sources, model = sources_of(args), find_checkpoint(args.model)
    with extra("train"), training_in(args.out):
        _run(args, config, sources, model)


def _run(args: argparse.Namespace, config: "AvaeConfig", sources: "list[Source]", model: Path) -> None:
    from ctflow.card import CARD, read_card
    from ctflow.data.slice_pairs import facts_of

    weights = _weights(args.weights)
    perceptual, features = _perceptual(config, weights), _features(model, weights)
    facts = facts_of(sources, read_card(model / CARD).geometry, config.slices.pairs_per_volume)
    _collect(args, sources, facts)
    if not args.collect:
        _train(args, config, sources, facts, model, perceptual, features)


def _pairs_folder(args: argparse.Namespace) -> Path:
    return args.slices or args.out / PAIRS


def _collect(args: argparse.Namespace, sources: "list[Source]", facts: "PairFacts") -> None:
    from ctflow.data.slice_pairs import collect_pairs, disk_bytes, missing_volumes

    folder = _pairs_folder(args)
    missing = missing_volumes(folder, facts, len(sources))
    if not missing or int(os.environ.get("WORLD_SIZE", "1")) > 1:  # the other processes would wait for hours
        return
    print(f"{folder} takes {disk_bytes(facts, len(sources)) / 1e9:.2f} GB of disk.")
    rows = collect_pairs(folder, sources, facts, args.workers or cores_given())
    left_out = [row for row in tqdm(rows, total=len(missing), desc="slices", unit="volume") if row.reason]
    for row in left_out:
        print(f"{row.name} was left out: {row.reason}")


def _train(
    args: argparse.Namespace,
    config: "AvaeConfig",
    sources: "list[Source]",
    facts: "PairFacts",
    model: Path,
    perceptual: "tuple[Perceptual, str] | None",
    features: "SliceFeatures | None",
) -> None:
    from ctflow.data.slice_pairs import open_pairs
    from ctflow.runtime.device import resolve_device
    from ctflow.training.avae.training import AvaeTraining, export_avae, train_avae

    training = AvaeTraining(
        config=config,
        pairs=open_pairs(_pairs_folder(args), facts, len(sources)),
        data=facts.sources_sha256,
        out=args.out,
        model=model,
        device=resolve_device(args.device).type,
        perceptual=perceptual,
        seconds=60 * args.minutes if args.minutes else None,
    )
    tuned = train_avae(training)
    if is_main_process():
        _measure(training, export_avae(training, tuned), features)


def _measure(training: "AvaeTraining", tuned: Path, features: "SliceFeatures | None") -> None:
    from ctflow.card import CARD, read_card
    from ctflow.checkpoint.folder import load_autoencoder
    from ctflow.evaluation.avae import AvaeComparison, measure_avae

    card, (_, held_out) = read_card(training.model / CARD), training.volumes()
    before, after = (
        measure_avae(
            load_autoencoder(folder / "avae").to(training.device),
            card,
            map(training.pairs.of, held_out),
            features,
        )
        for folder in (training.model, tuned)
    )
    comparison = AvaeComparison(
        before=before,
        after=after,
        features=features.name if features else "no network",
        weights_sha256=features.weights_sha256 if features else "",
    )
    comparison.write(training.out / MEASURES)
    print(comparison.markdown(), end="")
    print(f"\nThe model is in {tuned}.")
    if training.config.losses.trained == "all":
        print("Its transformer is still that of the old latents: prepare the data anew with this model, then train it.")


def _weights(words: list[str]) -> dict[str, Path]:
    """By network, on this disk or from the hub. Raises CTFlowError for what is no NAME=PATH, or is not there."""
    from ctflow.released.hub import fetch

    names, weights = (*NETWORKS, LPIPS, INCEPTION), {}
    for word in words:
        name, equals, where = word.partition("=")
        if not (equals and where and name in names):
            raise RequestError(f"--weights takes NAME=PATH with a name of {', '.join(names)}; got {word!r}.")
        weights[name] = fetch(where, WEIGHT_PATTERNS)
    return weights


def _perceptual(config: "AvaeConfig", weights: dict[str, Path]) -> "tuple[Perceptual, str] | None":
    """LPIPS of the config's network, and the hash of its files. Raises RequestError where they are not given."""
    from ctflow.checkpoint.weights import file_sha256
    from ctflow.training.avae.perceptual import load_perceptual

    losses = config.losses
    if not losses.needs_network:
        return None
    needed = (losses.perceptual_network, LPIPS)
    if missing := [name for name in needed if name not in weights]:
        raise RequestError(
            f"LPIPS of {losses.perceptual_network} needs published weights that are not given: "
            f"{' '.join(f'--weights {name}=FILE' for name in missing)}. Or tune without it: in [losses], perceptual = "
            '0, perceptual_network = "none" and midpoint_distance = "absolute".'
        )
    network, linear = (weights[name] for name in needed)
    hashes = f"{file_sha256(network)} {file_sha256(linear)}"
    return load_perceptual(losses.perceptual_network, network, linear), hashes


def _features(model: Path, weights: dict[str, Path]) -> "SliceFeatures | None":
    """By what FID is counted; None where there is nothing."""
    from ctflow.card import CARD, read_card
    from ctflow.checkpoint.folder import CTCLIP
    from ctflow.evaluation.avae import InceptionFeatures, TowerFeatures

    if INCEPTION in weights:
        return InceptionFeatures.load(weights[INCEPTION])
    if (model / CTCLIP).is_dir():
        return TowerFeatures.load(model, read_card(model / CARD).geometry)
    return None
