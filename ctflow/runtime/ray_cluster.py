"""Ray on this machine, or a cluster that is named: for what maps over many volumes.

Its usage reports and its dashboard stay off. Ray is imported inside, because only the extra `research` has it.
"""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ctflow.errors import RequestError, ResourceError
from ctflow.runtime.processes import THREADS
from ctflow.runtime.threads import PASSIVE, cores_given

# In each worker: one thread, because there are as many workers as cores.
_ONE_THREAD = {**dict.fromkeys((*THREADS, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1"), **PASSIVE}
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # else a thread of a run that failed starts another Ray, dashboard and all
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what CUDA_VISIBLE_DEVICES says holds for processes without a GPU too
    "RAY_enable_metrics_collection": "0",  # nobody looks at them, and nothing that is done here is told to anybody
    "RAY_task_events_report_interval_ms": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # what goes wrong comes to us as an exception
}
_INIT: dict[str, Any] = {
    "runtime_env": {"env_vars": _ONE_THREAD},
    "logging_level": logging.ERROR,
    "log_to_driver": False,
}
_CAUSED = "The above exception was the direct cause"  # of the next one, as Python has it
ANSWERS_WITHIN_S = 10.0
WATCH_EVERY_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cluster:
    """What Ray may use: cores and GPUs of all its machines."""

    cores: int
    gpus: int


@contextmanager
def ray_cluster(address: str | None) -> Iterator[Cluster]:
    """Starts Ray on this machine, or joins the cluster at an address, and leaves it at the end.

    Raises ResourceError if Ray cannot be started, or no cluster answers there.
    """
    os.environ.update(_SETTINGS)  # Ray reads them when it is imported and started
    import ray

    if address:
        _join(address)
    else:
        _start()
    _silence()
    try:
        found = ray.cluster_resources()
        with _watched(ray.get_runtime_context().gcs_address):
            yield Cluster(int(found.get("CPU", 1)), int(found.get("GPU", 0)))
    finally:
        ray.shutdown()


@contextmanager
def _watched(address: str) -> Iterator[None]:
    """Says so in the log when Ray's head is gone: a minute later, Ray ends this process without a word."""
    left = threading.Event()

    def watch() -> None:
        while not left.wait(WATCH_EVERY_S):
            try:
                _connect(address)
            except OSError as error:
                _log.error("Ray's head at %s is gone (%s). What was finished is kept: start it again.", address, error)
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        left.set()
        watching.join()


def _join(address: str) -> None:
    import ray

    _check_answers(address)
    try:
        ray.init(address=address, **_INIT)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ResourceError(
            f"The Ray cluster at {address} cannot be joined ({error}). If it asks for a token, set RAY_AUTH_MODE=token "
            "here too; is its Ray of the same version?"
        ) from error


def _check_answers(address: str) -> None:
    """Ray itself tries for many minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise RequestError(f"A Ray cluster's address is HOST:PORT, such as 10.0.0.1:6379; got {address!r}.")
    try:
        _connect(address)
    except (OSError, OverflowError) as error:
        raise ResourceError(f"No Ray cluster answers at {address} ({error}). Is it running?") from error


def _connect(address: str) -> None:
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), ANSWERS_WITHIN_S).close()


def _start(attempts: int = 3) -> None:
    """Ray gives itself 30 seconds, which on a busy machine is not always enough."""
    import ray

    for attempt in range(1, attempts + 1):
        try:
            ray.init(address="local", num_cpus=cores_given(), include_dashboard=False, **_INIT)
            return
        except Exception as error:  # it raises nothing narrower
            ray.shutdown()
            if attempt == attempts:
                raise ResourceError(f"Ray cannot be started here ({error}). Is the machine very busy?") from error
            _log.warning("Ray did not start (%s): trying again.", error)


def _silence() -> None:
    """Ray Data tells the log of its plans, and shows a bar for each of its steps; the command has a bar of its own."""
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors are raised as well
    ray.data.DataContext.get_current().enable_progress_bars = False


def ray_failure(error: Exception) -> ResourceError:
    """What to raise for an error of Ray's own, whose message is a whole log, the cause first."""
    cause = str(error).partition(_CAUSED)[0]
    lines = [line.strip() for line in cause.splitlines() if line.strip()]
    said = lines[-1] if lines else "it says nothing"
    return ResourceError(
        f"Ray could not go on ({type(error).__name__}: {said}). What was finished is kept: start it again."
    )
