"""What a start costs: the time to the first answer, the first slices and the first volume, and the memory."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.app.server import Apart
from tests.load.figures import Figure
from tests.load.visitor import Visitor

PACKAGES = "import gradio, torch"
FIRST_SLICES_S, VOLUME_S, MEMORY_GB = 5.0, 30.0, 3.0


def first_steps(folder: Path, model: str) -> Iterator[Figure]:
    """Starts a server and asks for one volume with the model's default settings."""
    packages_s = seconds(lambda: subprocess.run([sys.executable, "-W", "ignore", "-c", PACKAGES], check=True))
    servers: list[Apart] = []
    answer_s = seconds(lambda: servers.append(Apart(folder, "--model", model)))
    print(f"first answer {answer_s:.1f} s after the start, {answer_s / packages_s:.2f} times what importing takes")
    (server,) = servers
    try:
        visitor = Visitor(server.url, 0, known=False)
        began_s = time.monotonic()
        run = visitor.ask("start", {"findings": "Clear lungs.", "seed": 1, "visitor": "first"})["run"]
        news = visitor.ask("news", {"run": run})
        while not news["chunks"]:
            news = visitor.ask("news", {"run": run, "seen": news["version"]})
        yield Figure("first slices", time.monotonic() - began_s, FIRST_SLICES_S, " s")
        news = visitor.follow(run, ("waiting", "running"))
        yield Figure("volume", time.monotonic() - began_s, VOLUME_S, f" s, {len(visitor.slices(news))} slices")
        yield Figure("peak memory", peak_gb(server.process.pid), MEMORY_GB, " GB")
    finally:
        server.kill()


def seconds(work: Callable[[], object]) -> float:
    began_s = time.monotonic()
    work()
    return time.monotonic() - began_s


def peak_gb(pid: int) -> float:
    """The most resident memory that a process has had so far (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (peak_kb,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(peak_kb) / 1024**2
