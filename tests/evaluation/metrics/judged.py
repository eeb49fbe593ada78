"""Folders of volumes, and what `evaluate metrics` makes of them, for several tests of this folder."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.evaluation.metrics.case_reports import Reports
from ctflow.evaluation.metrics.extraction import extract_here
from ctflow.evaluation.metrics.judging import Judging, Question
from ctflow.evaluation.metrics.protocols import MetricProtocol
from ctflow.evaluation.metrics.results import Result
from ctflow.evaluation.metrics.volume_set import find_volumes
from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.volume import Volume, plane_affine


def small_volume(seed: int, size: tuple[int, int, int] = (24, 24, 24)) -> Volume:
    """A bright box in air, elsewhere for each seed."""
    draw = np.random.default_rng(seed)
    hu = draw.normal(-900, 20, size)
    hu[4:20, 4 : 8 + draw.integers(12), 4 : 8 + draw.integers(12)] = draw.normal(40, 10)
    return Volume(hu.astype(np.int16), plane_affine(("S", "P", "L"), (6.0, 12.0, 12.0), size[1], size[2]))


def write_volumes(folder: Path, volumes: Mapping[str, Volume]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, volume in volumes.items():
        write_nifti(volume, folder / f"{name}.nii", synthetic_label("test"))
    return folder


def write_reports(path: Path, reports: Reports) -> Path:
    rows = [
        {"name": name, "findings": report.findings, "impression": report.impression} for name, report in reports.items()
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def judging(
    real: Path,
    fake: Path,
    protocol: MetricProtocol,
    features: Path,
    reports: Reports | None = None,
    weights: Mapping[str, Path] | None = None,
    modes: Mapping[str, str] | None = None,
    training: Path | None = None,
) -> Judging:
    """In this process. `weights`: by default the bundled model's towers."""
    question = Question(
        title=fake.name,
        protocol=protocol,
        real=find_volumes(real, "real"),
        fake=find_volumes(fake, "fake"),
        training=find_volumes(training, "training") if training else (),
        reports=reports or {},
        asked={},
        modes=modes or {},
        weights=weights or {"ct-clip": find_checkpoint("demo")},
        device="cpu",
        features=features,
        extract_all=extract_here,
        seed=0,
    )
    return Judging(question)


def judge(work: Judging) -> Result:
    for _ in work.extract():
        pass
    return work.measure()


def value(result: Result, name: str) -> float:
    (found,) = [figure.value for figure in result.figures if figure.name == name]
    return found
