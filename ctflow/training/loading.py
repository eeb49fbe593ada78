"""Samples drawn in the training process between steps, or ahead of them by processes beside it."""

import signal
from collections.abc import Generator, Iterator
from typing import Any

from torch.utils.data import DataLoader, Dataset

from ctflow.training.loop import Batches
from ctflow.training.order import Place, places


def batches_of(samples: Dataset[Any], *, size: int, accumulation: int, workers: int, device: str) -> Batches:
    """What each process computes: batches of `samples`, which are asked for by their `Place`.

    `size`: of a step, over all processes and parts. `workers`: how many processes draw ahead, for each that trains;
    they end when the batches are closed.
    """

    def batches(first_step: int, rank: int, processes: int) -> Generator[Any, None, None]:
        is_closed = False

        def wanted() -> Iterator[list[Place]]:
            for some in places(first_step, size, accumulation, rank, processes):
                if is_closed:
                    return
                yield some

        loader = DataLoader(
            samples,
            batch_sampler=wanted(),
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,  # not forked: this process has threads
            worker_init_fn=_leave_sigterm_to_others,
            pin_memory=device == "cuda",
        )
        drawn = iter(loader)
        try:
            yield from drawn
        finally:
            is_closed = True
            for _ in drawn:  # what was drawn ahead; behind it the processes end
                pass

    return batches


def _leave_sigterm_to_others(_worker: int) -> None:
    """A scheduler sends it to all processes, and the step that is computed may need what these draw."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
