"""The page of pictures shows generated volumes beside the real ones of their names."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctflow.evaluation.metrics.extraction import FeatureSet, Task, extract, extract_here
from ctflow.evaluation.metrics.extractor import identity_sha256
from ctflow.evaluation.metrics.extractors.catalog import Source, load_extractor
from ctflow.evaluation.metrics.extractors.plain import NAME
from ctflow.evaluation.metrics.pictures import WINDOW, chosen, draw_cases, shared_cases
from ctflow.evaluation.metrics.volume_set import find_volumes
from ctflow.volume import Volume, plane_affine
from ctflow.windows import windowed
from tests.evaluation.metrics.judged import write_volumes

PLAIN = Source(NAME, None)


def flat(hu: int) -> Volume:
    return Volume(np.full((8, 16, 16), hu, np.int16), plane_affine(("S", "P", "L"), (6.0, 12.0, 12.0), 16, 16))


@pytest.fixture
def sets(tmp_path: Path) -> tuple[FeatureSet, FeatureSet]:
    """Cases a to e; the generated ones are farther from the real ones by 100 HU each; f is there once alone."""
    write_volumes(tmp_path / "real", {name: flat(0) for name in "abcde"})
    write_volumes(tmp_path / "fake", {name: flat(100 * i) for i, name in enumerate("abcdef")})
    return features(tmp_path / "real"), features(tmp_path / "fake")


def features(folder: Path) -> FeatureSet:
    volumes = find_volumes(folder, folder.name)
    list(extract([Task(one, (PLAIN,)) for one in volumes], folder.parent / "kept", extract_here))
    return FeatureSet(volumes, folder.parent / "kept", {NAME: identity_sha256(load_extractor(PLAIN))})


def test_cases_of_both_sets_are_ordered_by_how_far_they_are_apart(sets: tuple[FeatureSet, FeatureSet]) -> None:
    cases = shared_cases(*sets)
    assert [case.fake.name for case in cases] == list("abcde")
    assert [case.real.name for case in cases] == list("abcde")
    apart = [case.apart_hu for case in cases]
    assert apart[0] == 0 and np.all(np.diff(apart) > 0)
    assert {what: case.fake.name for what, case in chosen(cases).items()} == {"worst": "e", "median": "c", "best": "a"}


def test_the_page_has_three_planes_of_both_volumes_in_each_row(
    sets: tuple[FeatureSet, FeatureSet], tmp_path: Path
) -> None:
    """Twelve of the 18 planes are of 0 HU, and each is a fair share of the page."""
    draw_cases(shared_cases(*sets), "a title", tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as page:
        assert page.width > 6 * 100 and page.height > 3 * 100
        grey = np.asarray(page.convert("L"))
    assert (grey == windowed(np.zeros(1), WINDOW)).mean() > 0.2
