"""How much memory each side takes while it runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

PAGE_BYTES = 4096
LOOK_S = 0.02


class Memory:
    """The most memory in use while a side ran: what CUDA gave out, or what this process had resident (Linux alone).

    `own_bytes`: the weights that only the reference and only the product has; each side counts without the other's.
    """

    def __init__(self, device: torch.device, own_bytes: tuple[int, int]) -> None:
        self._cuda, self._own_bytes = device.type == "cuda", own_bytes
        self._peaks_gb = [0.0, 0.0]

    @property
    def peaks_gb(self) -> tuple[float, float] | None:
        """Of reference and product. None where this system does not say."""
        reference, product = self._peaks_gb
        return (reference, product) if reference and product else None

    @contextmanager
    def of(self, side: int) -> Iterator[None]:
        """Around what side 0 (the reference) or 1 (the product) does."""
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            yield
            self._note(side, torch.cuda.max_memory_allocated())
            return
        over = threading.Event()
        looking = threading.Thread(target=self._look, args=(side, over), daemon=True)
        looking.start()
        try:
            yield
        finally:
            over.set()
            looking.join()

    def _look(self, side: int, over: threading.Event) -> None:
        resident = Path("/proc/self/statm")
        while resident.exists():
            self._note(side, int(resident.read_text(encoding="utf-8").split()[1]) * PAGE_BYTES)
            if over.wait(LOOK_S):
                return

    def _note(self, side: int, used_bytes: int) -> None:
        self._peaks_gb[side] = max(self._peaks_gb[side], (used_bytes - self._own_bytes[1 - side]) / 1e9)
