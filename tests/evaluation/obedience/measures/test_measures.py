"""The measures, on phantoms that have one finding more than another phantom of the same person."""

from __future__ import annotations

import numpy as np
import pytest

from ctflow.errors import ShortVolumeError
from ctflow.evaluation.obedience.measures.measure import measure
from ctflow.phantom import affine
from ctflow.volume import Volume
from tests.evaluation.obedience.phantoms import measures, volume

pytestmark = pytest.mark.slow


def gained(name: str, what: str) -> float:
    return measures(name)[what] - measures(None)[what]


def test_every_volume_gets_the_same_measures_and_all_are_numbers() -> None:
    assert list(measures(None)) == list(measures("nodule"))
    assert np.isfinite(list(measures(None).values())).all()


def test_fluid_is_measured_in_ml_behind_on_its_side() -> None:
    assert 250 < gained("effusion", "right side back fluid ml") + gained("effusion", "right side mid fluid ml") < 1000
    assert abs(gained("effusion", "left side back fluid ml")) < 30


def test_free_air_is_measured_in_front_on_its_side() -> None:
    free = sum(gained("pneumothorax", f"left side {part} rim free air ml") for part in ("front", "mid"))
    assert free > 100
    assert gained("pneumothorax", "right side front rim free air ml") < 10


def test_a_nodule_is_the_roundest_thing_of_its_lobe() -> None:
    assert gained("nodule", "right lower round 5 first") > 60
    assert abs(gained("nodule", "left upper round 5 first")) < 10


def test_a_consolidation_has_a_halo_and_open_bronchi_and_a_collapse_has_not() -> None:
    share, open_ml = "right lower halo share", "right lower open bronchi ml"
    assert gained("consolidation", share) > 0.4 > 0.3 > gained("collapse", share)
    assert gained("consolidation", open_ml) > 0.15 > gained("collapse", open_ml)
    assert abs(gained("consolidation", "left upper halo share")) < 0.05


def test_linear_atelectasis_is_seen_as_plates_and_ground_glass_as_haze() -> None:
    assert gained("plates", "right lower plate hu") > 40
    assert gained("opacity", "right lower hazy patch ml") > 30
    assert gained("plates", "right lower hazy patch ml") < 5
    assert abs(gained("plates", "left upper plate hu")) < 5 > abs(gained("opacity", "left upper hazy patch ml"))


def test_the_cardiothoracic_ratio_is_measured_as_a_radiologist_would() -> None:
    assert measures("heart")["cardiothoracic ratio"] == pytest.approx(0.65, abs=0.06)
    assert measures(None)["cardiothoracic ratio"] < 0.53


def test_calcium_fluid_and_gas_are_found_where_they_belong() -> None:
    assert gained("coronaries", "heart calcium 130 ml") > 0.3
    assert gained("pericardium", "heart rim fluid ml") + gained("pericardium", "heart outer fluid ml") > 150
    assert gained("hernia", "hernia gas ml") + gained("hernia", "hernia content ml") > 40


@pytest.mark.parametrize("slices", [1, 4, 15])
def test_a_few_slices_are_no_chest(slices: int) -> None:
    """Slices of the other end were read as their neighbours."""
    with pytest.raises(ShortVolumeError, match=f"{slices} slices"):
        measure(Volume(volume(None).hu[:slices], volume(None).affine))


@pytest.mark.parametrize(("slices", "hu"), [(16, -1000), (40, 40)])
def test_the_shortest_volume_and_one_of_nothing_are_measured(slices: int, hu: int) -> None:
    empty = Volume(np.full((slices, 256, 256), hu, np.int16), affine())
    assert np.isfinite(list(measure(empty).values())).all()
