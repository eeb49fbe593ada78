"""`python -m ctflow generate --reports FILE --out-dir DIR`: a volume for each report of a file, shared out by Ray."""

import argparse
from typing import TYPE_CHECKING, get_args

from tqdm import tqdm

from ctflow.batch.job import Layout
from ctflow.choices import CUDA_CHOICES, DEVICES, PRECISIONS
from ctflow.commands.arguments import check_least, extra, path
from ctflow.commands.asking import note, settings_of
from ctflow.commands.model import FoundModel
from ctflow.data.report_rows import FORMATS
from ctflow.errors import RequestError
from ctflow.request import Mode

if TYPE_CHECKING:
    from ctflow.batch.plan import Batch, BatchOrder
    from ctflow.batch.worker import Outcome

HELP = f"""\
many reports: --reports FILE --out-dir DIR makes a volume of each (see ctflow/batch/README.md). By its ending, FILE is
{FORMATS}
A case's seed follows from its name and --seed (0 if left out), which all modes and arms share.
Call it again after it was cut short, and it goes on. What cannot be made is listed, with the reason, in rejected.jsonl.
"""
MOST_NOTES = 10  # all of them are in the list
# Of one volume alone.
_OF_ONE = ("impression", "sex", "age", "mode", "start_from", "out", "keep_partial")
_OF_MANY = ("out_dir", "metadata", "modes", "real", "arms", "layout", "together", "ray", "workers")


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declares what many reports need."""
    many = parser.add_argument_group("many reports")
    many.add_argument("--out-dir", type=path, metavar="DIR", help="where the volumes are, or will be")
    many.add_argument("--metadata", type=path, metavar="CSV", help="CT-RATE's table, for sex and age of each case")
    many.add_argument(
        "--modes",
        type=modes_of,
        metavar="MODE,MODE",
        help=f"of {', '.join(get_args(Mode))}: a folder for each (default: full-body, in DIR itself)",
    )
    many.add_argument("--real", type=path, metavar="DIR", help="the cases' real volumes, for gt-head and next-block")
    many.add_argument(
        "--arms",
        type=path,
        metavar="FILE",
        help="TOML: several volumes of each case, from other reports, in a folder each",
    )
    many.add_argument(
        "--layout",
        choices=get_args(Layout),
        help="nifti: a sidecar beside each volume (default); challenge: nothing to be seen but the volumes",
    )
    many.add_argument("--ray", metavar="ADDRESS", help="a Ray cluster (default: this machine)")
    many.add_argument(
        "--together",
        type=int,
        metavar="N",
        help="volumes that a worker makes in step, as its memory allows (default: 1)",
    )
    many.add_argument(
        "--workers", type=int, metavar="N", help="at most so many (default: one for each GPU, else for each core)"
    )


def modes_of(word: str) -> tuple[Mode, ...]:
    """The modes in a list with commas. Raises RequestError for another word."""
    known: dict[str, Mode] = {mode: mode for mode in ("full-body", "gt-head", "next-block")}
    if unknown := [mode for mode in word.split(",") if mode not in known]:
        raise RequestError(f"--modes takes {', '.join(known)}, with commas between them; got {unknown[0]!r}.")
    return tuple(known[mode] for mode in word.split(","))


def check_alone(args: argparse.Namespace) -> None:
    """Raises RequestError for options of many volumes where one is asked for."""
    if given := _given(args, _OF_MANY):
        raise RequestError(f"{', '.join(given)}: only with --reports.")
    if args.out is None:
        raise RequestError("Say where the volume goes: --out OUT.nii.gz.")


def run(args: argparse.Namespace) -> None:
    """Makes the volumes, and says what there is. Raises CTFlowError."""
    if given := _given(args, _OF_ONE):
        raise RequestError(
            f"{', '.join(given)}: not with --reports. Impressions, sexes and ages stand in its file; --out-dir, "
            "--modes and --real say the rest."
        )
    if args.out_dir is None:
        raise RequestError("Say where the volumes go: --out-dir DIR.")
    check_least(args, workers=1, together=1)
    with extra("research"):
        from ctflow.batch.generating import generate_batch, others
        from ctflow.batch.plan import plan_batch
        from ctflow.batch.ray_making import RayMaking

    batch = plan_batch(_order(args))
    for one in batch.left_out[:MOST_NOTES]:
        note(f"{args.reports}, {f'line {one.line}' if one.line else f'{one.name} {one.folder}'.strip()}: {one.reason}")
    failed: list[Outcome] = []
    with tqdm(total=len(batch.tasks), unit="volume") as bar:
        for outcome in generate_batch(batch, RayMaking(args.ray, args.workers)):
            if outcome.reason:
                failed.append(outcome)
            _count(bar, found=outcome.found)
    for outcome in failed[:MOST_NOTES]:
        task = batch.tasks[outcome.number]
        note(f"{f'{task.name} {task.folder}'.strip()}: {outcome.reason}")
    if count := others(batch):
        note(f"{batch.job.out} also holds {count} volumes of other cases than those of {args.reports}.")
    _print_content(batch, failed=len(failed))


def _count(bar: tqdm, *, found: bool) -> None:
    """Of the time that is left, only volumes that are made now say anything."""
    if found:
        bar.initial += 1
        bar.unpause()
    bar.update()


def _print_content(batch: "Batch", *, failed: int) -> None:
    left_out = failed + len(batch.left_out)
    listed = f"; see {batch.job.rejected}" if left_out else ""
    there = len(batch.tasks) - failed
    print(f"{batch.job.out}: {there} volumes, {left_out} left out{listed}. {batch.card.caution}")


def _order(args: argparse.Namespace) -> "BatchOrder":
    from ctflow.batch.job import BatchJob
    from ctflow.batch.plan import BatchOrder

    model: FoundModel = args.find_model(args.model)
    job = BatchJob(
        model=model.folder.resolve(),
        out=args.out_dir.resolve(),  # the workers of a cluster are in other folders
        device=args.device or DEVICES[0],
        cuda=args.cuda or CUDA_CHOICES[0],
        precision=args.precision or PRECISIONS[0],
        decoder=args.decoder,
        layout=args.layout or "nifti",
        start_slices=args.start_slices,
        together=args.together or 1,
    )
    return BatchOrder(
        job=job,
        reports=args.reports,
        seed=args.seed or 0,
        settings=settings_of(args),
        modes=args.modes,
        real=args.real,
        arms=args.arms,
        metadata=args.metadata,
    )


def _given(args: argparse.Namespace, names: tuple[str, ...]) -> list[str]:
    return [f"--{name.replace('_', '-')}" for name in names if getattr(args, name) not in (None, False)]
