"""From scans and reports to a verified data set, with what can go wrong on the way."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from nibabel import Nifti1Image

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.data.ctrate_sources import ct_rate_sources
from ctflow.data.lock import only_run
from ctflow.data.manifest import REJECTED, VERIFIED, SetFacts, read_rejections
from ctflow.data.own_sources import own_sources
from ctflow.data.preparation import facts_of, prepare
from ctflow.data.scans import model_hu
from ctflow.data.shards import Shards
from ctflow.data.sources import Source
from ctflow.data.verification import verify
from ctflow.errors import DatasetError, ResourceError, VolumeError
from ctflow.io.nifti import write_nifti
from ctflow.models.autoencoder_kl import AutoencoderKL, Posterior
from ctflow.report import encoder_text
from tests.app.full_disk import full_disk
from tests.data.chests import chest, fabricated_ct_rate, name_of
from tests.data.one_process import encode_here

COUNT = 7
SHARD_BYTES = 30_000  # three volumes


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven scans of which two cannot be prepared."""
    root = fabricated_ct_rate(tmp_path_factory.mktemp("ct-rate"), COUNT)
    cut = ct_rate_sources(root, "valid")[2].path
    cut.write_bytes(cut.read_bytes()[:2000])
    table = root / "dataset/radiology_text_reports/validation_reports.csv"
    table.write_text(table.read_text().replace("Clear lungs 4.,No effusion.", "Not given.,"))
    return root


@pytest.fixture(scope="module")
def sources(root: Path) -> list[Source]:
    return ct_rate_sources(root, "valid")


@pytest.fixture(scope="module")
def facts(folder: Path, sources: list[Source]) -> SetFacts:
    return facts_of(folder, sources, split="valid", one_per_patient=False, precision="float32", shard_bytes=SHARD_BYTES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, folder: Path, sources: list[Source], facts: SetFacts) -> Path:
    """The set, prepared without a break and verified. Tests that change it take a copy."""
    out = tmp_path_factory.mktemp("sets") / "whole"
    list(prepare(out, folder, sources, facts, "cpu", encode_here))
    list(verify(out, sources, facts))
    return out


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_volumes_are_those_of_the_a_vae_and_texts_those_of_the_encoder(
    whole: Path, folder: Path, sources: list[Source]
) -> None:
    checkpoint, shards = load_checkpoint(folder), Shards(whole)
    number = shards.number(name_of(3))
    hu = model_hu(chest(3), checkpoint.card.geometry)
    latents = shards.latents(number)
    with torch.inference_mode():
        expected = checkpoint.avae.encode(torch.from_numpy(checkpoint.card.intensity.to_intensity(hu)))
        text = checkpoint.text.encode(encoder_text(sources[3].report(), checkpoint.card.text.parts))
    scaled = (latents.mean.float() - checkpoint.avae.shift) * checkpoint.avae.scale
    assert scaled.shape == expected.shape and torch.allclose(scaled, expected, atol=5e-3)
    assert latents.log_variance.shape == expected.shape
    assert torch.allclose(shards.text(number)[-1], text[0, 0], atol=1e-6)
    for code, intensity in ((shards.black, checkpoint.card.intensity.black), (shards.white, 1.0)):
        scaled = (code - checkpoint.avae.shift) * checkpoint.avae.scale
        assert torch.allclose(scaled, checkpoint.avae.code_of(intensity, 32, 32), atol=1e-5)


def test_each_row_of_a_text_has_the_parts_whose_bits_are_set(whole: Path, folder: Path) -> None:
    encoder, shards = load_checkpoint(folder).text, Shards(whole)
    text = shards.text(shards.number(name_of(0)))
    findings, impression = "Findings: Clear lungs 0.", "Impression: No effusion."
    assert len(text) == 4 and not text[0].any()
    for row, expected in enumerate([findings, impression, f"{findings} {impression}"], 1):
        assert torch.allclose(text[row], encoder.encode(expected)[0, 0], atol=1e-6)


