"""A checkout of CTFlow, this or an older one, timed from outside: by what a user types, whatever is inside."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from ctflow.errors import RequestError, ResourceError

REPORT = "Large right pleural effusion. The heart is enlarged."
SEED = 1
BEGUN = b"chunk 1"  # what the progress bar says once the model is loaded and the first chunk begins
READ_BYTES = 4096
BUSY = "while True: pass"


@dataclass(frozen=True)
class Turn:
    """One run of `generate`, in seconds: from the start of the process until it began, and until it had written."""

    ready_s: float
    generate_s: float


@dataclass(frozen=True)
class Checkout:
    """`folder`: where its README stands. `bytecode`: a folder of its own for what Python compiles."""

    folder: Path
    bytecode: Path

    @cached_property
    def settings(self) -> dict[str, object]:
        """What its bundled model's volumes are made with when nothing is said, by the names of the options.

        Raises RequestError if the folder is no checkout.
        """
        try:
            card = json.loads((self.folder / "checkpoints/demo/card.json").read_text(encoding="utf-8"))
        except OSError as error:
            raise RequestError(f"{self.folder} is no checkout of CTFlow ({error}): name the folder of one.") from error
        guidance = card["guidance"]
        above_t = guidance.get("above_t", 0.0)
        return {**card["defaults"], "guidance": guidance["default"], "guidance-above-t": above_t}

    @cached_property
    def _help(self) -> str:
        words = [sys.executable, "-m", "ctflow", "generate", "--help"]
        return subprocess.run(words, **self._place, capture_output=True, text=True, check=True).stdout

    @property
    def _place(self) -> dict:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": str(self.bytecode), "HF_HUB_OFFLINE": "1"}
        return {"cwd": self.folder, "env": environment}

    def generate(self, out: Path, settings: Mapping[str, object]) -> Turn:
        """Makes a volume of the bundled model on the CPU. Raises ResourceError with the last words of what failed.

        An option that this checkout does not have is left out: it did then what the option's plainest value does now.
        """
        words = ["--report", REPORT, "--seed", SEED, "--device", "cpu", "--out", out]
        for name, value in settings.items():
            if f"--{name} " in self._help:
                words += [f"--{name}", value]
        began = time.perf_counter()
        command = [sys.executable, "-m", "ctflow", "generate", *map(str, words)]
        with subprocess.Popen(command, **self._place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            ready_s, said = _listen(process.stderr, began)
        done_s = time.perf_counter() - began
        if process.returncode or ready_s is None:
            raise ResourceError(f"generate failed in {self.folder}: {said.decode(errors='replace').strip()[-300:]}")
        return Turn(ready_s, done_s - ready_s)


def _listen(stderr: IO[bytes], began: float) -> tuple[float | None, bytes]:
    """Reads to the end. -> when BEGUN was said, in seconds, if it was; and all that was said."""
    said, ready_s = b"", None
    while read := os.read(stderr.fileno(), READ_BYTES):
        said += read
        if ready_s is None and BEGUN in said:
            ready_s = time.perf_counter() - began
    return ready_s, said


@contextmanager
def busy_process() -> Iterator[None]:
    """One process that never waits for anything, as long as the `with` lasts."""
    with subprocess.Popen([sys.executable, "-c", BUSY]) as process:
        try:
            yield
        finally:
            process.kill()
