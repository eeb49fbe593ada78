"""Each finding is drawn where its truth says and nowhere else, with the density that a radiologist expects."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from ctflow.phantom import KINDS, Finding, Kind, Phantom, Site, Size, Truth, draw_build, draw_finding, make_phantom
from ctflow.phantom.grid import Grid
from ctflow.phantom.heart import cardiothoracic_ratio, fit_heart
from ctflow.phantom.lobes import lobe_field, lobe_of
from ctflow.phantom.truth import LOBES

SEED = 7
HEALTHY = Truth()
SPOTS: dict[Kind, Finding] = {
    "Lung nodule": Finding(
        kind="Lung nodule", size="large", side="left", lobe="lower", mm=24.0, variant="solid"
    ),
    "Consolidation": Finding(kind="Consolidation", size="large", side="right", lobe="upper", mm=90.0),
    "Pneumothorax": Finding(kind="Pneumothorax", size="large", side="left", ml=1000.0),
    "Hiatal hernia": Finding(kind="Hiatal hernia", size="large", mm=75.0),
    "Pericardial effusion": Finding(kind="Pericardial effusion", size="large", mm=24.0),
    "Medical material": Finding(kind="Medical material", variant="port"),
}  # fmt: skip


@cache
def phantom(kind: Kind | None) -> Phantom:
    return make_phantom(SEED, truth=HEALTHY if kind is None else Truth(findings=(SPOTS[kind],)))


def lps(mask: np.ndarray) -> np.ndarray:
    affine = phantom(None).volume.affine
    return np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPOTS)
def test_the_mask_and_the_centre_lie_where_the_picture_changed(kind: Kind) -> None:
    there = phantom(kind).mask > 0
    assert there.any()
    changed = phantom(kind).clean != phantom(None).clean
    assert changed[there].mean() > 0.75  # great vessels are painted on top
    (found,) = phantom(kind).truth.findings
    assert found.centre_mm == pytest.approx(lps(there).mean(0), abs=6.0)
    assert found.found_ml == pytest.approx(there.sum() * 1.5 * 1.5 * 3.0 / 1000, rel=0.25)


def test_a_nodule_is_a_ball_of_soft_tissue_of_its_diameter_in_its_lobe() -> None:
    found, mask = phantom("Lung nodule").truth.findings[0], phantom("Lung nodule").mask > 0
    assert np.median(phantom("Lung nodule").clean[mask]) == pytest.approx(32, abs=8)
    assert found.found_ml == pytest.approx(4 / 3 * np.pi * 1.2**3, rel=0.3)
    x, y, z = found.centre_mm
    build = draw_build(np.random.default_rng(SEED).spawn(6)[1], "M")
    assert lobe_of((-z, y, x), build) == ("left", "lower")


@pytest.mark.slow
def test_several_nodules_lie_apart_in_the_number_asked_for_and_the_first_is_the_largest() -> None:
    several = replace(SPOTS["Lung nodule"], count=3)
    p = make_phantom(SEED, truth=Truth(findings=(several,)))
    balls, count = ndimage.label(p.mask == 1)
    sizes = np.bincount(balls.ravel())[1:]
    assert count == 3 and sizes.max() == pytest.approx((phantom("Lung nodule").mask > 0).sum(), rel=0.02)
    assert sorted(sizes)[1] < 0.5 * sizes.max()


@pytest.mark.slow
def test_what_fluid_covers_does_not_count_for_the_finding_beneath() -> None:
    """Half of the findings in lobes beside much fluid used to have no voxel left, but all of their millilitres."""
    dense = Finding(kind="Consolidation", size="large", side="right", lobe="lower", mm=90.0)
    alone = make_phantom(SEED, truth=Truth(findings=(dense,))).truth.findings[0]
    fluid = Finding(kind="Pleural effusion", size="large", side="right", ml=1200.0)
    p = make_phantom(SEED, truth=Truth(findings=(dense, fluid)))
    seen, effusion = p.truth.findings
    assert seen.found_ml < 0.7 * alone.found_ml
    assert seen.found_ml == pytest.approx((p.mask == 1).sum() * 1.5 * 1.5 * 3.0 / 1000, rel=0.25, abs=2.0)
    assert effusion.ml == pytest.approx(1200, rel=0.02)


def test_consolidation_is_dense_lung_with_air_in_its_bronchi() -> None:
    hu = phantom("Consolidation").clean[phantom("Consolidation").mask > 0]
    assert 20 < np.median(hu) < 60
    assert 0.005 < (hu < -500).mean() < 0.25


def test_free_air_lies_in_front_holds_no_vessels_and_has_the_volume_asked_for() -> None:
    p, mask = phantom("Pneumothorax"), phantom("Pneumothorax").mask > 0
    assert np.percentile(p.clean[mask], 90) < -900
    assert p.truth.findings[0].found_ml == pytest.approx(1000, rel=0.02)
    lung = (p.clean > -930) & (p.clean < -600)
    left = lps(lung)[lps(lung)[:, 0] > 0]
    assert lps(mask)[:, 0].min() > -3
    assert lps(mask)[:, 1].mean() < left[:, 1].mean() - 15


def test_a_hernia_lies_behind_the_heart_above_the_diaphragm_with_gas_in_front_of_its_content() -> None:
    p, mask = phantom("Hiatal hernia"), phantom("Hiatal hernia").mask > 0
    gas, content = lps(mask & (p.clean < -700)), lps(mask & (p.clean > 0))
    assert len(gas) > 1000 and gas[:, 1].mean() < content[:, 1].mean() - 8
    assert abs(lps(mask)[:, 0].mean()) < 20


def test_pericardial_fluid_is_darker_than_the_heart_it_surrounds() -> None:
    p, mask = phantom("Pericardial effusion"), phantom("Pericardial effusion").mask > 0
    assert np.median(p.clean[mask]) == pytest.approx(12, abs=3)
    assert np.ptp(lps(mask)[:, 0]) > 110


def test_a_port_is_dense_metal_under_the_skin_of_the_right_chest() -> None:
    p, mask = phantom("Medical material"), phantom("Medical material").mask > 0
    metal = lps(mask & (p.clean > 1300))
    assert len(metal) > 200 and metal[:, 0].mean() < -50


@pytest.mark.parametrize("kind", ["Coronary artery wall calcification", "Arterial wall calcification"])
@pytest.mark.slow
def test_calcified_plaques_exceed_130_hu_where_there_was_soft_tissue(kind: Kind) -> None:
    p = make_phantom(SEED, truth=Truth(findings=(Finding(kind=kind, size="large"),)))
    mask = p.mask > 0
    assert (p.clean[mask] > 130).mean() > 0.9
    assert np.median(phantom(None).clean[mask]) < 60


def test_emphysema_darkens_the_upper_lungs_most() -> None:
    p = make_phantom(SEED, truth=Truth(findings=(Finding(kind="Emphysema", size="large"),)))
    slices, _, _ = np.nonzero((p.clean < -950) & (phantom(None).clean > -940))
    assert len(slices) * 0.00675 > 100  # ml
    lung = np.nonzero((phantom(None).clean > -930) & (phantom(None).clean < -750))[0]
    assert slices.mean() < lung.mean() - 3


def test_the_heart_has_the_ratio_asked_for_and_no_healthy_heart_is_large() -> None:
    for seed in range(20):
        build = draw_build(np.random.default_rng(seed), "F")
        assert cardiothoracic_ratio(fit_heart(build, HEALTHY)) < 0.5
        large = fit_heart(build, Truth(findings=(Finding(kind="Cardiomegaly", ratio=0.6),)))
        assert cardiothoracic_ratio(large) == pytest.approx(0.6)


@pytest.mark.parametrize("site", LOBES)
def test_every_point_of_the_lungs_lies_in_one_lobe(site: Site) -> None:
    build = draw_build(np.random.default_rng(1), "M")
    g = Grid.make(build.slices, 6.0)
    fields = np.stack([np.broadcast_to(lobe_field(g, build, other), g.shape) for other in LOBES])
    inside = (fields < 0).sum(0)[:, :, np.abs(g.x.ravel()) > 12]
    assert (inside == 1).mean() > 0.9 and inside.max() == 1
    assert (fields[LOBES.index(site)] < 0).mean() > 0.04


@pytest.mark.parametrize("third", range(3))
@pytest.mark.slow
def test_even_small_findings_of_every_kind_are_visible_and_in_the_mask(third: int) -> None:
    everywhere = ("Emphysema", "Mosaic attenuation pattern", "Interlobular septal thickening")
    kinds = [kind for kind in KINDS if kind not in everywhere][third::3]
    rng = np.random.default_rng(third)
    p = make_phantom(SEED, truth=Truth(findings=tuple(draw_finding(kind, rng, "small")[0] for kind in kinds)))
    changed = np.abs(p.clean.astype(np.int32) - phantom(None).clean) > 20
    for index, finding in enumerate(p.truth.findings):
        there = p.mask == index + 1
        assert finding.found_ml is not None and finding.found_ml > 0.02 and there.any(), finding
        if finding.kind != "Cardiomegaly":  # the same heart, only larger
            assert changed[there].mean() > 0.4, finding


@pytest.mark.parametrize("kind", ["Emphysema", "Interlobular septal thickening", "Mosaic attenuation pattern"])
@pytest.mark.slow
def test_a_severe_one_changes_more_than_a_mild_one(kind: Kind) -> None:
    def change(size: Size) -> float:
        clean = make_phantom(SEED, truth=Truth(findings=(Finding(kind=kind, size=size),))).clean
        return float(np.abs(clean.astype(np.int32) - phantom(None).clean).mean())

    assert change("small") < 0.7 * change("large")
