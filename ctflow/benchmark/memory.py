"""How much memory the reference and the product take while they run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

PAGE_BYTES = 4096
POLL_S = 0.02


class PeakMemory:
    """The most memory in use while a side ran: what CUDA allocated, or what this process had resident (on Linux only).

    Side 0 is the reference, side 1 the product. `own_bytes`: the weights that only one of them has, for each; the
    other's are not counted for a side.
    """

    def __init__(self, device: torch.device, own_bytes: tuple[int, int]) -> None:
        self._cuda, self._own_bytes = device.type == "cuda", own_bytes
        self._peaks_gb = [0.0, 0.0]

    @property
    def peaks_gb(self) -> tuple[float, float] | None:
        """Of reference and product. None if this system does not tell."""
        reference, product = self._peaks_gb
        return (reference, product) if reference and product else None

    @contextmanager
    def of(self, side: int) -> Iterator[None]:
        """Notes the memory that is in use inside the `with`, for side 0 or 1."""
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            yield
            self.note(side, torch.cuda.max_memory_allocated())
            return
        done = threading.Event()
        poll = threading.Thread(target=self._poll, args=(side, done), daemon=True)
        poll.start()
        try:
            yield
        finally:
            done.set()
            poll.join()

    def note(self, side: int, used_bytes: int) -> None:
        """So many bytes are in use while a side runs."""
        self._peaks_gb[side] = max(self._peaks_gb[side], (used_bytes - self._own_bytes[1 - side]) / 1e9)

    def _poll(self, side: int, done: threading.Event) -> None:
        resident = Path("/proc/self/statm")
        while resident.exists():
            self.note(side, int(resident.read_text(encoding="utf-8").split()[1]) * PAGE_BYTES)
            if done.wait(POLL_S):
                return
