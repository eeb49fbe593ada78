"""On phantoms, by the bundled tower, the metrics order what they must."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ctflow.evaluation.metrics.case_reports import Reports
from ctflow.evaluation.metrics.protocols import DEMO
from ctflow.evaluation.metrics.results import Result
from ctflow.phantom import Phantom, make_phantom
from ctflow.volume import Volume
from tests.evaluation.metrics.judged import judge, judging, value, write_volumes

COUNT = 12
NOISE_HU = 2400 / 255 * 4  # four steps of 8-bit pixels over the model's range


@dataclass(frozen=True)
class World:
    """Real phantoms and others that stand for a perfect model's volumes, with the reports of both."""

    folder: Path
    fake: dict[str, Volume]
    reports: Reports

    def judged(self, name: str, fake: dict[str, Volume], reports: Reports | None = None) -> Result:
        folder = write_volumes(self.folder / name, fake)
        work = judging(self.folder / "real", folder, DEMO, self.folder / "features", reports or self.reports)
        return judge(work)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    real = _phantoms("real", 70_000)
    fake = _phantoms("fake", 80_000)
    write_volumes(folder / "real", {name: phantom.volume for name, phantom in real.items()})
    reports = {name: phantom.report for name, phantom in (real | fake).items()}
    return World(folder, {name: phantom.volume for name, phantom in fake.items()}, reports)


@pytest.fixture(scope="module")
def perfect(world: World) -> Result:
    return world.judged("perfect", world.fake)


def _phantoms(name: str, seed: int) -> dict[str, Phantom]:
    return {f"{name}-{i}": make_phantom(seed + i) for i in range(COUNT)}


@pytest.mark.slow
def test_noise_is_worse_in_fid(world: World, perfect: Result) -> None:
    draw = np.random.default_rng(0)

    def noisy(one: Volume) -> Volume:
        return Volume((one.hu + draw.normal(0, NOISE_HU, one.hu.shape)).astype(np.int16), one.affine)

    worse = world.judged("noisy", {name: noisy(one) for name, one in world.fake.items()})
    assert value(worse, "FID, slices") > 1.2 * value(perfect, "FID, slices")


@pytest.mark.slow
def test_one_repeated_volume_is_worse_in_recall(world: World, perfect: Result) -> None:
    first = next(iter(world.fake.values()))
    repeated = world.judged("repeated", {name: first for name in world.fake})
    assert value(repeated, "recall") < 0.2 < 0.6 < value(perfect, "recall")
    assert "12 of 12 fake volumes are the same, byte for byte, as another one" in str(repeated.figures)


@pytest.mark.slow
def test_shuffled_reports_are_worse_in_clip_score(world: World, perfect: Result) -> None:
    names = list(world.fake)
    shuffled = {name: world.reports[other] for name, other in zip(names, [*names[1:], names[0]], strict=True)}
    score = "CLIP score, text-image"
    assert value(world.judged("perfect", world.fake, world.reports | shuffled), score) < value(perfect, score) - 3
    assert value(perfect, f"{score}, with another case's report") < value(perfect, score) - 3
