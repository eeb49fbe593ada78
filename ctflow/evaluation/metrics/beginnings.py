"""What generated volumes began with: the text alone, or a real scan, as the sidecars beside them say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.volume_set import VolumeFile
from ctflow.io.nifti import is_nifti_name
from ctflow.io.sidecar import Sidecar, read_sidecar, sidecar_path

FULL_BODY, GT_HEAD, MIXED, UNKNOWN = "full-body", "gt-head", "mixed", "unknown"


def sidecars_of(volumes: Sequence[VolumeFile]) -> dict[str, Sidecar]:
    """By name, of those volumes that have one. Raises RequestError for a damaged one."""
    paths = {one.name: sidecar_path(one.path) for one in volumes if is_nifti_name(one.path)}
    return {name: read_sidecar(path) for name, path in paths.items() if path.exists()}


def check_one_maker(sidecars: Mapping[str, Sidecar]) -> None:
    """Raises RequestError for volumes of several models, and for one that is not finished: they make no set."""
    models = {one.model.sha256: f"{name} of {one.model.name}" for name, one in sidecars.items()}
    if len(models) > 1:
        raise RequestError(
            f"The fake volumes are of {len(models)} models by their sidecars, such as {', '.join(models.values())}: "
            "give those of one."
        )
    if partial := [name for name, one in sidecars.items() if not one.complete]:
        raise RequestError(f"{len(partial)} of the fake volumes are not finished, first {partial[0]}: remove them.")


def check_not_swapped(real: Mapping[str, Sidecar], fake: Mapping[str, Sidecar]) -> None:
    """Raises RequestError where sidecars say that real volumes were generated, and none says so of a fake one."""
    if real and not fake:
        raise RequestError(
            f"CTFlow generated {len(real)} volumes of the real set, {min(real)} among them, and none of the fake set: "
            "exchange --real and --fake."
        )


def modes_of(sidecars: Mapping[str, Sidecar]) -> dict[str, str]:
    """By name, the paper's mode in which a volume was made."""
    return {name: one.start.mode if one.start else FULL_BODY for name, one in sidecars.items()}


def mode_of_set(modes: Mapping[str, str], volumes: Sequence[VolumeFile]) -> str:
    """The mode of all volumes; MIXED where they have several, and UNKNOWN where not all of them say it."""
    found = {modes.get(one.name, UNKNOWN) for one in volumes}
    if UNKNOWN in found:
        return UNKNOWN
    return found.pop() if len(found) == 1 else MIXED