def test_what_cannot_be_prepared_is_listed_with_its_reason_and_no_path(whole: Path, root: Path) -> None:
    first, second = read_rejections(whole)
    assert first.name == name_of(2) and "cannot be read" in first.reason
    assert second.name == name_of(4) and "report is empty" in second.reason
    assert str(root) not in (whole / REJECTED).read_text()
    assert len(Shards(whole)) == COUNT - 2


def test_reports_that_the_text_encoder_cuts_are_counted(folder: Path, tmp_path: Path) -> None:
    """Half of CT-RATE's are longer than 256 tokens, and nobody was told."""
    short, long = ct_rate_sources(fabricated_ct_rate(tmp_path / "ct", 2), "valid")
    both = [short, replace(long, findings="No effusion. " * 400)]
    facts = facts_of(folder, both, split="valid", one_per_patient=False, precision="float32")
    outcomes = prepare(tmp_path / "set", folder, both, facts, "cpu", encode_here)
    assert {one.number: one.report_cut for one in outcomes} == {0: False, 1: True}


def test_what_was_left_out_is_tried_again_if_asked_and_comes_last(
    copy: Path, root: Path, folder: Path, sources: list[Source], facts: SetFacts, tmp_path: Path
) -> None:
    """A download that was mended stayed out for ever."""
    mended = tmp_path / "mended.nii.gz"
    write_nifti(chest(2), mended, "fabricated")
    again = [replace(one, path=mended) if one.name == name_of(2) else one for one in sources]
    assert not list(prepare(copy, folder, again, facts, "cpu", encode_here))
    tried = {one.number: one.reason for one in prepare(copy, folder, again, facts, "cpu", encode_here, retry=True)}
    assert tried.keys() == {2, 4} and not tried[2] and "report is empty" in tried[4]
    list(verify(copy, again, facts))
    assert [row.name for row in Shards(copy).rows][-1] == name_of(2) and len(Shards(copy)) == COUNT - 1
    assert [one.name for one in read_rejections(copy)] == [name_of(4)]


def test_scans_that_are_no_scans_are_left_out_and_nothing_crashes(folder: Path, tmp_path: Path) -> None:
    root = fabricated_ct_rate(tmp_path / "ct", 6)
    sources = ct_rate_sources(root, "valid")
    sources[1].path.write_bytes(b"")
    sources[2].path.write_bytes(np.random.default_rng(0).bytes(500))
    Nifti1Image(np.zeros((4, 4, 4, 3), np.int16), np.eye(4)).to_filename(sources[3].path)
    Nifti1Image(np.full((8, 8, 8), np.nan, np.float32), np.eye(4)).to_filename(sources[4].path)
    Nifti1Image(np.zeros((8, 8, 8), np.int16), np.diag([100, 100, 100, 1])).to_filename(sources[5].path)
    facts = facts_of(folder, sources, split="valid", one_per_patient=False, precision="float32")
    outcomes = list(prepare(tmp_path / "set", folder, sources, facts, "cpu", encode_here))
    assert [bool(outcome.reason) for outcome in outcomes] == [False, True, True, True, True, True]
    assert "not one 3D volume" in outcomes[3].reason and "not numbers" in outcomes[4].reason
    assert "which no CT has" in outcomes[5].reason


def test_nothing_is_done_again_and_the_set_stays_verified(
    whole: Path, folder: Path, sources: list[Source], facts: SetFacts
) -> None:
    before = files_of(whole)
    assert list(prepare(whole, folder, sources, facts, "cpu", encode_here)) == []
    assert files_of(whole) == before and VERIFIED in before


@pytest.mark.parametrize("done", [0, 1, 3, 4, 6])
def test_a_preparation_that_was_stopped_goes_on_to_the_same_bytes(
    whole: Path, folder: Path, sources: list[Source], facts: SetFacts, tmp_path: Path, done: int
) -> None:
    stream = prepare(tmp_path, folder, sources, facts, "cpu", encode_here)
    for _ in range(done):
        next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    list(prepare(tmp_path, folder, sources, facts, "cpu", encode_here))
    list(verify(tmp_path, sources, facts))
    assert files_of(tmp_path) == files_of(whole)


