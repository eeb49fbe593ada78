"""Load and faults, on this machine alone: python -m tests.load [--visitors N] [--minutes M] [--faults | --start]

Prints each figure beside its target, and exits with code 1 if a target is missed. Without --model, a fake generator
makes the volumes.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from tests.app.server import Apart
from tests.load.faults import bad_command_lines, bad_requests, cut_connections, kill
from tests.load.figures import Figure, Memory, beyond_a_step, count_in_log, growth_of, met, spread, steps_of
from tests.load.starting import first_steps
from tests.load.visitor import Tally, Visitor

GROWTH = 0.05
ATTACH_S = 3.0
STOP_S = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20, help="at the same time (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=5, help="of load (default: %(default)s)")
    parser.add_argument("--step-s", type=float, default=0.05, help="seconds that the fake generator takes for a step")
    parser.add_argument("--model", default="fake", help="fake, or a checkpoint's name or folder")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--faults", action="store_true", help="cut connections, kills and bad input, and no visitors")
    instead.add_argument("--start", action="store_true", help="what a start and a first volume cost (--model demo)")
    parser.add_argument("--cuts", type=int, default=50, help="with --faults: connections to cut (default: %(default)s)")
    parser.add_argument("--kills", type=int, default=20, help="with --faults: servers to kill (default: %(default)s)")
    parser.add_argument("--bad", type=int, default=300, help="with --faults: bad requests (default: %(default)s)")
    options = parser.parse_args()
    print(" ".join(["python -m tests.load", *sys.argv[1:]]), datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    with tempfile.TemporaryDirectory() as folder:
        if options.start:
            return 0 if met(first_steps(Path(folder) / "server", options.model)) else 1
        server = Apart(Path(folder) / "server", "--step-s", str(options.step_s), "--model", options.model)
        try:
            return 0 if met(faults(server, options) if options.faults else load(server, options)) else 1
        finally:
            server.kill()


def load(server: Apart, options: argparse.Namespace) -> list[Figure]:
    """Visitors do all sorts of things until time is up, and then wait for the end of their last run."""
    memory = Memory(server.process.pid)
    until_s = time.monotonic() + 60 * options.minutes
    with ThreadPoolExecutor(options.visitors) as pool, memory:
        tallies = list(pool.map(lambda number: stay(server, options, number, until_s), range(options.visitors)))
    total = sum(tallies, Tally())
    steps = steps_of(server)
    print(f"asked {total.asked}, finished {total.finished}, stopped {total.stopped}, refused {total.refused}")
    print(f"a step: {spread(steps.took_s)}")
    print(f"Stop: {spread(total.took_s)}")
    print(f"re-attach: {spread(total.attaches_s)}")
    print(f"delay of the load itself: {spread(memory.late_s)}")
    return [
        Figure("lost", total.lost, 0),
        Figure("mixed up", total.mixed, 0),
        Figure("two steps at once", count_in_log(server, "OVERLAP"), 0),
        Figure("tracebacks and bugs", count_in_log(server, "Traceback") + count_in_log(server, "bug "), 0),
        Figure("memory growth", growth_of(memory), GROWTH, "%"),
        Figure("slowest Stop beyond its step", beyond_a_step(total.stops, steps), STOP_S, " s"),
        Figure("slowest re-attach", max(total.attaches_s, default=0.0), ATTACH_S, f" s of {len(total.attaches_s)}"),
    ]


def stay(server: Apart, options: argparse.Namespace, number: int, until_s: float) -> Tally:
    visitor = Visitor(server.url, number, known=options.model == "fake")
    while time.monotonic() < until_s:
        visitor.visit()
        time.sleep(visitor.random.uniform(0, 0.5))
    return visitor.tally


def faults(server: Apart, options: argparse.Namespace) -> Iterator[Figure]:
    on_page = bad_requests(server, options.bad // 2)
    on_command_line = bad_command_lines(options.bad - options.bad // 2)
    wrong = on_page.wrong + on_command_line.wrong
    yield Figure("bad input that was not refused in words", wrong, 0, f" of {options.bad}")
    yield Figure("files left by bad input", on_page.left + on_command_line.left, 0)
    took_s = cut_connections(server, options.cuts)
    late = sum(seconds > ATTACH_S for seconds in took_s)
    yield Figure(f"cuts not back within {ATTACH_S:g} s", late, 0, f" of {len(took_s)}, the slowest {max(took_s):.2f} s")
    half, left = kill(server, options.kills)
    yield Figure("half-written files after kill -9", half, 0, f" of {options.kills} kills")
    yield Figure("files that dead servers left", left, 0)
    yield Figure("tracebacks", count_in_log(server, "Traceback"), 0)
    yield Figure("two steps at once", count_in_log(server, "OVERLAP"), 0)


if __name__ == "__main__":
    sys.exit(main())
