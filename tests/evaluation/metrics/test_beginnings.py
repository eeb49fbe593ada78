"""What the sidecars beside volumes say of how these came to be."""

from pathlib import Path

import pytest

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.beginnings import check_not_swapped
from ctflow.evaluation.metrics.volume_set import find_volumes
from ctflow.io.sidecar import sidecar_of, write_sidecar
from ctflow.report import Report
from tests.app.fake import sleeping
from tests.evaluation.metrics.judged import small_volume, write_volumes


def test_generated_volumes_given_as_the_real_ones_are_noticed(tmp_path: Path) -> None:
    write_volumes(tmp_path / "scans", {"a": small_volume(0)})
    write_volumes(tmp_path / "generated", {"a": small_volume(1)})
    generator = sleeping(0)
    sidecar = sidecar_of(generator.card.request(Report("Clear lungs."), seed=7), generator, seconds=1, complete=True)
    write_sidecar(sidecar, tmp_path / "generated" / "a.json")
    scans, generated = find_volumes(tmp_path / "scans", "real"), find_volumes(tmp_path / "generated", "fake")
    check_not_swapped(scans, generated)
    check_not_swapped(generated, generated)  # one model against another
    with pytest.raises(
        RequestError, match=r"1 of 1 volumes of the real set were generated.*exchange --real and --fake"
    ):
        check_not_swapped(generated, scans)
