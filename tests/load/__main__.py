"""Load and faults, on this machine's loopback: python -m tests.load [--visitors N] [--minutes M] [--faults]

Prints what was asked, finished, lost and mixed up (both must be 0), the server's memory, and the slowest answers.
Exit code 1 where a target is missed. The fake generator is used unless --model says otherwise.
"""

import argparse
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from tests.app.server import Apart
from tests.load.faults import bad_command_lines, cut_connections, kill
from tests.load.visitor import Tally, Visitor

WARM_UP = 0.2  # of the time
GROWTH = 0.05
ATTACH_S = 3.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--step-s", type=float, default=0.05, help="what the fake generator takes for a step")
    parser.add_argument("--model", default="fake", help="fake, or a checkpoint's name or folder")
    parser.add_argument("--faults", action="store_true", help="cut connections, kills and bad input instead")
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--bad", type=int, default=300)
    options = parser.parse_args()
    print(" ".join(["python -m tests.load", *sys.argv[1:]]), datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    with tempfile.TemporaryDirectory() as folder:
        server = Apart(Path(folder) / "server", "--step-s", str(options.step_s), "--model", options.model)
        try:
            met = faults(server, options) if options.faults else load(server, options)
        finally:
            server.kill()
    return 0 if met else 1


def load(server: Apart, options: argparse.Namespace) -> bool:
    """Visitors who do all sorts of things until time is up, and then see their last run through."""
    before = memory_mb(server)
    until_s = time.monotonic() + 60 * options.minutes
    at_warm: list[float] = []
    warm = threading.Timer(60 * options.minutes * WARM_UP, lambda: at_warm.append(memory_mb(server)))
    warm.start()
    with ThreadPoolExecutor(options.visitors) as pool:
        tallies = list(pool.map(lambda number: stay(server, options, number, until_s), range(options.visitors)))
    warm.join()
    total = Tally()
    for tally in tallies:
        total.add(tally)
    after = memory_mb(server)
    growth = after / at_warm[0] - 1
    print(f"asked {total.asked}, finished {total.finished}, stopped {total.stopped}, refused {total.refused}")
    print(f"lost {total.lost}, mixed {total.mixed}, two steps at once {said(server, 'OVERLAP')}")
    print(f"memory: {before:.0f} MB at start, {at_warm[0]:.0f} warmed up, {after:.0f} at the end: {growth:+.1%}")
    print(f"slowest stop {slowest(total.stops_s)} (a step takes {options.step_s} s)")
    print(f"slowest re-attach {slowest(total.attaches_s)}")
    print(f"tracebacks {said(server, 'Traceback')}, bugs {said(server, 'bug ')}")
    return not (total.lost or total.mixed or said(server, "OVERLAP") or said(server, "Traceback")) and growth <= GROWTH


def stay(server: Apart, options: argparse.Namespace, number: int, until_s: float) -> Tally:
    visitor = Visitor(server.url, number, known=options.model == "fake")
    while time.monotonic() < until_s:
        visitor.visit()
        time.sleep(visitor.random.uniform(0, 0.5))
    return visitor.tally


def faults(server: Apart, options: argparse.Namespace) -> bool:
    asked, tracebacks, left = bad_command_lines(options.bad)
    print(f"bad input {asked}: tracebacks {tracebacks}, files left {left}")
    took_s = cut_connections(server, options.cuts)
    soon = sum(seconds <= ATTACH_S for seconds in took_s)
    print(f"cut connections: {soon} of {len(took_s)} back within {ATTACH_S:g} s, slowest {slowest(took_s)}")
    half = kill(server, options.kills)
    print(f"kill -9 at {options.kills} moments: half files {half}")
    print(f"tracebacks of the server {said(server, 'Traceback')}, two steps at once {said(server, 'OVERLAP')}")
    return not (tracebacks or left or half or said(server, "Traceback")) and soon == len(took_s)


def slowest(seconds: list[float]) -> str:
    return f"{max(seconds):.2f} s of {len(seconds)}" if seconds else "none"


def memory_mb(server: Apart) -> float:
    """Resident memory of the server's process (Linux)."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


def said(server: Apart, word: str) -> int:
    return server.log.read_text().count(word)


if __name__ == "__main__":
    sys.exit(main())
