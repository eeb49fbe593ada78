"""Faults on purpose: connections that are cut, a server that is killed, bad input on the page and the command line."""

import contextlib
import gzip
import io
import itertools
import json
import random
import re
import tempfile
import time
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from ctflow.__main__ import main as command_line
from ctflow.commands.model import FoundModel, find_model
from tests.app.server import Apart
from tests.browser.wire import Wire
from tests.load.visitor import BAD, Visitor

_NO_NUMBER = ("seven", "", " ", "NaN", "1e300", "0x1", "1,5", "--", "∞", "½", "1 2", "-1")
_NO_CHOICE = ("none", "", "0", "-", "PLAIN")
BAD_WORDS = {
    "--report": ("", " ", "?!", "x" * 50_000, "\u202e", "\u3164", "Findings: Impression:"),
    "--impression": ("x" * 50_000,),
    "--seed": ("1.5", "99999999999", *_NO_NUMBER),
    "--steps": ("0", "1001", "2.5", *_NO_NUMBER),
    "--chunks": ("0", "65", "7", *_NO_NUMBER),
    "--age": ("121", "54.5", *_NO_NUMBER),
    "--guidance": ("21", *_NO_NUMBER),
    "--guidance-above-t": ("1.1", *_NO_NUMBER),
    "--shift": ("0", "11", "inf", *_NO_NUMBER),
    "--sex": ("X", "f", "female", *_NO_CHOICE),
    "--solver": ("heun", "Euler", *_NO_CHOICE),
    "--device": ("tpu", "cuda:9", *_NO_CHOICE),
    "--preset": _NO_CHOICE,
    "--mode": ("gt-head", "next-block", *_NO_CHOICE),
    "--decoder": ("taef1", *_NO_CHOICE),
    "--cuda": ("graph", *_NO_CHOICE),
    "--model": ("none", "/", "\u202e", "x" * 300, "."),
    "--start-slices": ("x", "16"),
    "--start-from": ("none.nii.gz", "/"),
    "--report-file": ("/", "none.txt", "/proc/self/mem", "x" * 300, "\u202e"),
    "--from": ("/", "none.json", "x" * 300, "pyproject.toml", "README.md"),
    "--out": ("/", "a.txt", "/none/a.nii.gz", ".nii.gz", "x" * 300 + ".nii"),
}


def cut_connections(server: Apart, times: int) -> list[float]:
    """Cuts every connection while a run is watched. Returns the seconds, each time, until all slices are back."""
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
        raise AssertionError("slices were lost by a cut connection")
    return took_s


def kill(server: Apart, times: int) -> tuple[int, int]:
    """Kills the server at random moments of runs and downloads.

    Returns how many files with final names were incomplete, and how many were still there after the next start.
    """
    dice = random.Random(1)
    half = left = 0
    for number in range(times):
        visitor = Visitor(server.url, 2000 + number)
        runs = [visitor.ask("start", visitor.fields(seed))["run"] for seed in range(3)]
        until_s = time.monotonic() + dice.uniform(0.1, 2)
        while time.monotonic() < until_s:
            with contextlib.suppress(httpx.HTTPError):
                visitor.ask("export", {"run": runs[0], "kind": dice.choice(["nifti", "sidecar"])})
        server.kill()
        half += sum(not is_complete(path) for path in server.folder.rglob("*"))
        server.start()
        left += len(files_of(server))
    return half, left


def is_complete(path: Path) -> bool:
    """Whether a file can be read to its end. One with a temporary name counts: nobody takes it for complete."""
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


def files_of(server: Apart) -> list[Path]:
    return [path for path in server.folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


@dataclass(frozen=True)
class Answers:
    """`wrong`: how many inputs were not refused in words; `left`: how many files they left behind."""

    wrong: int
    left: int


def bad_requests(server: Apart, number: int) -> Answers:
    """Sends bad fields, in turn as a page and as a program does."""
    visitor = Visitor(server.url, 3000)
    wrong = 0
    every = [(bad, to_page) for bad in BAD for to_page in (True, False)]
    for bad, to_page in itertools.islice(itertools.cycle(every), number):
        wrong += not (visitor.is_refused(bad) if to_page else is_refused_to_a_program(server, bad))
    return Answers(wrong, len(files_of(server)))


def is_refused_to_a_program(server: Apart, bad: dict[str, Any]) -> bool:
    address = f"{server.url}gradio_api/call"
    asked = httpx.post(f"{address}/v2/generate", json={"findings": "Clear.", **bad})
    if asked.status_code != 200:
        return asked.status_code in (400, 422) and "Traceback" not in asked.text
    answer = httpx.get(f"{address}/generate/{asked.json()['event_id']}", timeout=60).text
    return "event: error" in answer and "our side" not in answer


def bad_command_lines(number: int) -> Answers:
    """Gives bad words to `python -m ctflow generate`. A model is loaded only once, however often it is named."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        every = [(option, word) for option, words in BAD_WORDS.items() for word in words]
        for option, word in itertools.islice(itertools.cycle(every), number):
            words = {"--report": "Clear.", "--out": f"{folder}/a.nii.gz", "--device": "cpu", "--chunks": "1"}
            if option in ("--report-file", "--from"):
                del words["--report"], words["--chunks"]
            wrong += not _refused([f"{name}={value}" for name, value in {**words, option: word}.items()])
        return Answers(wrong, len(list(Path(folder).iterdir())))


class LoadedOnce(FoundModel):
    load = cache(FoundModel.load)


def find_loaded_once(name: str) -> LoadedOnce:
    found = find_model(name)
    return LoadedOnce(found.folder, found.card)


def _refused(words: list[str]) -> bool:
    """Whether the exit code is 2, after one message."""
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        try:
            code = command_line(["generate", *words], find_loaded_once)
        except SystemExit as left:
            code = left.code
        except Exception:  # a traceback is what this looks for
            return False
    messages = [line for line in said.getvalue().splitlines() if re.match(r"ctflow: |.*: error: ", line)]
    return code == 2 and len(messages) == 1
