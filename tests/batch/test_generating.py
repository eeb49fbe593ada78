"""From a file of reports to a folder of volumes, with what can go wrong on the way."""

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ctflow.batch.arms import FORMAT
from ctflow.batch.cases import seed_of
from ctflow.batch.generating import generate_batch, others
from ctflow.batch.job import OWN, BatchJob
from ctflow.batch.plan import Batch
from ctflow.batch.tasks import Numbered
from ctflow.batch.worker import Outcome
from ctflow.card import CARD, read_card, write_card
from ctflow.data.ctrate import metadata_path
from ctflow.data.lock import only_run
from ctflow.errors import DatasetError, RequestError, ResourceError, ShortVolumeError, VolumeError
from ctflow.io.nifti import read_label, read_nifti, write_nifti
from ctflow.io.sidecar import read_sidecar, request_of, write_sidecar
from ctflow.model_grid import ModelGrid
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.request import GenerationRequest, ScanStart, Start
from ctflow.volume import Volume, plane_affine
from tests.app.full_disk import full_disk
from tests.batch.one_process import files_of, make_by, make_here, planned, table
from tests.data.chests import name_of, write_tables

REPORTS = {"valid_1_a_1": "Large effusion.", "valid_2_a_1": "Clear lungs.", "valid_3_a_1": "Nodule."}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table(tmp_path_factory.mktemp("reports") / "reports.csv", **REPORTS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, folder: Path, reports: Path) -> Path:
    """The batch, made without a break. Tests that change it take a copy."""
    out = tmp_path_factory.mktemp("batches") / "whole"
    outcomes = list(generate_batch(planned(folder, reports, out), make_here))
    assert [(one.number, one.slices, one.reason) for one in outcomes] == [(0, 8, ""), (1, 8, ""), (2, 8, "")]
    return out


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real volumes of the first two cases, as they lie in CT-RATE; the second is shorter."""
    root = tmp_path_factory.mktemp("real")
    (root / "valid_2").mkdir()
    write_nifti(scan(1, slices=12), root / "valid_1_a_1.nii.gz", "a scan")
    write_nifti(scan(2, slices=8), root / "valid_2/valid_2_a_1.nii.gz", "a scan")
    return root


def scan(seed: int, slices: int) -> Volume:
    """On the grid of the tiny model: lung in soft tissue."""
    hu = np.random.default_rng(seed).integers(0, 80, (slices, 32, 32)).astype(np.int16)
    hu[:, 8:24, 8:24] = -800
    return Volume(hu, plane_affine(("I", "P", "L"), (3.0, 1.5, 1.5), 32, 32))


class Failing:
    """The model, but for requests of one seed: these fail, one way or another."""

    def __init__(self, model: CTFlow, seed: int, error: Exception) -> None:
        self._model, self._seed, self._error = model, seed, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate_together(self, asked: Sequence[tuple[GenerationRequest, Start | None]]) -> list[Volume | VolumeError]:
        if not any(request.seed == self._seed for request, _ in asked):
            return self._model.generate_together(asked)
        if not isinstance(self._error, VolumeError):
            raise self._error
        together = self._model.generate_together(asked)
        return [self._error if one.seed == self._seed else made for (one, _), made in zip(asked, together, strict=True)]


def run(batch: Batch) -> list[Outcome]:
    return list(generate_batch(batch, make_here))


def made(outcomes: Sequence[Outcome]) -> list[int]:
    return [one.number for one in outcomes if not one.found]


def test_a_model_that_is_written_anew_in_the_middle_makes_no_volumes(
    folder: Path, reports: Path, tmp_path: Path
) -> None:
    """A training that went on did so, and one folder got volumes of two models."""
    model = Path(shutil.copytree(folder, tmp_path / "model"))
    batch = planned(model, reports, tmp_path / "out")
    write_card(replace(read_card(model / CARD), title="of a later step"), model / CARD)
    with pytest.raises(RequestError, match=r"model was written anew since this batch began.*Copy the model"):
        list(generate_batch(batch, make_here))
    assert not list((tmp_path / "out").rglob("*.nii.gz"))


def test_volumes_are_those_of_the_model_with_sidecars_that_make_them_again(
    whole: Path, model: CTFlow, folder: Path
) -> None:
    for name, text in REPORTS.items():
        sidecar = read_sidecar(whole / f"{name}.json")
        request = model.card.request(Report(text), seed_of(0, name))
        assert request_of(sidecar) == request and sidecar.complete and sidecar.synthetic
        volume = read_nifti(whole / f"{name}.nii.gz")
        assert (volume.hu == model.generate(request).hu).all()
        assert "SYNTHETIC" in read_label(whole / f"{name}.nii.gz")
    assert (whole / "rejected.jsonl").read_bytes() == b""


def test_any_order_and_any_part_of_the_reports_gives_the_same_bytes(whole: Path, folder: Path, tmp_path: Path) -> None:
    mixed = table(tmp_path / "mixed.csv", **dict(reversed(REPORTS.items())))
    run(planned(folder, mixed, tmp_path / "mixed"))
    one = table(tmp_path / "one.csv", valid_3_a_1=REPORTS["valid_3_a_1"])
    run(planned(folder, one, tmp_path / "one"))
    expected = files_of(whole, ".nii.gz")
    assert files_of(tmp_path / "mixed", ".nii.gz") == expected
    assert files_of(tmp_path / "one", ".nii.gz") == {"valid_3_a_1.nii.gz": expected["valid_3_a_1.nii.gz"]}


def test_volumes_of_other_cases_in_the_folder_are_counted(copy: Path, folder: Path, tmp_path: Path) -> None:
    batch = planned(folder, table(tmp_path / "r.csv", valid_1_a_1=REPORTS["valid_1_a_1"]), copy)
    assert all(one.found for one in run(batch))
    assert others(batch) == 2


def test_another_seed_of_the_batch_gives_other_volumes(
    whole: Path, folder: Path, reports: Path, tmp_path: Path
) -> None:
    run(planned(folder, reports, tmp_path / "other", seed=1))
    assert not set(files_of(tmp_path / "other", ".nii.gz").values()) & set(files_of(whole, ".nii.gz").values())


def test_what_is_finished_is_not_made_again(copy: Path, folder: Path, reports: Path) -> None:
    before = files_of(copy)
    assert all(one.found for one in run(planned(folder, reports, copy)))
    assert files_of(copy) == before


def test_a_volume_whose_file_is_cut_short_or_missing_or_whose_report_has_changed_is_made_again(
    copy: Path, whole: Path, folder: Path, tmp_path: Path
) -> None:
    cut = copy / "valid_1_a_1.nii.gz"
    cut.write_bytes(cut.read_bytes()[:-100])
    (copy / "valid_2_a_1.nii.gz").unlink()
    changed = table(tmp_path / "r.csv", **{**REPORTS, "valid_3_a_1": "Two nodules."})
    outcomes = run(planned(folder, changed, copy))
    assert made(outcomes) == [0, 1, 2]
    now, before = files_of(copy, ".nii.gz"), files_of(whole, ".nii.gz")
    assert [now[name] == before[name] for name in sorted(before)] == [True, True, False]


def test_a_sidecar_of_another_model_or_seed_or_of_a_part_does_not_pass(copy: Path, folder: Path, reports: Path) -> None:
    path = copy / "valid_1_a_1.json"
    sidecar = read_sidecar(path)
    for other in (
        replace(sidecar, seed=sidecar.seed + 1),
        replace(sidecar, steps=sidecar.steps + 1),
        replace(sidecar, model=replace(sidecar.model, sha256="0" * 64)),
        replace(sidecar, complete=False),
        replace(sidecar, precision="bfloat16"),
    ):
        write_sidecar(other, path)
        assert made(run(planned(folder, reports, copy))) == [0]


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_run_that_was_stopped_goes_on(whole: Path, folder: Path, reports: Path, tmp_path: Path, done: int) -> None:
    stream = generate_batch(planned(folder, reports, tmp_path), make_here)
    for _ in range(done):
        next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    (tmp_path / ".ctflow-half.part").write_bytes(b"what a killed writer leaves")
    assert len(made(run(planned(folder, reports, tmp_path)))) == 3 - done
    assert files_of(tmp_path, ".nii.gz") == files_of(whole, ".nii.gz")
    assert not list(tmp_path.glob("*.part"))


def test_two_runs_do_not_write_one_folder(folder: Path, reports: Path, tmp_path: Path) -> None:
    with only_run(tmp_path / OWN), pytest.raises(DatasetError, match="written by another run"):
        run(planned(folder, reports, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [OWN]


def test_a_folder_of_another_batch_is_refused_by_what_differs(copy: Path, folder: Path, reports: Path) -> None:
    before = files_of(copy)
    with pytest.raises(RequestError, match=r"holds volumes of another batch: seed is 0, not 1; steps is 3, not 2\."):
        run(planned(folder, reports, copy, seed=1, settings={"steps": 2}))
    (copy / OWN / "batch.json").write_text("{}")
    with pytest.raises(RequestError, match="seed is missing"):
        run(planned(folder, reports, copy))
    assert files_of(copy, ".nii.gz") == {name: data for name, data in before.items() if name.endswith(".nii.gz")}


def test_settings_of_which_no_volume_came_bind_nobody(folder: Path, reports: Path, tmp_path: Path) -> None:
    def fails(job: BatchJob, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
        raise ResourceError("There is no such GPU.")

    with pytest.raises(ResourceError):
        list(generate_batch(planned(folder, reports, tmp_path, seed=1), fails))
    assert len(made(run(planned(folder, reports, tmp_path)))) == 3


@pytest.mark.parametrize(
    ("name", "said"), [("valid_1_a_1.nii.gz", "not made by CTFlow"), ("valid_1_a_1.json", "in the way")]
)
def test_what_is_not_ours_is_not_replaced(folder: Path, reports: Path, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"not ours")
    with pytest.raises(VolumeError, match=said):
        run(planned(folder, reports, tmp_path))
    assert (tmp_path / name).read_bytes() == b"not ours"


def test_one_that_fails_does_not_end_the_rest_and_is_listed_with_its_seed(
    whole: Path, model: CTFlow, folder: Path, tmp_path: Path
) -> None:
    """As all volumes of somebody's seeds ended at once, and nobody saw it."""
    reports = tmp_path / "r.csv"
    table(reports, **REPORTS)
    reports.write_text(reports.read_text() + "valid_4_a_1,,\n")
    batch = planned(folder, reports, tmp_path / "out")

    ending = Failing(model, batch.tasks[1].request.seed, ShortVolumeError("Seed 5 ended this volume."))
    outcomes = list(generate_batch(batch, make_by(ending)))
    assert [bool(one.reason) for one in outcomes] == [False, True, False]
    broken, failed = map(json.loads, (tmp_path / "out/rejected.jsonl").read_text().splitlines())
    assert (broken["name"], broken["line"]) == ("valid_4_a_1", 5)
    assert (failed["name"], failed["seed"]) == ("valid_2_a_1", seed_of(0, "valid_2_a_1"))
    assert failed["reason"] == "Seed 5 ended this volume."
    there = files_of(tmp_path / "out", ".nii.gz")
    assert there == {name: files_of(whole, ".nii.gz")[name] for name in ("valid_1_a_1.nii.gz", "valid_3_a_1.nii.gz")}
    assert made(run(batch)) == [1], "and it is tried again"
    assert "valid_2" not in (tmp_path / "out/rejected.jsonl").read_text()


