"""A real server: in this process, so that a test can hold the model's steps, or apart, so that it can be killed."""

import gc
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from app.runs import Limits
from app.ui import Page
from ctflow.generator import VolumeGenerator

LIMITS = Limits()
ROOT = Path(__file__).parents[2]
START_S = 300
Serve = Callable[..., str]


@contextmanager
def serving() -> Iterator[Serve]:
    """Gives a function that serves the app for a generator on a free port and returns its address."""
    served = []

    def start(generator: VolumeGenerator, limits: Limits = LIMITS, driven: bool = False, **options: Any) -> str:
        page = Page(generator, limits, driven)
        served.append(page.demo)
        return page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **options)

    try:
        yield start
    finally:
        for demo in served:
            demo.close(verbose=False)
        served.clear()
        collect_what_gradio_leaves()


def collect_what_gradio_leaves() -> None:
    """Gradio leaves its event loop and sockets to the garbage collector. Let that happen here, not in another test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Apart:
    """A server in a process of its own (`tests.app.serve`), with its files in `folder` and its output in `log`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.log = folder.with_suffix(".log")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.options = options
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "tests.app.serve", "--port", str(self.port), *self.options]
        environment = {**os.environ, "GRADIO_TEMP_DIR": str(self.folder)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        until_s = time.monotonic() + START_S
        while time.monotonic() < until_s:
            try:
                httpx.get(f"{self.url}health", timeout=5)
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        self.kill()
        raise AssertionError(f"the server did not start: {self.log.read_text()}")

    def kill(self) -> None:
        """Like `kill -9`."""
        self.process.kill()
        self.process.wait()


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
