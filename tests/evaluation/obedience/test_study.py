"""The measure of obedience, on phantoms: what it must find there before it may judge a model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from ctflow.__main__ import main
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.errors import RequestError, ShortVolumeError, VolumeError
from ctflow.evaluation.obedience import detectors as detecting
from ctflow.evaluation.obedience import study as measuring
from ctflow.evaluation.obedience.anatomy import anatomy, depth_mm, standard
from ctflow.evaluation.obedience.examples import Example, examples, kept_in
from ctflow.evaluation.obedience.look import Look
from ctflow.evaluation.obedience.measures import Measures, measure
from ctflow.evaluation.obedience.pool import (
    Item,
    Result,
    _deal,
    draw_item,
    fill,
)
from ctflow.evaluation.obedience.sanity import distance, sane, seam_index, thumbnail
from ctflow.evaluation.obedience.study import FIT_SEED
from ctflow.generator import Event
from ctflow.model_grid import ModelGrid
from ctflow.phantom import (
    KINDS,
    SLOTS,
    Finding,
    Kind,
    Truth,
    affine,
    amounts,
    effusions,
    grades,
    make_phantom,
    sites_of,
)
from ctflow.phantom.rates import EXCLUSIVE, without_hidden
from ctflow.phantom.truth import amount
from ctflow.request import GenerationRequest, ScanStart
from ctflow.volume import Volume
from tests.tiny import CARD, tiny_checkpoint

SEED, THIN_SEED = 11, 7
FINDINGS: dict[str, Finding] = {
    "effusion": effusions(right=900.0)[0],
    "pneumothorax": Finding(kind="Pneumothorax", size="large", side="left", ml=1000.0),
    "nodule": Finding(kind="Lung nodule", size="large", side="right", lobe="lower", mm=24.0, variant="solid"),
    "heart": Finding(kind="Cardiomegaly", size="large", ratio=0.65),
    "coronaries": Finding(kind="Coronary artery wall calcification", size="large"),
    "pericardium": Finding(kind="Pericardial effusion", size="large", mm=25.0),
    "hernia": Finding(kind="Hiatal hernia", size="large", mm=80.0),
    "consolidation": Finding(kind="Consolidation", size="moderate", side="right", lobe="lower", mm=60.0),
    "collapse": Finding(kind="Atelectasis", size="large", side="right", lobe="lower"),
    "plates": Finding(kind="Atelectasis", size="small", side="right", lobe="lower"),
    "opacity": Finding(kind="Lung opacity", size="moderate", side="right", lobe="lower", mm=60.0),
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


def test_a_consolidation_has_a_halo_and_open_bronchi_and_a_collapse_has_not() -> None:
    assert gained("consolidation", "right lower halo share") > 0.4 > 0.3 > gained("collapse", "right lower halo share")
    assert (
        gained("consolidation", "right lower open bronchi ml")
        > 0.15
        > gained("collapse", "right lower open bronchi ml")
    )
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


def test_a_thin_person_has_no_holes_in_the_wall_and_one_with_a_hole_has() -> None:
    thin = make_phantom(THIN_SEED, truth=Truth())
    hu, holes = thin.clean.copy(), "chest wall without holes"
    assert sane(Volume(hu, thin.volume.affine))[holes]
    beside = make_phantom(SEED, truth=Truth()).clean.copy()
    beside[30:50, 110:122, :60] = -1000  # from the right lung to the air outside
    assert not sane(Volume(beside, thin.volume.affine))[holes]


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


def test_nothing_is_asked_for_that_fluid_or_air_would_hide() -> None:
    """It could not be shown, and its report would be called disobeyed."""
    asked = [draw_item(i, 0, "held-out", "held-out", 1.0).truth.findings for i in range(190)]
    assert all(tuple(without_hidden(findings)) == findings for findings in asked)


def test_other_words_ask_for_the_same_findings() -> None:
    known, new = (draw_item(4, 0, p, p, 1.0) for p in ("known", "held-out"))
    assert known.truth == new.truth and known.denied == new.denied and known.seed == new.seed
    assert known.report != new.report


def test_what_would_hide_each_other_is_never_asked_for_together() -> None:
    """Seed 30, index 111: what the first swap pulled in was the other of a second pair."""
    asked = [draw_item(111, 30, "held-out", "held-out", 1.0).truth.kinds]
    asked += [frozenset(_deal(index, seed)[0]) for seed in range(100) for index in range(19)]
    assert not [kinds for kinds in asked for pair in EXCLUSIVE if pair <= kinds]


def _made_up(kind: Kind, rng: np.random.Generator) -> Example:
    """An example whose measures tell one kind's grade and amount at each of its sites, and nothing else."""
    side, lobe = [("right", "upper"), ("left", "lower")][int(rng.integers(2))]
    there = rng.random() < 0.5
    findings = (Finding(kind=kind, side=side, lobe=lobe, mm=float(rng.uniform(5, 30))),) if there else ()
    truth = Truth(findings=findings)
    made = {name: float(rng.normal()) for name in measures(None)}
    for slot, graded, much in zip(SLOTS, grades(truth), amounts(truth), strict=True):
        if slot[0] == kind and slot[1][1] is not None:
            made[f"{slot[1][0]} {slot[1][1]} roundest"] = float((graded > 0) * (5 + 20 * much))
    return Example(made, truth)


