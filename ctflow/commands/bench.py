"""`python -m ctflow bench`: the product against the published code, or an older checkout, on this machine."""

import argparse
import json
import math
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ctflow
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import CUDA_LEVELS, DEVICES
from ctflow.commands.arguments import add_precision_to, extra, path, place
from ctflow.commands.model import DEFAULT_MODEL
from ctflow.errors import RequestError
from ctflow.io.files import check_writable, write_atomic
from ctflow.runtime.threads import cores_given

HERE = Path(ctflow.__file__).parents[1]
PUBLISHED_SIZES = ("S", "B", "L")
READ_REPORTS = 20
SOLVER_SHARE = 0.5  # of the time, if there are trained weights


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `bench` and its arguments."""
    parser = commands.add_parser("bench", help="measure the speed on this machine", allow_abbrev=False)
    parser.set_defaults(run=run)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--preset", choices=PUBLISHED_SIZES, default="S", help="random weights of a published size (default: S)"
    )
    what.add_argument("--model", type=place, metavar="DIR", help="measure a checkpoint instead, with its own defaults")
    what.add_argument(
        "--against",
        type=path,
        metavar="CHECKOUT",
        help="instead, make demo volumes here and with another checkout of CTFlow, in turns",
    )
    what.add_argument(
        "--training",
        type=path,
        metavar="CHECKOUT",
        help="instead, take steps of the training here and with another checkout of CTFlow, in turns",
    )
    what.add_argument(
        "--together",
        type=int,
        metavar="N",
        help="instead, make N demo volumes one by one and together, as `generate --reports` does, in turns",
    )
    what.add_argument(
        "--reading", type=place, metavar="MODEL", help="instead, read reports of about 400 tokens with this model"
    )
    what.add_argument(
        "--kernels",
        action="store_true",
        help="instead, time the kernels of a step and a slice one by one; on a CPU in tiny sizes",
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="what to measure (default: %(default)s)")
    add_precision_to(parser)
    parser.add_argument("--cuda", choices=CUDA_LEVELS, help="measure only this level of a GPU (default: all)")
    parser.add_argument(
        "--minutes",
        type=float,
        default=5.0,
        metavar="M",
        help="about how long to measure; one turn of each at least (default: %(default)s)",
    )
    parser.add_argument("--json", type=path, metavar="FILE", help="write the numbers to this file too")


def run(args: argparse.Namespace) -> None:
    """Prints Markdown; progress goes to standard error."""
    if not 0 < args.minutes < math.inf:
        raise RequestError(f"--minutes must be more than 0 and finite; got {args.minutes:g}.")
    if args.json:
        check_writable(args.json)
    report, lines = _measure_of(args)(args)
    print("\n".join(lines))
    if args.json:
        write_atomic(args.json, (json.dumps(report, indent=2) + "\n").encode())


def _measure_of(args: argparse.Namespace) -> Callable[[argparse.Namespace], tuple[dict[str, Any], list[str]]]:
    if args.against:
        return _against
    if args.training:
        return _training
    if args.together is not None:
        return _together
    if args.reading:
        return _reading
    return _kernels if args.kernels else _published


def _published(args: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """The product against the published code: the numbers, and the lines to print."""
    folder = find_checkpoint(args.model) if args.model else None
    from ctflow.benchmark.measure import Bench
    from ctflow.benchmark.product import product_of, ways_on
    from ctflow.benchmark.solvers import compare_solvers
    from ctflow.benchmark.subject import folder_subject, random_subject
    from ctflow.benchmark.tables import figures_table, solvers_table
    from ctflow.runtime.device import resolve_device

    device = resolve_device(args.device)
    ways = ways_on(device, args.precision, args.cuda)
    subject = folder_subject(folder, device) if folder else random_subject(args.preset, device)
    solvers_s = 60 * args.minutes * SOLVER_SHARE if subject.trained else 0.0
    found = Bench(subject, _say).measure(ways, 60 * args.minutes - solvers_s)
    step_s = found[1].step_s
    solvers = compare_solvers(subject, product_of(subject, ways[0]), step_s, solvers_s, _say) if solvers_s else []
    report = {
        "command": _command(),
        "subject": subject.name,
        "machine": _machine(device.type),
        "request": asdict(subject.request),
        "figures": [asdict(figures) for figures in found],
        "solvers": [asdict(solver) for solver in solvers],
    }
    request = subject.request
    volume = f"a volume, {request.chunks} chunks of {request.steps} steps"
    lines = [
        f"`{report['command']}`: {subject.name}, on {report['machine']}.",
        "",
        *figures_table(found, volume),
        "",
        "× is how many times as fast as the published computation; * is computed from other rows. Errors are root mean "
        "square, as a share of what the published computation gives.",
        "",
    ]
    if solvers:
        return report, lines + solvers_table(solvers)
    why = "--minutes are too few for the fine solution" if subject.trained else "random weights have none: give --model"
    return report, [*lines, f"No table of solvers, which are compared with a fine solution: {why}."]


def _against(args: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """This checkout against another: the numbers, and the lines to print."""
    from ctflow.benchmark.against import compare_checkouts
    from ctflow.benchmark.checkout import Checkout
    from ctflow.benchmark.tables import ratios_table

    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        here, other = (Checkout(folder.resolve(), work / "bytecode") for folder in (HERE, args.against))
        ratios = compare_checkouts(other, here, work, 60 * args.minutes, _say)
    report = {"command": _command(), "machine": _machine("cpu"), "ratios": [asdict(ratio) for ratio in ratios]}
    return report, [f"`{report['command']}`, on {report['machine']}.", "", *ratios_table(ratios)]


def _training(args: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """A step of training here against one of another checkout: the numbers, and the lines to print."""
    with extra("train"):
        from ctflow.benchmark.tables import ratios_table
        from ctflow.benchmark.training_step import compare_steps
        from ctflow.runtime.device import resolve_device

    device = resolve_device(args.device).type
    ratio = compare_steps(args.training, device, 60 * args.minutes)
    report = {"command": _command(), "machine": _machine(device), "ratios": [asdict(ratio)]}
    return report, [f"`{report['command']}`, on {report['machine']}.", "", *ratios_table([ratio])]


def _together(args: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Volumes one by one and together: the numbers, and the lines to print."""
    from ctflow.benchmark.tables import ratios_table
    from ctflow.benchmark.together import Side, compare_together
    from ctflow.runtime.device import resolve_device

    side = Side(find_checkpoint(DEFAULT_MODEL), args.device, args.precision)
    ratio = compare_together(side, args.together, None, 60 * args.minutes)
    report = {"command": _command(), "machine": _machine(resolve_device(args.device).type), "ratios": [asdict(ratio)]}
    return report, [f"`{report['command']}`, on {report['machine']}.", "", *ratios_table([ratio])]