def test_a_full_disk_ends_the_work_and_rejects_no_volume(
    whole: Path, folder: Path, sources: list[Source], facts: SetFacts, tmp_path: Path
) -> None:
    with full_disk(largest_bytes=8000), pytest.raises(VolumeError, match="no room left"):
        list(prepare(tmp_path, folder, sources, facts, "cpu", encode_here))
    list(prepare(tmp_path, folder, sources, facts, "cpu", encode_here))
    list(verify(tmp_path, sources, facts))
    assert files_of(tmp_path) == files_of(whole)


def test_two_runs_do_not_write_one_folder(folder: Path, sources: list[Source], facts: SetFacts, tmp_path: Path) -> None:
    with only_run(tmp_path), pytest.raises(DatasetError, match="written by another run"):
        list(prepare(tmp_path, folder, sources, facts, "cpu", encode_here))
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_folder_with_another_set_is_refused_by_what_differs(
    copy: Path, folder: Path, sources: list[Source], facts: SetFacts
) -> None:
    before = files_of(copy)
    for other, said in (
        (replace(facts, precision="bfloat16"), "precision is float32, not bfloat16"),
        (replace(facts, reports_sha256="0" * 64), "its volumes, patients or reports are others"),
    ):
        with pytest.raises(DatasetError, match=said):
            list(prepare(copy, folder, sources, other, "cpu", encode_here))
        with pytest.raises(DatasetError, match=said):
            list(verify(copy, sources, other))
    assert files_of(copy) == before


def test_a_set_of_nothing_is_an_error(folder: Path, sources: list[Source], tmp_path: Path) -> None:
    bad = [sources[2]]
    facts = facts_of(folder, bad, split="valid", one_per_patient=False, precision="float32")
    with pytest.raises(DatasetError, match=r"all 1 were left out, see rejected\.jsonl"):
        list(prepare(tmp_path, folder, bad, facts, "cpu", encode_here))


def test_volumes_of_ones_own_are_prepared_from_a_table(folder: Path, tmp_path: Path) -> None:
    scans, table = tmp_path / "scans", tmp_path / "reports.csv"
    (scans / "monday").mkdir(parents=True)
    write_nifti(chest(0), scans / "monday/a.nii.gz", "a scan")
    write_nifti(chest(1), scans / "b.nii", "a scan")
    table.write_text(
        "VolumeName,PatientID,Findings_EN,Impressions_EN\nmonday/a.nii.gz,p1,Clear.,\nb.nii,p2,Effusion.,Effusion.\n"
    )
    own = own_sources(scans, table)
    facts = facts_of(folder, own, split=None, one_per_patient=False, precision="float32")
    list(prepare(tmp_path / "set", folder, own, facts, "cpu", encode_here))
    assert list(verify(tmp_path / "set", own, facts)) == ["monday/a.nii.gz", "b.nii"]
    assert [row.patient for row in Shards(tmp_path / "set").rows] == ["p1", "p2"]


def test_memory_that_runs_out_ends_the_run_and_names_the_knob(
    folder: Path, sources: list[Source], facts: SetFacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing of the volume, which must not be left out."""
    encode = AutoencoderKL.encode

    def with_room_for_two(self: AutoencoderKL, images: torch.Tensor) -> Posterior:
        if len(images) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return encode(self, images)

    monkeypatch.setattr(AutoencoderKL, "encode", with_room_for_two)
    with pytest.raises(ResourceError, match=r"memory of cpu is not enough to encode 4 slices together.*--slices"):
        list(prepare(tmp_path, folder, sources, facts, "cpu", encode_here))
    list(prepare(tmp_path, folder, sources, facts, "cpu", encode_here, slices=2))
    assert len(list(verify(tmp_path, sources, facts))) == COUNT - 2