def test_volumes_made_together_are_those_made_one_by_one_but_for_rounding(
    whole: Path, folder: Path, reports: Path, tmp_path: Path
) -> None:
    run(planned(folder, reports, tmp_path, together=3))
    for name in REPORTS:
        one, other = (read_nifti(place / f"{name}.nii.gz").hu.astype(int) for place in (whole, tmp_path))
        assert np.abs(one - other).max() <= 1


def test_memory_that_runs_out_ends_the_run_and_names_the_knob(
    model: CTFlow, folder: Path, reports: Path, tmp_path: Path
) -> None:
    batch = planned(folder, reports, tmp_path, together=2)
    full = Failing(model, batch.tasks[0].request.seed, ResourceError("The memory is not enough."))
    with pytest.raises(ResourceError, match=r"not enough for 2 volumes together: give a smaller --together"):
        list(generate_batch(batch, make_by(full)))
    assert not (tmp_path / "rejected.jsonl").exists()


def test_a_full_disk_ends_the_run_and_nothing_is_listed_for_it(
    whole: Path, folder: Path, reports: Path, tmp_path: Path
) -> None:
    with full_disk(largest_bytes=3000), pytest.raises(VolumeError, match="no room left"):
        run(planned(folder, reports, tmp_path))
    assert not (tmp_path / "rejected.jsonl").exists()
    run(planned(folder, reports, tmp_path))
    assert files_of(tmp_path, ".nii.gz") == files_of(whole, ".nii.gz")


