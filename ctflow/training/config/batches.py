"""The batches of a training by a config, drawn ahead by processes of their own."""

import signal
from collections.abc import Generator, Iterator
from typing import Any

from torch.utils.data import DataLoader, Dataset

from ctflow.training.config.tables import Batch
from ctflow.training.order import Place, places
from ctflow.training.restarts.stopping import ASKS_TO_STOP


def batches_of(
    samples: Dataset[Any], batch: Batch, workers: int, device: str, first_step: int, rank: int, processes: int
) -> Generator[Any, None, None]:
    """What process `rank` computes, from a step on: batches of samples, which are drawn by their `Place`.

    `workers`: how many processes draw ahead; they end when this is closed.
    """
    is_closed = False

    def wanted() -> Iterator[list[Place]]:
        for some in places(first_step, batch.size, batch.accumulation, rank, processes):
            if is_closed:
                return
            yield some

    loader = DataLoader(
        samples,
        batch_sampler=wanted(),
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,  # not forked: this process has threads
        worker_init_fn=_leave_stopping_to_others,
        pin_memory=device == "cuda",
    )
    drawn = iter(loader)
    try:
        yield from drawn
    finally:
        is_closed = True
        for _ in drawn:  # what was drawn ahead; behind it the processes end
            pass


def _leave_stopping_to_others(_worker: int) -> None:
    """Schedulers and terminals signal to all processes, and the step that is computed may need what these draw."""
    for number in ASKS_TO_STOP:
        signal.signal(number, signal.SIG_IGN)
