"""`python -m ctflow bench`: the product against the published code, in one run on this machine."""

import argparse
import json
import math
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import CUDA_LEVELS, DEVICES
from ctflow.commands.arguments import add_precision_to, path, place
from ctflow.errors import RequestError
from ctflow.io.files import check_writable, write_atomic
from ctflow.runtime.threads import cores_given

PUBLISHED_SIZES = ("S", "B", "L")
SOLVER_SHARE = 0.5  # of the time, if there are trained weights


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `bench` and its arguments."""
    parser = commands.add_parser("bench", help="measure the speed on this machine", allow_abbrev=False)
    parser.set_defaults(run=run)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--preset", choices=PUBLISHED_SIZES, default="S", help="random weights of a published size (default: S)"
    )
    what.add_argument("--model", type=place, metavar="DIR", help="a checkpoint instead")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    add_precision_to(parser)
    parser.add_argument(
        "--cuda", choices=CUDA_LEVELS, default=CUDA_LEVELS[0], help="faster on a GPU, but not tried on one yet"
    )
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
    folder = find_checkpoint(args.model) if args.model else None
    from ctflow.benchmark.measure import Bench
    from ctflow.benchmark.solvers import compare_solvers
    from ctflow.benchmark.subject import folder_subject, random_subject
    from ctflow.runtime.device import resolve_device, resolve_precision

    device = resolve_device(args.device)
    how = device, args.cuda, resolve_precision(device, args.precision)
    subject = folder_subject(folder, *how) if folder else random_subject(args.preset, *how)
    budget_s = 60 * args.minutes
    solvers_s = budget_s * SOLVER_SHARE if subject.trained else 0.0
    comparisons, facts = Bench(subject, _say).measure(budget_s - solvers_s)
    solvers = compare_solvers(subject, comparisons[0].product_s, solvers_s, _say) if subject.trained else []
    report = {
        "command": _command(),
        "subject": subject.name,
        "machine": _machine(device.type),
        "facts": asdict(facts),
        "rows": [asdict(comparison) for comparison in comparisons],
        "solvers": [asdict(solver) for solver in solvers],
    }
    print(_markdown(report))
    if args.json:
        write_atomic(args.json, (json.dumps(report, indent=2) + "\n").encode())


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
    return f"{what}, the reference in float32 without TF32, torch {torch.__version__}"


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line for line in information.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        if names:
            return names[0].partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _markdown(report: dict[str, Any]) -> str:
    facts = report["facts"]
    lines = [
        f"`{report['command']}`: {report['subject']}, on {report['machine']}.",
        "",
        "| | reference s | product s | ratio | max error | |",
        "|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        error = "" if row["max_error"] is None else f"{row['max_error']:.1e}"
        numbers = f"{row['reference_s']:.3g} | {row['product_s']:.3g} | {row['ratio']:.2f} × | {error}"
        lines.append(f"| {row['name']} | {numbers} | {row['how']} |")
    if facts["memory_gb"]:
        reference, product = facts["memory_gb"]
        numbers = f"{reference:.1f} GB | {product:.1f} GB | {reference / product:.2f} ×"
        lines.append(f"| memory | {numbers} | | most in use without the other's weights, text encoder and CT-CLIP |")
    lines += [
        "",
        f"A step takes {facts['step_gflop']:.0f} GFLOP and runs at {facts['share_of_matrix_peak']:.0%} of the "
        f"{facts['matrix_gflop_per_s']:.0f} GFLOP/s that matrix products reach here.",
    ]
    if not report["solvers"]:
        lines += ["", "No table of solvers: random weights have no solution to compare with. Give --model to get one."]
    else:
        lines += ["", "| chunk | solver | steps | shift | error | s |", "|---|---|---|---|---|---|"]
    for row in report["solvers"]:
        lines.append(
            f"| {row['chunk']} | {row['solver']} | {row['steps']} | {row['shift']:g} | {row['error']:.4f} | "
            f"{row['seconds']:.1f} |"
        )
    return "\n".join(lines)
