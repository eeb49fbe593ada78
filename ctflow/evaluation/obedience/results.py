"""The results of trials: what was measured in each volume, kept on disk so that a stopped measurement goes on."""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ctflow.errors import ShortVolumeError
from ctflow.evaluation.obedience.measures.chest_checks import check_chest
from ctflow.evaluation.obedience.measures.measure import MEASURES_VERSION, Measures, measure
from ctflow.evaluation.obedience.measures.seam import seam_index
from ctflow.evaluation.obedience.measures.thumbnail import thumbnail
from ctflow.evaluation.obedience.phantom_views import PhantomView
from ctflow.evaluation.obedience.pictures import save_picture
from ctflow.evaluation.obedience.trials import Trial
from ctflow.io.files import write_atomic
from ctflow.phantom import make_phantom
from ctflow.phantom.grid import Field
from ctflow.runtime.processes import processes
from ctflow.volume import Volume

PICTURES = 12  # of the first volumes
MOST_WAITING = 32  # volumes, of 12 MB each, that wait to be measured
PHANTOM_SEED = 2**31  # far from the seeds of the phantoms that detectors are fitted on
MakeVolume = Callable[[Trial], Volume]


@dataclass(frozen=True, eq=False)
class TrialResult:
    """What was measured in a trial's volume. `measures` is None if the volume was too short to be measured."""

    trial: Trial
    measures: Measures | None
    seam: float | None
    chest: dict[str, bool]
    thumbnail: Field


def model_results_folder(out: Path, model_sha256: str, precision: str) -> Path:
    """Where the results of a model are kept: other models, precisions and versions of the measures have others."""
    return out / f"pool-{model_sha256[:12]}-{precision}-v{MEASURES_VERSION}"


def phantom_results_folder(out: Path, view: PhantomView) -> Path:
    """Where the results of phantoms in a view are kept."""
    return out / f"phantoms-{view.name}-v{MEASURES_VERSION}"


def measure_trials(
    folder: Path, trials: Sequence[Trial], make: MakeVolume, pool: Executor | None = None
) -> Iterator[TrialResult]:
    """Makes and measures the trials that have no result in the folder; results that are there are read.

    `pool`: its processes measure volumes while the next ones are made here; without one, one thing is done at a time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begun: deque[Future[TrialResult]] = deque()
    for trial in trials:
        begun.append(_begun(folder, trial, make, pool))
        while begun and (begun[0].done() or len(begun) > MOST_WAITING):
            yield begun.popleft().result()
    for one in begun:
        yield one.result()


def _begun(folder: Path, trial: Trial, make: MakeVolume, pool: Executor | None) -> Future[TrialResult]:
    kept = _kept(folder, trial)
    if kept is None and pool is not None:
        return pool.submit(_measured, folder, trial, _made(trial, make))
    done: Future[TrialResult] = Future()
    done.set_result(kept or _measured(folder, trial, _made(trial, make)))
    return done


def measure_phantoms(folder: Path, trials: Sequence[Trial], workers: int, view: PhantomView) -> Iterator[TrialResult]:
    """The same for a phantom of each trial's truth instead of a volume, in several processes."""
    folder.mkdir(parents=True, exist_ok=True)
    with processes(workers) as pool:
        yield from pool.map(partial(_phantom_result, folder, view), trials)


def _phantom_result(folder: Path, view: PhantomView, trial: Trial) -> TrialResult:
    return _kept(folder, trial) or _measured(folder, trial, _phantom(view, trial))


def _phantom(view: PhantomView, trial: Trial) -> Volume:
    return view.show(make_phantom(PHANTOM_SEED + trial.seed, truth=trial.truth))


def _made(trial: Trial, make: MakeVolume) -> Volume | None:
    """None for a model that ends at once: it has answered, too."""
    try:
        return make(trial)
    except ShortVolumeError:
        return None


def _measures(volume: Volume | None) -> Measures | None:
    """None for a volume that is too short to be measured."""
    try:
        return measure(volume) if volume else None
    except ShortVolumeError:
        return None


def _measured(folder: Path, trial: Trial, volume: Volume | None) -> TrialResult:
    measures = _measures(volume)
    if volume is None or measures is None:
        result = TrialResult(trial, measures=None, seam=None, chest={}, thumbnail=np.zeros(0, np.float32))
    else:
        result = TrialResult(trial, measures, seam_index(volume), check_chest(volume), thumbnail(volume))
        if trial.index < PICTURES:
            save_picture(volume, picture_path(folder, trial))
    array = io.BytesIO()
    np.save(array, result.thumbnail.astype(np.float16))
    write_atomic(folder / f"{trial.name}.npy", array.getvalue())
    data = {"measures": result.measures, "seam": result.seam, "chest": result.chest}
    # The JSON file is written last: where it is, the others are.
    write_atomic(folder / f"{trial.name}.json", json.dumps(data, allow_nan=False).encode())
    return result


def _kept(folder: Path, trial: Trial) -> TrialResult | None:
    path = folder / f"{trial.name}.json"
    if not path.exists():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return TrialResult(trial, **data, thumbnail=np.load(path.with_suffix(".npy")))


def picture_path(folder: Path, trial: Trial) -> Path:
    """Where the picture of a trial's volume is, if it is one of the first."""
    return folder / f"{trial.name}.png"
