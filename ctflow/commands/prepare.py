"""`python -m ctflow prepare`: encodes volumes and reports into shards that a model can be trained from."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import DEVICES, PRECISIONS
from ctflow.commands.arguments import check_least, extra, path, place
from ctflow.commands.sources import add_sources_to, sources_of
from ctflow.runtime.threads import cores_given

if TYPE_CHECKING:
    from ctflow.data.manifest import SetFacts
    from ctflow.data.sources import Source

HELP = """\
Encodes chest CTs with a model's A-VAE and their reports with its text encoder, into safetensors shards with a
manifest (see ctflow/data/README.md). Give either
  --ct-rate ROOT --split train|valid   CT-RATE as it lies on disk, in either version, or what `phantom` writes
  --volumes DIR --reports CSV          volumes of your own: NIfTI, NRRD, MetaImage, or folders of DICOM

The table of your own has the columns VolumeName (a path in DIR), PatientID, Findings_EN and Impressions_EN, and may
have PatientSex and PatientAge.

Call it again after it was cut short, and it goes on. What cannot be read or trusted is left out, and listed with the
reason in rejected.jsonl. At last call it with --verify added: it compares the set with the tables and every volume with
its hash, and training takes no set that was not verified."""
MEGABYTE = 10**6


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `prepare` and its arguments."""
    parser = commands.add_parser(
        "prepare",
        help="encode volumes and reports into a data set to train from",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    add_sources_to(parser, required=True)
    parser.add_argument("--model", type=place, required=True, metavar="DIR", help="a model's name, or its folder")
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="where the data set is, or will be")
    parser.add_argument("--verify", action="store_true", help="prepare nothing, and prove that the set is whole")
    parser.add_argument(
        "--retry-left-out", action="store_true", help="try once more what was left out, after its files were mended"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where the A-VAE runs (default: %(default)s)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS[1:],  # not auto: one set would be encoded in several formats on several machines
        default="float32",
        help="number format of the A-VAE (default: %(default)s)",
    )
    parser.add_argument("--slices", type=int, metavar="N", help="slices encoded together (default: by memory)")
    parser.add_argument("--shard-mb", type=int, default=1000, metavar="N", help="MB of a shard (default: %(default)s)")
    parser.add_argument("--ray", metavar="ADDRESS", help="a Ray cluster (default: this machine)")


def run(args: argparse.Namespace) -> None:
    """Prepares or verifies, and says what there is. Raises CTFlowError."""
    from ctflow.data.preparation import facts_of

    check_least(args, shard_mb=1, slices=1)
    args.out = args.out.resolve()  # the workers of a cluster are in other folders
    sources, model = sources_of(args), find_checkpoint(args.model).resolve()
    facts = facts_of(
        model,
        sources,
        split=args.split,
        one_per_patient=args.one_per_patient,
        precision=args.precision,
        shard_bytes=args.shard_mb * MEGABYTE,
    )
    (_verify if args.verify else _prepare)(args, model, sources, facts)


def _prepare(args: argparse.Namespace, model: Path, sources: "list[Source]", facts: "SetFacts") -> None:
    from ctflow.data.effort import Effort
    from ctflow.data.preparation import prepare
    from ctflow.data.ray_encoding import RayEncoding
    from ctflow.runtime.device import gpus_of

    effort, reports_cut = Effort(begin_after=2 * cores_given()), 0  # each worker has come to an end by then
    with extra("research"):
        outcomes = prepare(
            args.out,
            model,
            sources,
            facts,
            args.device,
            RayEncoding(args.ray),
            args.slices,
            retry=args.retry_left_out,
        )
        for outcome in tqdm(outcomes, total=len(sources), unit="volume"):
            effort.add(outcome)
            reports_cut += outcome.report_cut
    _print_content(args.out)
    if reports_cut:
        most = facts.text.max_tokens
        print(f"{reports_cut} reports are longer than the {most} tokens that the text encoder reads: they were cut.")
    if not args.ray and (used := effort.summary(gpus=gpus_of(args.device))):
        print(used)


def _verify(args: argparse.Namespace, _: Path, sources: "list[Source]", facts: "SetFacts") -> None:
    from ctflow.data.verification import verify

    for _name in tqdm(verify(args.out, sources, facts), total=len(sources), unit="volume"):
        pass
    _print_content(args.out)


def _print_content(folder: Path) -> None:
    from ctflow.data.manifest import REJECTED, VERIFIED, read_manifest, read_rejections

    rows, rejected = read_manifest(folder), len(read_rejections(folder))
    shards, slices = len({row.shard for row in rows}), sum(row.slices for row in rows)
    state = "verified" if (folder / VERIFIED).exists() else "not verified: call this again with --verify"
    counts = f"{len(rows)} volumes of {slices} slices in {shards} shard{'s' if shards > 1 else ''}"
    listed = f" (see {folder / REJECTED})" if rejected else ""
    print(f"{folder}: {counts}, {rejected} left out{listed}; {state}.")