def _reading(args: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Reports read by a model: the numbers, and the lines to print."""
    from ctflow.benchmark.reading import measure_reading, reading_table
    from ctflow.runtime.device import resolve_device

    folder = find_checkpoint(args.reading)
    resolve_device("cpu")
    found = measure_reading(folder, READ_REPORTS)
    report = {"command": _command(), "machine": _machine("cpu"), "reading": asdict(found)}
    return report, [f"`{report['command']}`, on {report['machine']}.", "", *reading_table(found)]


def _kernels(args: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """One kernel after another: the numbers, and the lines to print."""
    from ctflow.benchmark.kernels import PUBLISHED, TINY, Kernels
    from ctflow.benchmark.tables import kernels_table
    from ctflow.runtime.device import resolve_device

    device = resolve_device(args.device)
    sizes = PUBLISHED if device.type == "cuda" else TINY
    folder = args.json.parent if args.json else Path()
    found = Kernels(device, sizes, folder, _say).measure(60 * args.minutes)
    report = {"command": _command(), "machine": _machine(device.type), "kernels": [asdict(line) for line in found]}
    return report, [f"`{report['command']}`, on {report['machine']}.", "", *kernels_table(found)]


def _say(text: str) -> None:
    print(f"ctflow: {text}", file=sys.stderr)


def _command() -> str:
    return " ".join(["python -m ctflow", *sys.argv[1:]])


def _machine(device: str) -> str:
    """Hardware, threads and torch, in words."""
    import torch

    if device == "cuda":
        what = torch.cuda.get_device_name()
    else:
        what = f"{_cpu_name()}, {cores_given()} cores, {torch.get_num_threads()} threads"
    return f"{what}, torch {torch.__version__}"


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line for line in information.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        if names:
            return names[0].partition(":")[2].strip()
    return platform.processor() or platform.machine()