def test_detectors_find_presence_place_and_amount(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detecting, "KINDS", ("Lung nodule",))  # the others learn nothing here
    rng = np.random.default_rng(0)
    known, new = ([_made_up("Lung nodule", rng) for _ in range(count)] for count in (300, 60))
    fitted, limits = detecting.fit(known), detecting.thresholds(known)
    right, asked, read, false = 0, [], [], 0
    for one in new:
        odds = fitted.log_odds(one.measures)
        if not one.truth.findings:
            false += detecting.presence(odds, "Lung nodule") > limits["Lung nodule"]
            continue
        (finding,) = one.truth.findings
        best = max(sites_of("Lung nodule"), key=lambda site: odds["Lung nodule", site])
        shown = detecting.presence(odds, "Lung nodule") > limits["Lung nodule"]
        right += shown and best == (finding.side, finding.lobe)
        asked.append(amount(finding))
        read.append(fitted.amounts(one.measures)["Lung nodule", (finding.side, finding.lobe)])
    assert right >= 0.9 * len(asked) and len(asked) > 20
    assert false <= 0.15 * (len(new) - len(asked))
    assert np.corrcoef(asked, read)[0, 1] > 0.8


def test_limits_are_not_set_by_detectors_that_know_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    known, fitted_on = [_made_up("Lung nodule", rng) for _ in range(20)], []

    class Remembers:
        def __init__(self, taught: list[Example]) -> None:
            self.taught = [id(one.measures) for one in taught]

        def log_odds(self, measures: Measures) -> dict:
            fitted_on.append((id(measures), id(measures) in self.taught))
            return dict.fromkeys(SLOTS, 0.0)

    monkeypatch.setattr(detecting, "fit", Remembers)
    detecting.thresholds(known)
    assert sorted(fitted_on) == sorted((id(one.measures), False) for one in known)


def never(_: object) -> Volume:
    raise AssertionError("it is there already")


def test_results_are_kept_and_taken_up_again(tmp_path: Path) -> None:
    item = draw_item(0, 0, "held-out", "held-out", 1.0)
    (first,) = fill(tmp_path, [item], lambda _: volume("nodule"))
    (again,) = fill(tmp_path, [item], never)
    assert again.measures == first.measures and again.seam == first.seam
    assert (tmp_path / f"{item.name}.png").exists()


def ended(*_: object) -> Volume:
    raise ShortVolumeError("It ended before its first slice.")


def broken(*_: object) -> Volume:
    raise VolumeError("Chunk 1 came out as values that are not numbers.")


def test_a_broken_volume_is_no_result(tmp_path: Path) -> None:
    """It was kept as one that had ended at once, and never tried again."""
    item = draw_item(0, 0, "held-out", "held-out", 1.0)
    with pytest.raises(VolumeError, match="not numbers"):
        list(fill(tmp_path, [item], broken))
    assert not list(tmp_path.iterdir())


