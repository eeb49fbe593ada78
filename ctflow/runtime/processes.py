"""Worker processes that do not slow each other down."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context

from ctflow.errors import ResourceError
from ctflow.runtime.threads import THREADS_VARIABLE

THREADS = (THREADS_VARIABLE, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes, not forks: a fork would wait forever for torch's threads, which it does not inherit.

    Each process computes on one thread: sixteen threads in each of sixteen processes would mostly wait.
    Raises ResourceError around work of which a process was killed.
    """
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))  # a process reads them when it starts
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield pool
    except BrokenProcessPool as error:
        raise ResourceError(
            "A worker process was killed, perhaps because memory is short. Give the same command again, with fewer "
            "--workers."
        ) from error
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
