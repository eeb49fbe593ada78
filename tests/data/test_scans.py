"""A scan reaches the model in HU once, on its grid, with right and left where they are."""

from pathlib import Path

import numpy as np
import pytest

from ctflow.data.ctrate_sources import ct_rate_sources
from ctflow.data.encoding import read_source
from ctflow.data.scans import model_hu, read_hu, source_sha256
from ctflow.errors import ResourceError, VolumeError
from ctflow.io.nifti import write_nifti
from ctflow.volume import Volume
from tests.data.chests import chest, chest_hu, fabricated_ct_rate, fabricated_first_version
from tests.tiny import CARD

GEOMETRY = CARD.geometry  # slices to the feet; the scans go to the head


def test_the_second_version_is_read_as_it_is(tmp_path: Path) -> None:
    (source,) = ct_rate_sources(fabricated_ct_rate(tmp_path, 1), "valid")
    assert np.array_equal(read_hu(source).hu, chest_hu(0))


def test_the_first_version_is_rescaled_once_and_placed_by_the_metadata(tmp_path: Path) -> None:
    fabricated_first_version(tmp_path, slope=1, intercept=-1024)
    (source,) = ct_rate_sources(tmp_path, "valid")
    scan = read_hu(source)
    assert np.array_equal(scan.hu, chest_hu(0))
    assert scan.spacing_mm == (3.0, 1.5, 1.5)
    assert np.array_equal(scan.affine, chest(0).affine)


def test_a_scan_that_would_be_rescaled_twice_or_never_is_refused(tmp_path: Path) -> None:
    fabricated_first_version(tmp_path / "twice", slope=1, intercept=-1024, hu=True)
    with pytest.raises(VolumeError, match=r"holds HU already: slope 1 and intercept -1024 .* applied twice"):
        read_hu(ct_rate_sources(tmp_path / "twice", "valid")[0])
    (source,) = ct_rate_sources(fabricated_ct_rate(tmp_path / "never", 1), "valid")
    write_nifti(Volume(chest_hu(0) + np.int16(1024), chest(0).affine), source.path, "not rescaled")
    with pytest.raises(VolumeError, match="left out or applied twice"):
        read_hu(source)


def test_the_first_version_may_hold_hu_where_its_metadata_say_so(tmp_path: Path) -> None:
    """Slope 1 and intercept 0 change nothing, and yet such a volume was refused as one that is rescaled twice."""
    fabricated_first_version(tmp_path, slope=1, intercept=0)
    (source,) = ct_rate_sources(tmp_path, "valid")
    assert np.array_equal(read_hu(source).hu, chest_hu(0))


def test_a_disk_that_went_away_says_nothing_of_its_scans(tmp_path: Path) -> None:
    """All volumes that were still to come were left out for ever, and the set could be verified."""
    (source,) = ct_rate_sources(fabricated_ct_rate(tmp_path / "disk", 1), "valid")
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    with pytest.raises(ResourceError, match=r"valid_0_a_1\.nii\.gz was there when this began.*still mounted"):
        read_source(source, GEOMETRY)


def test_padding_is_air_before_it_is_resampled() -> None:
    """A voxel of -8192 beside one of 40 became one of -4076, which was cut to air: a black rim in the chest."""
    scan = chest(0)
    hu = scan.hu.copy()
    hu[:, :, :20] = -8192
    moved = scan.affine.copy()
    moved[:3, :3] *= 0.9  # so that each voxel of the model lies between several of the scan
    padded = model_hu(Volume(hu, moved), GEOMETRY)
    hu[:, :, :20] = -1000
    assert np.array_equal(padded, model_hu(Volume(hu, moved), GEOMETRY))


def test_right_left_front_back_and_the_feet_are_where_they_were() -> None:
    hu = model_hu(chest(0), GEOMETRY)  # axes I, P, L: 12 slices, 32 rows, 32 columns, of which 4 are cut on each side
    assert hu.shape == (12, 32, 32)
    soft = hu > -500
    assert soft[-1, 16:30, 18:30].all() and soft[:, :16].sum() == soft[:, :, :18].sum() == 0
    assert not soft[0].any()  # the head


def test_a_scan_that_lies_on_the_grid_keeps_every_value() -> None:
    scan = chest(3, slices=12)
    assert np.array_equal(model_hu(scan, GEOMETRY), scan.hu[::-1, 4:36, 4:36])


def test_a_scan_shorter_than_a_chunk_is_refused() -> None:
    with pytest.raises(VolumeError, match="3 slices 3 mm apart; at least a chunk of 4"):
        model_hu(chest(0, slices=3), GEOMETRY)


def test_a_folder_has_a_hash_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.dcm").write_bytes(b"one")
    before = source_sha256(tmp_path / "a")
    (tmp_path / "a/2.dcm").write_bytes(b"two")
    assert source_sha256(tmp_path / "a") != before
    assert len(source_sha256(tmp_path / "a/1.dcm")) == 64
    with pytest.raises(VolumeError, match="cannot be read"):
        source_sha256(tmp_path / "none")
