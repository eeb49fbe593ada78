"""FVD by a TorchScript program of I3D's interface: what it is given, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ctflow.errors import CheckpointError
from ctflow.evaluation.metrics.extraction import FeatureSet
from ctflow.evaluation.metrics.extractor import identity_sha256
from ctflow.evaluation.metrics.extractors.catalog import Source, load_extractor
from ctflow.evaluation.metrics.extractors.frames import FRAMES
from ctflow.evaluation.metrics.extractors.i3d import NAME, first, window, window_start
from ctflow.evaluation.metrics.frechet import frechet_distance
from ctflow.evaluation.metrics.protocols import CTFLOW_PAPER
from ctflow.evaluation.metrics.volume_set import find_volumes
from ctflow.volume import Volume, plane_affine
from tests.evaluation.metrics.judged import judge, judging, small_volume, value, write_volumes


class GreyOverTime(torch.nn.Module):
    """Stands for I3D: features 0 and 1 are the mean grey of the first and last slice, feature 2 their number."""

    def forward(
        self, clips: torch.Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False
    ) -> torch.Tensor:
        features = torch.zeros(clips.shape[0], 400)
        if rescale and resize and return_features and clips.dtype == torch.uint8 and clips.shape[1] == 3:
            grey = clips[:, :, :, ::16, ::16].float().mean((1, 3, 4))
            features[:, 0], features[:, 1], features[:, 2] = grey[:, 0], grey[:, -1], float(clips.shape[2])
        return features


class Classes(torch.nn.Module):
    """A program with I3D's arguments and another answer."""

    def forward(
        self, clips: torch.Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False
    ) -> torch.Tensor:
        return torch.zeros(clips.shape[0], 101)


class Plain(torch.nn.Module):
    """A program without I3D's arguments."""

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return clips


def program(folder: Path, module: torch.nn.Module) -> Path:
    path = folder / f"{type(module).__name__}.pt"
    torch.jit.script(module).save(path)
    return path


def brighter_upwards(slices: int = FRAMES) -> Volume:
    """Slice i from the feet is grey i."""
    grey = np.arange(slices) % 256
    hu = np.ceil(grey * 2400 / 306 - 1000).astype(np.int16)
    shape = (slices, 256, 256)
    return Volume(
        np.ascontiguousarray(np.broadcast_to(hu[:, None, None], shape)),
        plane_affine(("S", "P", "L"), (1.5, 1.5, 1.5), 256, 256),
    )


def test_clips_are_given_as_stylegan_v_gives_them(tmp_path: Path) -> None:
    """8-bit, three channels, to be rescaled and resized there; of the volume its first slices, and one drawn run."""
    found = load_extractor(Source(NAME, program(tmp_path, GreyOverTime()))).features(brighter_upwards())
    assert {kind: rows.shape for kind, rows in found.items()} == dict.fromkeys(
        (first(16), first(128), window(16), window(128)), (1, 400)
    )
    assert found[first(16)][0, :3].tolist() == [0, 15, 16]
    assert found[first(128)][0, :3].tolist() == [0, 127, 128]
    begin, end, count = found[window(128)][0, :3].tolist()
    assert (end - begin, count) == (127, 128) and 0 <= begin <= FRAMES - 128


def test_the_run_depends_on_the_slices_alone_and_begins_anywhere() -> None:
    draw = np.random.default_rng(0)
    volumes = [draw.integers(0, 256, (20, 2, 2), np.uint8) for _ in range(200)]
    starts = [window_start(slices, 16) for slices in volumes]
    assert starts == [window_start(slices.copy(), 16) for slices in volumes]
    assert set(starts) == set(range(5))


def test_the_hash_of_the_file_is_part_of_what_the_extractor_is(tmp_path: Path) -> None:
    path = program(tmp_path, GreyOverTime())
    assert len(load_extractor(Source(NAME, path)).weights_sha256) == 64


@pytest.mark.slow
def test_fvd_sets_drawn_runs_of_real_volumes_against_the_first_slices_of_generated_ones(tmp_path: Path) -> None:
    path = program(tmp_path, GreyOverTime())
    real = write_volumes(tmp_path / "real", {f"r{i}": small_volume(i) for i in range(5)})
    fake = write_volumes(tmp_path / "fake", {f"f{i}": small_volume(i + 9) for i in range(4)})
    measures = tuple(one for one in CTFLOW_PAPER.measures if one.extractor in (NAME, "plain"))
    protocol = replace(CTFLOW_PAPER, measures=measures)
    modes = {"f0": "gt-head", "f1": "gt-head"}
    result = judge(judging(real, fake, protocol, tmp_path / "kept", weights={NAME: path}, modes=modes))
    kept = {NAME: identity_sha256(load_extractor(Source(NAME, path)))}
    sets = [FeatureSet(find_volumes(folder, folder.name), tmp_path / "kept", kept) for folder in (real, fake)]
    for length in (16, 128):
        windows, firsts = sets[0].rows(NAME, window(length)), sets[1].rows(NAME, first(length))
        expected = frechet_distance(np.concatenate(windows), np.concatenate(firsts), biased=True)
        assert value(result, f"FVD, {length} slices") == pytest.approx(expected, rel=1e-6)
    marked = [one.name for one in result.figures if "uninformative" in str(one.warnings)]
    assert marked == ["FVD, 16 slices"]


@pytest.mark.parametrize(
    ("module", "says"),
    [(Classes(), r"shape \(1, 101\) where \(1, 400\) was expected"), (Plain(), "cannot be called as I3D is")],
)
def test_another_program_is_refused(tmp_path: Path, module: torch.nn.Module, says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        load_extractor(Source(NAME, program(tmp_path, module)))


def test_a_file_of_weights_is_no_program(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "i3d.pt")
    with pytest.raises(CheckpointError, match="is no TorchScript program"):
        load_extractor(Source(NAME, tmp_path / "i3d.pt"))
