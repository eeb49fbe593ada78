"""Memory that runs out, told as such, whatever raises it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ctflow.errors import ResourceError

# On the CPU, for pinned memory and inside CUDA's libraries, torch has no type of its own for this.
_NO_MEMORY = re.compile(r"allocate memory|out of memory|ALLOC(ATION)?_FAILED")


def ran_out(error: BaseException) -> bool:
    """Whether memory that ran out is behind this error.

    An error hides the one before it where leaving a block fails too, as that of a CUDA graph whose recording was cut
    short does, or where a compiler passes it on.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (MemoryError, torch.OutOfMemoryError)):
            return True
        if isinstance(seen, RuntimeError) and _NO_MEMORY.search(str(seen)):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


@contextmanager
def memory_of(device: torch.device | str) -> Iterator[None]:
    """Turns memory that ran out into a ResourceError that says what helps."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        elsewhere = "" if str(device) == "cpu" else ", or run it on the CPU (--device cpu)"
        raise ResourceError(
            f"The memory of {device} is not enough for this model. Close other programs, leave guidance at 1, "
            f"or choose a smaller model{elsewhere}."
        ) from error
