"""What can go wrong in any training by a config, and what to do then."""

import math
import shutil
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


def check_finite(values: Mapping[str, float], step: int, out: Path) -> None:
    """Raises RequestError if any of the losses is no number."""
    if not all(map(math.isfinite, values.values())):
        raise RequestError(
            f"The loss is no number since step {step} or a few before it. Go on from an earlier state, without the "
            f"later ones in {out}, or begin anew with a lower optimizer.learning_rate or in float32."
        )


@contextmanager
def replacing_model(folder: Path) -> Iterator[Path]:
    """As `files.replacing`, for the folder of a model. Raises VolumeError where the disk is full or refuses."""
    try:
        with replacing(folder) as new:
            yield new
    except shutil.Error as error:  # of several files that were to be copied
        _, _, why = error.args[0][0]
        raise _not_written(folder, why) from error
    except (OSError, SafetensorError) as error:  # a full disk raises either
        raise _not_written(folder, str(error)) from error


def _not_written(folder: Path, why: str) -> VolumeError:
    return VolumeError(f"{folder} cannot be written ({why}). Free some room, and call it again: it goes on.")