def test_what_asks_for_another_volume_is_not_taken_up(tmp_path: Path) -> None:
    """Another --seed, guidance or wording was read from, or written over, the same file."""
    item = draw_item(0, 0, "held-out", "held-out", 1.0)
    others = [
        draw_item(0, 1, "held-out", "held-out", 1.0),
        draw_item(0, 0, "held-out", "known", 1.0),
        draw_item(0, 0, "held-out", "held-out", 2.0),
        draw_item(0, 0, "held-out", "held-out", 1.0, shift=1),
    ]
    assert len({one.name for one in [item, *others]}) == 5
    for one in [item, *others]:
        list(fill(tmp_path, [one], ended))
    assert [result.item for result in fill(tmp_path, [item, *others], never)] == [item, *others]


def test_a_pool_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed left half a file, on which every later run failed."""
    item = draw_item(0, 0, "held-out", "held-out", 1.0)
    monkeypatch.setattr("ctflow.io.files.os.replace", ended)  # killed before the new name
    with pytest.raises(VolumeError):
        list(fill(tmp_path, [item], ended))
    monkeypatch.undo()
    assert not list(tmp_path.glob("*.json"))
    (result,) = fill(tmp_path, [item], ended)
    assert result.measures is None


def test_a_cut_last_example_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({"measures": {"ml": 1.0}, "truth": Truth().to_json()})
    kept = kept_in(tmp_path, 0, Look())
    kept.write_text(f"{line}\n{line[:20]}")
    assert [one.measures for one in examples(tmp_path, 1, 0, 1, Look())] == [{"ml": 1.0}]
    assert kept.read_text() == f"{line}\n"


def test_phantoms_are_looked_at_through_the_models_own_avae(tmp_path: Path) -> None:
    tiny, other = (tiny_checkpoint(tmp_path / name) for name in ("tiny", "other"))
    phantom = make_phantom(SEED, truth=Truth())
    assert np.array_equal(Look().at(phantom).hu, phantom.clean)
    seen = Look(tiny).at(phantom)
    assert seen.hu.shape[1:] == (32, 32), "on the model's grid"
    frame, checkpoint = ModelGrid(CARD.geometry), load_checkpoint(tiny)
    slices = torch.from_numpy(CARD.intensity.to_intensity(frame.bring(Look().at(phantom)).hu))
    with torch.inference_mode():
        decoded = checkpoint.avae.decode(checkpoint.avae.encode(slices)).numpy()
    assert np.array_equal(seen.hu, CARD.intensity.to_hu(decoded))
    assert Look(tiny).name == Look(other).name != Look().name, "kept for all checkpoints that share it"
    weights = other / "avae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-2] + b"ab")
    assert Look(tiny).name != Look(other).name


@pytest.mark.parametrize("slices", [1, 4, 15])
def test_a_few_slices_are_no_chest(slices: int, tmp_path: Path) -> None:
    """Slices of the other end were read as their neighbours."""
    few = Volume(volume(None).hu[:slices], volume(None).affine)
    with pytest.raises(VolumeError, match=f"{slices} slices"):
        measure(few)
    (result,) = fill(tmp_path, [draw_item(0, 0, "held-out", "held-out", 1.0)], lambda _: few)
    assert result.measures is None


@pytest.mark.parametrize("hu", [-1000, 40])
def test_the_shortest_volume_and_one_of_nothing_are_measured(hu: int, tmp_path: Path) -> None:
    empty = Volume(np.full((40 if hu == 40 else 16, 256, 256), hu, np.int16), affine())
    (result,) = fill(tmp_path, [draw_item(99, 0, "held-out", "held-out", 1.0)], lambda _: empty)
    assert np.isfinite(list(result.measures.values())).all()
    assert result.seam is None and not all(result.sane.values())


def taught(folder: Path, model: Path, count: int) -> None:
    """As if the detectors' phantoms had been measured already."""
    rng = np.random.default_rng(0)
    made_up = [_made_up("Lung nodule", rng) for _ in range(count)]
    lines = [json.dumps({"measures": one.measures, "truth": one.truth.to_json()}) for one in made_up]
    for look in (Look(model), Look()):
        kept_in(folder, FIT_SEED, look).write_text("\n".join(lines) + "\n")


