"""A real server in this process, so that a test can hold the model's steps."""

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app.ui import build, launch_options
from ctflow.events import Generator

Serve = Callable[..., str]


@contextmanager
def serving() -> Iterator[Serve]:
    """Gives a function that serves the app for a generator on a free port and returns its address."""
    served = []

    def start(generator: Generator, **options: Any) -> str:
        demo = build(generator)
        served.append(demo)
        options = {**launch_options(), **options}
        return demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **options)[1]

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
