"""Does the model copy? How near the nearest training volume lies to each generated one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ctflow.data.phantoms import STUDIES, open_phantom_set
from ctflow.errors import RequestError, VolumeError
from ctflow.evaluation.obedience.measures.thumbnail import distance, thumbnail
from ctflow.evaluation.obedience.results import TrialResult
from ctflow.evaluation.obedience.table import NEAREST, Column
from ctflow.evaluation.statistics import mean
from ctflow.phantom import affine
from ctflow.volume import Volume


def training_volumes(folder: Path) -> list[Volume]:
    """The phantoms that `train demo` left in a folder, read from disk when they are looked at.

    Raises RequestError if there are none, or all of one person.
    """
    try:
        phantoms = open_phantom_set(folder)
        volumes = [Volume(phantoms.hu[i, :count], affine()) for i, count in enumerate(phantoms.slices)]
    except (RequestError, VolumeError) as error:
        raise RequestError(f"--training takes a folder of training phantoms. {error}") from error
    if len(volumes) <= STUDIES:
        raise RequestError(
            f"--training needs phantoms of two or more persons, {STUDIES} of each, to compare distances; {folder} has "
            f"{len(volumes)} in all."
        )
    return volumes


def nearest_rows(results: Sequence[TrialResult], training: Sequence[Volume]) -> Column:
    """How near the nearest training volume lies, beside how near each training volume has another person's.

    Other studies of the same person do not count: they lie so near that nothing generated would look like a copy.
    """
    taught = [thumbnail(volume) for volume in training]
    others = [[b for j, b in enumerate(taught) if j // STUDIES != i // STUDIES] for i in range(len(taught))]
    theirs = [min(distance(a, b) for b in some) for a, some in zip(taught, others, strict=True)]
    ours = [min(distance(result.thumbnail, b) for b in taught) for result in results if result.measures]
    return {
        (NEAREST, "generated"): mean(ours),
        (NEAREST, "training volumes, to another person's"): mean(theirs),
    }
