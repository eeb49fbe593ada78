"""What goes wrong on purpose: connections that are cut, a server that is killed, bad input on the command line."""

import contextlib
import gzip
import io
import itertools
import json
import random
import tempfile
import time
import zlib
from pathlib import Path

import httpx

from ctflow.__main__ import main as command_line
from tests.app.server import Apart
from tests.browser.wire import Wire
from tests.load.visitor import Visitor

BAD_WORDS = {
    "--report": ("", " ", "x" * 50_000, "\u202e", "Findings: Impression:"),
    "--seed": ("-1", "x", "1.5", "99999999999", ""),
    "--steps": ("0", "-3", "1001", "x", "nan"),
    "--chunks": ("0", "65", "-1", "all", "1e3"),
    "--age": ("-1", "121", "x", "54.5", ""),
    "--sex": ("X", "", "f", "0", "None"),
    "--device": ("tpu", "", "cuda:9", "GPU", "0"),
    "--model": ("none", "/", "\u202e", "x" * 300, "."),
    "--report-file": ("/", "none.txt", "/proc/self/mem", "x" * 300, "\u202e"),
    "--from": ("/", "none.json", "x" * 300, "pyproject.toml", "README.md"),
    "--out": ("/", "a.txt", "/none/a.nii.gz", ".nii.gz", "x" * 300 + ".nii"),
    "--guidance": ("x", "", "--", "1,5", "much"),
}


def cut_connections(server: Apart, times: int) -> list[float]:
    """Cuts every connection while a run is watched; returns how long each way back to all of its slices took."""
    wire = Wire(server.port)
    visitor = Visitor(f"http://127.0.0.1:{wire.port}/", 1000)
    took_s = []
    dice = random.Random(0)
    for number in range(times):
        run = visitor.ask("start", {**visitor.fields(number), "visitor": f"cut {number}"})["run"]
        time.sleep(dice.uniform(0, 0.5))
        wire.cut()
        began_s = time.monotonic()
        visitor.slices(visitor.ask("news", {"run": run}))
        took_s.append(time.monotonic() - began_s)
        visitor.ask("stop", {"run": run})
    wire.close()
    if visitor.tally.lost or visitor.tally.mixed:
        raise AssertionError("a cut connection cost slices")
    return took_s


def kill(server: Apart, times: int) -> int:
    """Kills the server at random moments of runs and downloads; returns how many files were left half-written."""
    dice = random.Random(1)
    half = 0
    for number in range(times):
        visitor = Visitor(server.url, 2000 + number)
        runs = [visitor.ask("start", visitor.fields(seed))["run"] for seed in range(3)]
        until_s = time.monotonic() + dice.uniform(0.1, 2)
        while time.monotonic() < until_s:
            with contextlib.suppress(httpx.HTTPError):
                visitor.ask("export", {"run": runs[0], "kind": dice.choice(["nifti", "sidecar"])})
        server.kill()
        half += sum(not is_whole(path) for path in server.folder.rglob("*"))
        server.start()
    return half


def is_whole(path: Path) -> bool:
    """Whether a file can be read to its end. A passing name says itself that it is not one yet."""
    try:
        if path.name.endswith(".bin"):
            zlib.decompress(path.read_bytes())
        elif path.name.endswith(".nii.gz"):
            gzip.decompress(path.read_bytes())
        elif path.name.endswith(".json"):
            json.loads(path.read_text(encoding="utf-8"))
    except (OSError, EOFError, ValueError, zlib.error):
        return False
    return True


def bad_command_lines(number: int) -> tuple[int, int, int]:
    """Sends bad words to `python -m ctflow generate`; returns how many it was, tracebacks, and files left."""
    tracebacks = 0
    with tempfile.TemporaryDirectory() as folder:
        every = [(option, word) for option, words in BAD_WORDS.items() for word in words]
        for option, word in itertools.islice(itertools.cycle(every), number):
            words = {"--report": "Clear.", "--out": f"{folder}/a.nii.gz", "--device": "cpu", "--chunks": "1"}
            if option in ("--report-file", "--from"):
                del words["--report"], words["--chunks"]
            tracebacks += not _refused([f"{name}={value}" for name, value in {**words, option: word}.items()])
        return number, tracebacks, len(list(Path(folder).iterdir()))


def _refused(words: list[str]) -> bool:
    """Whether the exit code is 2. What it prints is not of interest here."""
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            return command_line(["generate", *words]) == 2
    except SystemExit as left:
        return left.code == 2
    except Exception:  # a traceback is what this looks for
        return False
