"""The measure of obedience, on phantoms: what it must find there before it may judge a model."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.evaluation import detectors as detecting
from ctflow.evaluation.anatomy import anatomy, depth_mm, standard
from ctflow.evaluation.measures import Measures, measure
from ctflow.evaluation.pool import draw_item, fill
from ctflow.evaluation.rows import judge, place_rows, presence_rows
from ctflow.evaluation.sanity import distance, sane, seam_index, thumbnail
from ctflow.phantom import KINDS, Finding, Kind, Truth, amounts, effusions, grades, make_phantom
from ctflow.volume import Volume
from tests.tiny import tiny_checkpoint

SEED = 11
FINDINGS: dict[str, Finding] = {
    "effusion": effusions(right=900.0)[0],
    "pneumothorax": Finding(kind="Pneumothorax", size="large", side="left", ml=1000.0),
    "nodule": Finding(kind="Lung nodule", size="large", side="right", lobe="lower", mm=24.0, variant="solid"),
    "heart": Finding(kind="Cardiomegaly", size="large", ratio=0.65),
    "coronaries": Finding(kind="Coronary artery wall calcification", size="large"),
    "pericardium": Finding(kind="Pericardial effusion", size="large", mm=25.0),
    "hernia": Finding(kind="Hiatal hernia", size="large", mm=80.0),
}


@cache
def volume(name: str | None) -> Volume:
    findings = () if name is None else (FINDINGS[name],)
    phantom = make_phantom(SEED, truth=Truth(findings=findings))
    return Volume(phantom.clean, phantom.volume.affine)


@cache
def measures(name: str | None) -> Measures:
    return measure(volume(name))


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


def test_the_cardiothoracic_ratio_is_measured_as_a_radiologist_would() -> None:
    assert measures("heart")["cardiothoracic ratio"] == pytest.approx(0.65, abs=0.06)
    assert measures(None)["cardiothoracic ratio"] < 0.53


def test_calcium_fluid_and_gas_are_found_where_they_belong() -> None:
    assert gained("coronaries", "heart calcium 130 ml") > 0.3
    assert gained("pericardium", "heart rim fluid ml") + gained("pericardium", "heart outer fluid ml") > 150
    assert gained("hernia", "hernia gas ml") + gained("hernia", "hernia content ml") > 40


def test_the_ribs_inner_surface_is_found_in_the_volume() -> None:
    hu = standard(volume(None))
    small = hu.reshape(len(hu), 128, 2, 128, 2).mean((2, 4))
    depth, a = depth_mm(small, anatomy(len(hu))), anatomy(len(hu))
    lung = (small < -600) & (small > -950) & (a.above > 5) & (a.grid.z > 30) & (a.ring < 1.15)
    assert (depth[lung] > -3).mean() > 0.97
    wall = (small > 250) & (a.ring > 0.9) & (a.grid.z > 60) & (a.above > 5)
    assert (depth[wall] > 6).mean() < 0.05


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_other_orientations_are_turned_the_phantoms_way(axes: tuple[int, int, int]) -> None:
    upright = volume(None)
    flipped = np.ascontiguousarray(upright.hu[::-1].transpose(axes))
    affine = upright.affine.copy()
    affine[:, 3] += (len(upright.hu) - 1) * affine[:, 0]
    affine[:, 0] *= -1
    turned = Volume(flipped, affine[:, [*axes, 3]])
    assert np.array_equal(standard(turned), upright.hu)


def test_a_phantom_is_sane_and_one_upside_down_or_mirrored_is_not() -> None:
    assert all(sane(volume(None)).values())
    mirrored = Volume(np.ascontiguousarray(volume(None).hu[..., ::-1]), volume(None).affine)
    assert not sane(mirrored)["heart to the left"]
    prone = Volume(np.ascontiguousarray(volume(None).hu[:, ::-1]), volume(None).affine)
    assert not sane(prone)["spine behind"]


def test_a_seam_is_seen_and_none_is_seen_in_a_phantom() -> None:
    assert seam_index(volume(None)) == pytest.approx(1.0, abs=0.15)
    hu = volume(None).hu.copy()
    hu[16:32] = np.roll(hu[16:32], 4, axis=2)
    assert seam_index(Volume(hu, volume(None).affine)) > 1.2


def test_a_volume_is_nearer_to_itself_than_to_another() -> None:
    assert distance(thumbnail(volume(None)), thumbnail(volume(None))) == 0
    assert distance(thumbnail(volume(None)), thumbnail(volume("effusion"))) > 5


def test_kinds_are_asked_and_denied_about_equally_often_and_never_both() -> None:
    items = [draw_item(i, 0, "held-out", "held-out", 1.0) for i in range(190)]
    asked = Counter(kind for item in items for kind in item.truth.kinds)
    denied = Counter(kind for item in items for kind in item.denied)
    assert all(15 <= asked[kind] <= 40 and 12 <= denied[kind] <= 40 for kind in KINDS), (asked, denied)
    assert all(not item.truth.kinds & set(item.denied) for item in items)
    assert {len(item.truth.kinds) for item in items} == {2, 3} == {len(item.denied) for item in items}


def test_other_words_ask_for_the_same_findings() -> None:
    known, new = (draw_item(4, 0, p, p, 1.0) for p in ("known", "held-out"))
    assert known.truth == new.truth and known.denied == new.denied and known.seed == new.seed
    assert known.report != new.report


def _made_up(kind: Kind, rng: np.random.Generator) -> detecting.Example:
    """An example whose measures tell one kind's grade and amount at each of its sites, and nothing else."""
    side, lobe = [("right", "upper"), ("left", "lower")][int(rng.integers(2))]
    there = rng.random() < 0.5
    findings = (Finding(kind=kind, side=side, lobe=lobe, mm=float(rng.uniform(5, 30))),) if there else ()
    truth = Truth(findings=findings)
    made = {name: float(rng.normal()) for name in measures(None)}
    for slot, graded, much in zip(detecting.SLOTS, grades(truth), amounts(truth), strict=True):
        if slot[0] == kind and slot[1][1] is not None:
            made[f"{slot[1][0]} {slot[1][1]} roundest"] = float((graded > 0) * (5 + 20 * much))
    return detecting.Example(made, truth)


