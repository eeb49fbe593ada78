"""Features are kept under what is in a volume and what the extractor is, never under a name."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ctflow.errors import RequestError, ResourceError
from ctflow.evaluation.metrics.extraction import ExtractAll, FeatureSet, Task, extract, extract_here
from ctflow.evaluation.metrics.extractor import Found, identity_sha256
from ctflow.evaluation.metrics.extractors.catalog import Source, load_extractor
from ctflow.evaluation.metrics.extractors.plain import NAME, SEAM, SLICE_CHANGE, TISSUES, PlainExtractor
from ctflow.evaluation.metrics.kept_features import kept_path
from ctflow.evaluation.metrics.ray_extraction import RayExtraction
from ctflow.evaluation.metrics.volume_set import VolumeFile, find_volumes
from ctflow.volume import Volume, plane_affine
from tests.evaluation.metrics.judged import small_volume, write_volumes
from tests.ray_workers import kill_a_worker

PLAIN = Source(NAME, None)


def features_of(volumes: Path, kept: Path, extract_all: ExtractAll = extract_here) -> FeatureSet:
    found = find_volumes(volumes, "fake")
    list(extract(tasks(found), kept, extract_all))
    return FeatureSet(found, kept, {NAME: identity_sha256(load_extractor(PLAIN))})


def tasks(volumes: list[VolumeFile]) -> list[Task]:
    return [Task(volume, (PLAIN,)) for volume in volumes]


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


def test_copies_are_looked_at_once(tmp_path: Path) -> None:
    write_volumes(tmp_path / "volumes", {"a": small_volume(0), "b": small_volume(1), "c": small_volume(1)})
    found = tasks(find_volumes(tmp_path / "volumes", "fake"))
    assert [one.name for one in extract(found, tmp_path / "kept", extract_here)] == ["a", "c"]
    again = list(extract(found, tmp_path / "kept", extract_here))
    assert [(one.name, one.made) for one in again] == [("a", False), ("b", False), ("c", False)]


def test_real_volumes_must_be_in_hu_and_those_of_a_model_may_be_anything(tmp_path: Path) -> None:
    """CT-RATE's first version holds no HU, and was measured as if it did."""
    stored = small_volume(0)
    write_volumes(tmp_path / "volumes", {"a": Volume(stored.hu + np.int16(1024), stored.affine)})
    (volume,) = find_volumes(tmp_path / "volumes", "real")
    with pytest.raises(RequestError, match="holds no air or lung"):
        list(extract([Task(volume, (PLAIN,), scan=True)], tmp_path / "kept", extract_here))
    assert [one.reason for one in extract([Task(volume, (PLAIN,))], tmp_path / "kept", extract_here)] == [""]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_by_ray_features_are_the_same_also_when_a_worker_is_killed(tmp_path: Path) -> None:
    write_volumes(tmp_path / "volumes", {f"v{i:02}": small_volume(i) for i in range(12)})
    (tmp_path / "volumes/v07.nii").write_bytes(b"cut")
    found = tasks(find_volumes(tmp_path / "volumes", "fake"))
    names, killed = [], False
    with pytest.raises(RequestError, match=r"1 of 12 volumes cannot be used.*v07"):
        for outcome in extract(found, tmp_path / "there", RayExtraction()):
            names.append(outcome.name)
            killed = killed or kill_a_worker()
    assert killed and sorted(names) == [f"v{i:02}" for i in range(12)]
    (tmp_path / "volumes/v07.nii").unlink()
    here, there = (features_of(tmp_path / "volumes", tmp_path / kept) for kept in ("here", "there"))
    np.testing.assert_array_equal(here.rows(NAME, TISSUES), there.rows(NAME, TISSUES))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_by_ray_a_place_that_cannot_be_written_to_ends_the_run_in_our_words(tmp_path: Path) -> None:
    """A file stands where the folder of the features should be made."""
    found = tasks(find_volumes(write_volumes(tmp_path / "volumes", {"a": small_volume(0)}), "fake"))
    (tmp_path / "kept").mkdir()
    extractor_sha256 = identity_sha256(load_extractor(PLAIN))
    kept_path(tmp_path / "kept", extractor_sha256, "0" * 64).parent.parent.write_text("in the way", encoding="utf-8")
    with pytest.raises(ResourceError, match=r"The folder .* cannot be made"):
        list(extract(found, tmp_path / "kept", RayExtraction()))
    assert not list((tmp_path / "kept").glob(".attempts-*"))


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


def test_memory_that_runs_out_names_the_knob_and_is_not_blamed_on_a_volume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_memory(self: PlainExtractor, volume: Volume) -> Found:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(PlainExtractor, "features", without_memory)
    folder = write_volumes(tmp_path / "volumes", {"a": small_volume(0)})
    with pytest.raises(ResourceError, match=rf"memory is not enough for the extractor {NAME}.*--device cpu"):
        features_of(folder, tmp_path / "kept")


def test_damaged_features_are_named(tmp_path: Path) -> None:
    write_volumes(tmp_path / "volumes", {"a": small_volume(0)})
    features = features_of(tmp_path / "volumes", tmp_path / "kept")
    (kept,) = (tmp_path / "kept").rglob("*.safetensors")
    kept.write_bytes(b"no features")
    with pytest.raises(RequestError, match="remove it"):
        features.rows(NAME, TISSUES)


def test_tissues_and_changes_are_those_of_a_volume_whose_answer_is_known() -> None:
    """A quarter of lung, a quarter of soft tissue, the rest air; every slice is 1 HU above the one before."""
    found = PlainExtractor().features(quarters(256))
    assert found[TISSUES][0] == pytest.approx([25, 0, 25, 0, -846.5, np.nan, 43.5, np.nan], nan_ok=True)
    assert found[SLICE_CHANGE].item() == pytest.approx(1)
    assert np.isnan(found[SEAM].item())  # no border of chunks in eight slices


def test_scans_of_thinner_slices_and_a_smaller_field_are_measured_alike() -> None:
    """CT-RATE's scans changed less from slice to slice than a model's volumes, and had more lung, by their grids."""
    whole, small = quarters(256), quarters(128)
    thin = plane_affine(("I", "P", "L"), (0.75, 1.5, 1.5), 128, 128)
    found = PlainExtractor().features(Volume(np.repeat(small.hu, 2, axis=0), thin))
    expected = PlainExtractor().features(whole)
    assert found[SLICE_CHANGE].item() == pytest.approx(expected[SLICE_CHANGE].item() / 4, rel=0.05)  # of a quarter
    assert found[TISSUES][0, :4] == pytest.approx(expected[TISSUES][0, :4] / 4)


def quarters(size: int) -> Volume:
    """Eight slices, a quarter of lung and a quarter of soft tissue, each slice 1 HU above the one before."""
    hu = np.full((8, size, size), -1000, np.int16)
    half = size // 2
    hu[:, :half, :half], hu[:, half:, :half] = -850, 40
    hu += np.arange(8, dtype=np.int16)[:, None, None]
    return Volume(hu, plane_affine(("I", "P", "L"), (1.5, 1.5, 1.5), size, size))
