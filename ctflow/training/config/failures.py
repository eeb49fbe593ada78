"""What can go wrong in any training by a config, and what to do then."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from ctflow.errors import RequestError, ResourceError, VolumeError
from ctflow.io.files import replacing
from ctflow.runtime.memory import ran_out


@contextmanager
def enough_memory(device: str, less: str) -> Iterator[None]:
    """Around a training: turns a lack of memory into a ResourceError. `less`: in words, what takes less of it."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        raise ResourceError(
            f"The memory of {device} is not enough for a step. Any of these takes less: {less}."
        ) from error


@contextmanager
def model_written(out: Path) -> Iterator[Path]:
    """A folder to write a model into, which takes the place of `out` once it is whole.

    A kill at any moment leaves the old one or the new one. Raises VolumeError where the disk is full or may not be
    written to.
    """
    try:
        with replacing(out) as new:
            yield new
    except (OSError, SafetensorError) as error:  # a full disk raises either
        raise VolumeError(f"{out} cannot be written ({error}). Free some room, and go on.") from error


def check_finite(values: Mapping[str, float], step: int, out: Path) -> None:
    """Raises RequestError if any of the losses is no number."""
    if not all(map(math.isfinite, values.values())):
        raise RequestError(
            f"The loss is no number since step {step} or a few before it. Go on from an earlier state, without the "
            f"later ones in {out}, or begin anew with a lower optimizer.learning_rate or in float32."
        )