def test_detectors_find_presence_place_and_amount() -> None:
    rng = np.random.default_rng(0)
    known = [_made_up("Lung nodule", rng) for _ in range(120)]
    fitted = detecting.fit(known)
    right = 0
    for one in (one for one in [_made_up("Lung nodule", rng) for _ in range(40)] if one.truth.findings):
        odds = fitted.log_odds(one.measures)
        (finding,) = one.truth.findings
        best = max(detecting.sites_of("Lung nodule"), key=lambda site: odds["Lung nodule", site])
        right += best == (finding.side, finding.lobe)
    assert right >= 12


def test_results_are_kept_and_taken_up_again(tmp_path: Path) -> None:
    item = draw_item(0, 0, "held-out", "held-out", 1.0)
    (first,) = fill(tmp_path, [item], lambda _: volume("nodule"))

    def never(_: object) -> Volume:
        raise AssertionError("it is there already")

    (again,) = fill(tmp_path, [item], never)
    assert again.measures == first.measures and again.seam == first.seam
    assert (tmp_path / f"{item.name}.png").exists()


def test_rows_count_what_they_say(tmp_path: Path) -> None:
    items = [draw_item(i, 0, "held-out", "held-out", 1.0) for i in range(2)]
    results = list(fill(tmp_path, items, lambda _: volume("nodule")))
    rng = np.random.default_rng(0)
    fitted = detecting.fit([_made_up("Lung nodule", rng) for _ in range(20)])
    judged = judge(results, fitted)
    rows = {(r.group, r.name): r.estimate for r in presence_rows(judged, dict.fromkeys(KINDS, 0.0))}
    assert rows["shown when asked", "all"].n == sum(len(item.truth.findings) for item in items)
    assert rows["shown when denied", "all"].n == sum(len(item.denied) for item in items)
    assert all(row.estimate.n <= 2 * 3 for row in place_rows(judged))


def test_the_command_measures_a_model_and_writes_table_numbers_and_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, rng = tiny_checkpoint(tmp_path / "model"), np.random.default_rng(0)
    made_up = [_made_up("Lung nodule", rng) for _ in range(16)]  # as if the phantoms had been measured already
    lines = [json.dumps({"measures": one.measures, "truth": one.truth.to_json()}) for one in made_up]
    (tmp_path / "detectors.jsonl").write_text("\n".join(lines) + "\n")
    words = ["--n", "2", "--phantoms", "16", "--workers", "1", "--out", str(tmp_path), "--device", "cpu"]
    assert main(["evaluate", "obedience", "--model", str(model), *words]) == 0
    assert "| AUROC, asked against denied | Pleural effusion |" in capsys.readouterr().out
    data = json.loads((tmp_path / "obedience.json").read_text())
    assert data["plan"]["n"] == 2 and data["rows"] and data["phantoms"]
    assert (tmp_path / "obedience.png").exists()


@pytest.mark.parametrize("words", [["--n", "0"], ["--phantoms", "3"], ["--seed", "-1"]])
def test_numbers_that_make_no_sense_are_refused(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "obedience", *words, "--out", str(tmp_path / "new")]) == 2
    assert "--" in capsys.readouterr().err