def test_a_disk_without_any_room_for_a_worker_ends_the_run_and_nothing_is_listed_for_it(
    folder: Path, reports: Path, tmp_path: Path
) -> None:
    def without_room(job: BatchJob, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
        with full_disk(largest_bytes=0):
            yield from make_here(job, tasks)

    with pytest.raises(ResourceError, match="no room left"):
        list(generate_batch(planned(folder, reports, tmp_path), without_room))
    assert not (tmp_path / "rejected.jsonl").exists()


def test_a_volume_over_which_workers_died_is_found_among_those_made_with_it_and_left_out(
    model: CTFlow, folder: Path, reports: Path, tmp_path: Path
) -> None:
    """A death says nothing of the others: from then on, they are made one by one."""
    batch = planned(folder, reports, tmp_path, together=3)
    deadly = Failing(model, batch.tasks[1].request.seed, Death())

    def until_nobody_dies(job: BatchJob, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
        while True:  # as Ray gives what a worker died over to another one
            with contextlib.suppress(Death):
                yield from list(make_by(deadly)(job, tasks))
                return

    outcomes = list(generate_batch(batch, until_nobody_dies))
    assert [one.number for one in outcomes if one.reason] == [1]
    assert "3 workers died over it" in outcomes[1].reason
    assert len(files_of(tmp_path, ".nii.gz")) == 2


class Death(BaseException):
    """Of a worker's process."""


def test_nothing_made_at_all_is_an_error(model: CTFlow, folder: Path, tmp_path: Path) -> None:
    batch = planned(folder, table(tmp_path / "r.csv", a="Clear."), tmp_path / "out")
    ending = Failing(model, batch.tasks[0].request.seed, ShortVolumeError("Seed 5 ended this volume."))
    with pytest.raises(VolumeError, match=r"None of the 1 volumes could be made: .*rejected\.jsonl says why"):
        list(generate_batch(batch, make_by(ending)))


def test_each_mode_has_a_folder_and_begins_with_the_real_volume_of_its_case(
    model: CTFlow, folder: Path, reports: Path, real: Path, tmp_path: Path
) -> None:
    batch = planned(
        folder, reports, tmp_path, modes=("full-body", "gt-head", "next-block"), real=real, settings={"chunks": 3}
    )
    run(batch)
    assert sorted(files_of(tmp_path, ".nii.gz")) == [
        "full-body/valid_1_a_1.nii.gz",
        "full-body/valid_2_a_1.nii.gz",
        "full-body/valid_3_a_1.nii.gz",
        "gt-head/valid_1_a_1.nii.gz",
        "gt-head/valid_2_a_1.nii.gz",
        "next-block/valid_1_a_1.nii.gz",
        "next-block/valid_2_a_1.nii.gz",
    ]
    left_out = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert [(one["name"], one["folder"]) for one in left_out] == [
        ("valid_3_a_1", "gt-head"),
        ("valid_3_a_1", "next-block"),
    ]
    sidecar = read_sidecar(tmp_path / "next-block/valid_2_a_1.json")
    assert sidecar.start and sidecar.start.scan == "valid_2_a_1.nii.gz" and sidecar.notice.startswith("Made by a comp")
    assert sidecar.chunks == 2, "the real volume has no more"
    assert "from a REAL scan" in read_label(tmp_path / "gt-head/valid_1_a_1.nii.gz")
    start = ScanStart("gt-head", ModelGrid(model.card.geometry).bring(scan(1, slices=12)), 4)
    expected = model.generate(request_of(read_sidecar(tmp_path / "gt-head/valid_1_a_1.json")), start)
    assert (read_nifti(tmp_path / "gt-head/valid_1_a_1.nii.gz").hu == expected.hu).all()
    assert all(one.found for one in run(batch))


def test_a_volume_is_made_again_when_its_real_volume_is_another(
    folder: Path, reports: Path, real: Path, tmp_path: Path
) -> None:
    mine = Path(shutil.copytree(real, tmp_path / "real"))
    batch = planned(folder, reports, tmp_path / "out", modes=("gt-head",), real=mine)
    run(batch)
    write_nifti(scan(7, slices=12), mine / "valid_1_a_1.nii.gz", "a scan")
    (mine / "valid_2/valid_2_a_1.nii.gz").write_bytes(b"no scan")
    first, second = run(batch)
    assert not first.found and first.slices == 8
    assert "valid_2_a_1.nii.gz cannot be read" in second.reason and str(mine) not in second.reason
    assert sorted(files_of(tmp_path / "out/gt-head")) == ["valid_1_a_1.json", "valid_1_a_1.nii.gz"], (
        "no older one stays"
    )


def test_arms_differ_by_the_report_and_share_the_noise(model: CTFlow, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "arms.toml").write_text(FORMAT)
    reports = table(tmp_path / "r.csv", a="Large right pleural effusion.", b="Clear lungs.")
    batch = planned(folder, reports, tmp_path / "out", arms=tmp_path / "arms.toml")
    run(batch)
    sidecars = {arm: read_sidecar(tmp_path / f"out/{arm}/a.json") for arm in ("true", "shuffled", "left", "none")}
    assert {one.seed for one in sidecars.values()} == {seed_of(0, "a")}
    assert [(one.report.findings, one.guidance) for one in sidecars.values()] == [
        ("Large right pleural effusion.", 1),
        ("Clear lungs.", 1),
        ("Large left pleural effusion.", 1),
        ("Large right pleural effusion.", 0),
    ]
    volumes = files_of(tmp_path / "out", "a.nii.gz").values()
    assert len(set(volumes)) == len(volumes) == 4
    (left_out,) = map(json.loads, (tmp_path / "out/rejected.jsonl").read_text().splitlines())
    assert (left_out["name"], left_out["folder"]) == ("b", "left")
    assert all(one.found for one in run(batch))


def test_sex_and_age_come_from_the_metadata_where_they_are_given(folder: Path, tmp_path: Path) -> None:
    write_tables(tmp_path, 3)
    metadata = metadata_path(tmp_path, "valid")
    metadata.write_text(metadata.read_text().replace("valid_0_a_2.nii.gz,F,050Y", "valid_0_a_2.nii.gz,F,old"))
    names = {name_of(number).removesuffix(".nii.gz"): "Clear." for number in range(4)}
    batch = planned(folder, table(tmp_path / "r.csv", **names), tmp_path / "out", metadata=metadata)
    assert [(one.name, one.request.report.sex, one.request.report.age) for one in batch.tasks] == [
        ("valid_0_a_1", "F", 50),
        ("valid_1_a_1", "F", 50),
    ]
    assert [(one.name, one.reason.split(";")[0]) for one in batch.left_out] == [
        ("valid_0_a_2", "The age is 'OLD'"),
        ("valid_1_a_2", "The metadata have no row for it."),
    ]
    with pytest.raises(RequestError, match="not the table"):
        planned(folder, tmp_path / "r.csv", tmp_path / "out", metadata=tmp_path / "r.csv")


def test_of_the_challenges_layout_nothing_is_seen_but_volumes(
    whole: Path, folder: Path, reports: Path, tmp_path: Path
) -> None:
    batch = planned(folder, reports, tmp_path, layout="challenge")
    run(batch)
    assert sorted(path.name for path in tmp_path.iterdir()) == [OWN, *(f"{name}.nii.gz" for name in REPORTS)]
    assert files_of(tmp_path, ".nii.gz") == files_of(whole, ".nii.gz")
    assert read_sidecar(tmp_path / OWN / "valid_1_a_1.json").report.findings == REPORTS["valid_1_a_1"]
    assert all(one.found for one in run(batch))


def test_what_does_not_go_together_is_refused_before_anything_is_made(
    folder: Path, reports: Path, real: Path, tmp_path: Path
) -> None:
    for order, said in (
        ({"modes": ("gt-head",)}, "need the folder of the real volumes"),
        ({"real": real}, "other modes take none"),
        ({"modes": ("gt-head", "gt-head"), "real": real}, "named once"),
        ({"modes": ("gt-head",), "real": tmp_path}, "share the folder"),
        ({"modes": ("gt-head",), "real": reports.parent}, "holds no real volume"),
        ({"start_slices": 4}, "of gt-head alone"),
        ({"start_slices": 6, "modes": ("gt-head",), "real": real}, "a multiple of 4 slices, not 6"),
        ({"settings": {"chunks": 9}}, "at most 3 chunks"),
        ({"seed": -1}, "Seed is a whole number"),
    ):
        with pytest.raises(RequestError, match=said):
            planned(folder, reports, tmp_path / "out", **order)  # type: ignore[arg-type]
    twice = Path(shutil.copytree(real, tmp_path / "twice"))
    shutil.copy(real / "valid_1_a_1.nii.gz", twice / "valid_2")
    with pytest.raises(RequestError, match="have one name"):
        planned(folder, reports, tmp_path / "out", modes=("gt-head",), real=twice)
    other = table(tmp_path / "r.csv", unknown="Clear.")
    with pytest.raises(RequestError, match="no real volume of this name"):
        planned(folder, other, tmp_path / "out", modes=("gt-head",), real=real)
    assert not (tmp_path / "out").exists()
