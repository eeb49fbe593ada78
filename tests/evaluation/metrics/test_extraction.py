"""Features are kept under what is in a volume and what the extractor is, never under a name."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from ctflow.errors import RequestError, ResourceError
from ctflow.evaluation.metrics.extraction import FeatureSet, extract
from ctflow.evaluation.metrics.extractor import identity_sha256
from ctflow.evaluation.metrics.extractors.catalog import Source, load_extractor
from ctflow.evaluation.metrics.extractors.plain import NAME, SEAM, SLICE_CHANGE, TISSUES, PlainExtractor
from ctflow.evaluation.metrics.volume_set import find_volumes
from ctflow.volume import Volume, plane_affine
from tests.evaluation.metrics.judged import small_volume, write_volumes

PLAIN = Source(NAME, None)


def features_of(volumes: Path, kept: Path, workers: int = 1) -> FeatureSet:
    found = find_volumes(volumes, "fake")
    names = list(extract(found, [PLAIN], kept, workers))
    assert len(names) == len({volume.sha256 for volume in found})
    return FeatureSet(found, kept, {NAME: identity_sha256(load_extractor(PLAIN))})


def test_one_file_name_with_other_content_has_other_features(tmp_path: Path) -> None:
    write_volumes(tmp_path / "one", {"a": small_volume(0)})
    write_volumes(tmp_path / "other", {"a": small_volume(1)})
    one, other = (features_of(tmp_path / name, tmp_path / "kept").rows(NAME, TISSUES) for name in ("one", "other"))
    assert not np.array_equal(one[0], other[0])


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    """The file of the volume may even be gone from where it was: another one with the same bytes will do."""
    write_volumes(tmp_path / "one", {"a": small_volume(0)})
    first = features_of(tmp_path / "one", tmp_path / "kept")
    (kept,) = (tmp_path / "kept").rglob("*.safetensors")
    made = kept.stat().st_mtime_ns
    (tmp_path / "other").mkdir()
    (tmp_path / "one/a.nii").rename(tmp_path / "other/b.nii")
    again = features_of(tmp_path / "other", tmp_path / "kept")
    assert kept.stat().st_mtime_ns == made
    np.testing.assert_array_equal(first.rows(NAME, TISSUES), again.rows(NAME, TISSUES))


@pytest.mark.slow
def test_processes_make_the_same_features(tmp_path: Path) -> None:
    write_volumes(tmp_path / "volumes", {f"v{i}": small_volume(i) for i in range(4)})
    here = features_of(tmp_path / "volumes", tmp_path / "here").rows(NAME, TISSUES)
    there = features_of(tmp_path / "volumes", tmp_path / "there", workers=2).rows(NAME, TISSUES)
    np.testing.assert_array_equal(here, there)


@pytest.mark.slow
def test_a_process_that_is_ended_from_outside_is_said(tmp_path: Path) -> None:
    write_volumes(tmp_path / "volumes", {f"v{i}": small_volume(i) for i in range(40)})
    names = extract(find_volumes(tmp_path / "volumes", "fake"), [PLAIN], tmp_path / "kept", workers=2)
    next(names)
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(ResourceError, match="Take fewer --workers"):
        list(names)


def test_volumes_that_cannot_be_read_are_named_with_the_reason(tmp_path: Path) -> None:
    folder = write_volumes(tmp_path / "volumes", {name: small_volume(i) for i, name in enumerate(("a", "b", "c"))})
    (folder / "b.nii").write_bytes((folder / "b.nii").read_bytes()[:1000])
    with pytest.raises(RequestError, match=r"1 of 3 volumes cannot be used.*b: .*b\.nii"):
        features_of(folder, tmp_path / "kept")


def test_a_place_that_cannot_be_written_to_is_not_blamed_on_a_volume(tmp_path: Path) -> None:
    folder = write_volumes(tmp_path / "volumes", {"a": small_volume(0)})
    (tmp_path / "kept").write_text("a file", encoding="utf-8")
    with pytest.raises(RequestError, match=r"The folder .* cannot be made"):
        features_of(folder, tmp_path / "kept")


def test_damaged_features_are_named(tmp_path: Path) -> None:
    write_volumes(tmp_path / "volumes", {"a": small_volume(0)})
    features = features_of(tmp_path / "volumes", tmp_path / "kept")
    (kept,) = (tmp_path / "kept").rglob("*.safetensors")
    kept.write_bytes(b"no features")
    with pytest.raises(RequestError, match="remove it"):
        features.rows(NAME, TISSUES)


def test_tissues_and_changes_are_those_of_a_volume_whose_answer_is_known() -> None:
    """A quarter of lung, a quarter of soft tissue, the rest air; every slice is 10 HU above the one before."""
    hu = np.full((8, 32, 32), -1000, np.int16)
    hu[:, :16, :16], hu[:, 16:, :16] = -850, 40
    hu += np.arange(8, dtype=np.int16)[:, None, None]
    found = PlainExtractor().features(Volume(hu, plane_affine(("I", "P", "L"), (3.0, 1.5, 1.5), 32, 32)))
    assert found[TISSUES][0] == pytest.approx([25, 0, 25, 0, -846.5, np.nan, 43.5, np.nan], nan_ok=True)
    assert found[SLICE_CHANGE].item() == pytest.approx(1)
    assert np.isnan(found[SEAM].item())  # no border of chunks in eight slices