def test_the_command_measures_a_model_and_writes_table_numbers_and_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = {"geometry": replace(CARD.geometry, max_chunks=5), "defaults": replace(CARD.defaults, chunks=5)}
    model = tiny_checkpoint(tmp_path / "model", **longer)
    taught(tmp_path, model, 16)
    words = ["--n", "2", "--phantoms", "16", "--workers", "1", "--out", str(tmp_path), "--device", "cpu"]
    assert main(["evaluate", "obedience", "--model", str(model), *words]) == 0
    printed = capsys.readouterr().out
    assert "| AUROC, asked against denied | Pleural effusion |" in printed and "nan" not in printed
    data = json.loads((tmp_path / "obedience.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert data["plan"]["n"] == 2 and list(data["columns"]) == ["tiny", "phantoms through its A-VAE", "phantoms"]
    assert all(data["columns"].values())
    assert (tmp_path / "obedience.png").exists()


class Silent:
    """A model whose volumes all end at once."""

    card, model_sha256 = CARD, "0" * 64

    def stream(self, request: GenerationRequest, start: ScanStart | None = None) -> Iterator[Event]:
        raise ShortVolumeError(f"Seed {request.seed} ended before its first slice.")
        yield


def phantoms_that_end(_: Path, items: list[Item], workers: int, look: Look) -> list[Result]:
    return list(fill(_, items, ended))


def test_a_model_that_ends_at_once_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_checkpoint(tmp_path / "model")
    taught(tmp_path, model, 16)
    monkeypatch.setattr(measuring, "fill_with_phantoms", phantoms_that_end)
    list(measuring.obedience(Silent(), model, tmp_path, measuring.Plan(n=16, seed=0, phantoms=16, workers=1)))
    data = json.loads((tmp_path / "obedience.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    rows = {(row["group"], row["name"]): row["estimate"] for row in data["columns"]["tiny"]}
    assert rows["shown when asked", "all"]["value"] == 0 and rows["shown when asked", "all"]["n"] >= 32
    assert rows["seam index", "1 = no seam"]["value"] is None
    guided = [estimate["n"] for (group, name), estimate in rows.items() if name.startswith("guidance")]
    assert len(guided) == 3 and len(set(guided)) == 1, "all on the same reports"
    assert data["too short"] == {"held-out": 16, "known": 4, "guidance 2": 2, "guidance 4": 2, "seeds": 3}
    assert "and show nothing: 27 of 27." in (tmp_path / "obedience.md").read_text()


def test_training_volumes_are_held_against_those_of_other_persons() -> None:
    """A person's other study lies so near that nothing generated ever looked like a copy."""
    one, other = (Volume(np.full((16, 256, 256), hu, np.int16), affine()) for hu in (0, 100))
    item = draw_item(0, 0, "held-out", "held-out", 1.0)
    result = Result(item, {"lung": 1.0}, None, {}, np.full_like(thumbnail(one), 30.0))
    ours, theirs = measuring._distances([result], [one, one, other, other])
    assert (ours.estimate.value, theirs.estimate.value) == (30.0, 100.0)


@pytest.mark.parametrize("left", [(), ("phantoms.npy",), ("phantoms.npy", "phantoms.json")])
def test_a_folder_without_training_phantoms_is_refused_before_any_work(left: tuple[str, ...], tmp_path: Path) -> None:
    for name in left:
        (tmp_path / name).write_text("{}")
    steps = measuring.obedience(Silent(), tmp_path, tmp_path, measuring.Plan(2, 0, 16, 1), training=tmp_path)
    with pytest.raises(RequestError, match="--training"):
        next(steps)


@pytest.mark.parametrize(
    ("name", "given", "least"), [("n", 0, 1), ("phantoms", 3, 16), ("seed", -1, 0), ("workers", 0, 1)]
)
def test_numbers_that_make_no_sense_are_refused(
    name: str, given: int, least: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "obedience", f"--{name}", str(given), "--out", str(tmp_path / "new")]) == 2
    said = capsys.readouterr().err
    assert f"--{name}" in said and f"got {given}." in said and str(least) in said
    assert not (tmp_path / "new").exists()
