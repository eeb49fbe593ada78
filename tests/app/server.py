"""A real server in this process, so that a test can hold the model's steps."""

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app.runs import Limits
from app.ui import Page
from ctflow.events import Generator

LIMITS = Limits()
Serve = Callable[..., str]


@contextmanager
def serving() -> Iterator[Serve]:
    """Gives a function that serves the app for a generator on a free port and returns its address."""
    served = []

    def start(generator: Generator, limits: Limits = LIMITS, driven: bool = False, **options: Any) -> str:
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
    """Gradio leaves its event loop and sockets to the collector: let that happen here, not in somebody else's test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
