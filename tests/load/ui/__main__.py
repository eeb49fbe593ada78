"""How fast the page is in headless Chromium, with software rendering: python -m tests.load.ui

Prints each figure beside its target, and the machine; a miss gives exit code 1. Needs Chromium, and on Linux alone it
knows the memory of other processes. `python -m tests.load.ui NAME` measures one part, by a name of PARTS.
"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.load.figures import Figure, met
from tests.load.ui.arriving import chunk_to_picture, first_load
from tests.load.ui.asking import evaluations
from tests.load.ui.comparing import difference_and_memory
from tests.load.ui.drawing import latencies
from tests.load.ui.opening import dicom_zip

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PARTS: dict[str, Callable[[Browser], Iterator[Figure]]] = {
    "load": first_load,
    "drawing": latencies,
    "chunk": chunk_to_picture,
    "compare": difference_and_memory,
    "scan": dicom_zip,
    "ask": evaluations,
}


def main() -> None:
    """Measures all parts, or those that are named."""
    names = sys.argv[1:] or list(PARTS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.environ["GRADIO_TEMP_DIR"] = folder
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        print("python -m tests.load.ui", *sys.argv[1:], datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
        print(f"{processor()}, {os.cpu_count()} cores, Chromium {browser.version}, headless, software rendering")
        done = met(figure for name in names for figure in PARTS[name](browser))
        browser.close()
    sys.exit(not done)


def processor() -> str:
    """The name that the processor gives itself (Linux), or its kind."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    main()
