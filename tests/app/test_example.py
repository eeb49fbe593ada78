"""The example that stands in the planes on arrival."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.chunks import unpack
from app.example import STEP_HU, Example, example_of, read_example, write_example
from app.present import grid
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.checkpoint.folder import folder_sha256
from ctflow.report import Report
from ctflow.volume import Volume, plane_affine
from tests.app.fake import SPACING_MM, FakeGenerator, chest
from tests.app.server import Serve

# Gradio closes sockets by way of the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
MODEL = "1" * 64
MOST_BYTES = 2_000_000
MOST_FIRST_BYTES = 60_000


@pytest.fixture
def volume() -> Volume:
    return Volume(chest(16, 0, "I"), plane_affine(("I", "P", "L"), SPACING_MM, 256, 256))


@pytest.fixture
def example(volume: Volume) -> Example:
    return example_of(MODEL, Report("Clear.", sex="F"), 3, volume)


def test_the_bundled_example_is_the_bundled_models_own() -> None:
    """If this fails, the demo model has changed: run `python -m assets.example`."""
    example = read_example(folder_sha256(find_checkpoint("demo")))
    assert example is not None
    assert len(example.data) <= MOST_BYTES
    assert len(example.first_data) <= MOST_FIRST_BYTES, "this comes with the page"
    slices, rows, columns = example.grid["shape"]
    hu = unpack(example.data, (slices, rows, columns))
    assert hu.min() == -1000 and hu.max() > 300, "air and bone"
    assert slices > 64, "a finished volume"


def test_an_example_comes_back_as_it_was_written(example: Example, tmp_path: Path) -> None:
    write_example(example, tmp_path)
    assert json.dumps(read_example(MODEL, tmp_path).shown()) == json.dumps(example.shown())  # type: ignore[union-attr]
    assert read_example(MODEL, tmp_path).data == example.data  # type: ignore[union-attr]


def test_an_example_of_another_model_is_not_shown(example: Example, tmp_path: Path) -> None:
    write_example(example, tmp_path)
    assert read_example("2" * 64, tmp_path) is None
    assert read_example(MODEL, tmp_path / "nowhere") is None


def test_an_example_is_the_volume_but_for_a_rounding_that_no_window_shows(example: Example, volume: Volume) -> None:
    hu = unpack(example.data, volume.hu.shape)
    assert np.abs(hu - volume.hu).max() <= STEP_HU / 2
    assert example.grid == grid(volume.hu.shape, volume.affine)


def test_what_comes_first_is_three_slices_through_the_lungs(example: Example) -> None:
    slices, rows, columns = example.grid["shape"]
    hu = unpack(example.data, (slices, rows, columns))
    slice_, row, column = example.first_index
    assert (row, column) == (rows // 2, columns // 2)
    count = rows * columns + slices * (columns + rows)
    first = unpack(example.first_data, (1, 1, count)).ravel()
    expected = np.concatenate([hu[slice_].ravel(), hu[:, row].ravel(), hu[:, :, column].ravel()])
    np.testing.assert_array_equal(first, expected)


def test_a_server_gives_its_models_example_to_everybody_and_no_other(serve: Serve, instant: FakeGenerator) -> None:
    example = read_example(folder_sha256(find_checkpoint("demo")))
    assert example is not None
    assert httpx.get(f"{serve(instant)}{example.path}").status_code == 404
    instant.model_sha256 = example.model_sha256
    url = serve(instant, auth=("reader", "secret"))
    for path, data in {example.path: example.data, example.first_path: example.first_data}.items():
        answer = httpx.get(f"{url}{path}")
        assert answer.content == data
        assert "immutable" in answer.headers["cache-control"] and "content-encoding" not in answer.headers
