"""The table of losses survives a kill, and one that is damaged is named."""

from pathlib import Path

import pytest

from ctflow.errors import DatasetError, VolumeError
from ctflow.training.log.curves import append_losses, cut_losses, draw_losses
from tests.app.full_disk import full_disk


def table_of(folder: Path, steps: int) -> Path:
    table = folder / "losses.csv"
    for step in range(1, steps + 1):
        append_losses(table, step, {"loss": 1 / step})
    return table


def test_lines_that_are_about_to_be_made_again_are_cut_and_half_a_line_is_none(tmp_path: Path) -> None:
    table = table_of(tmp_path, 2)
    expected = table.read_text()
    append_losses(table, 3, {"loss": 0.1})
    table.write_text(table.read_text() + "4")
    cut_losses(table, 2)
    assert table.read_text() == expected


@pytest.mark.parametrize("left", ["", "step,loss\r\n"])
def test_what_a_kill_leaves_before_the_first_line_is_no_obstacle(tmp_path: Path, left: str) -> None:
    (tmp_path / "losses.csv").write_text(left, newline="")
    cut_losses(tmp_path / "losses.csv", 2)
    draw_losses(tmp_path / "losses.csv")
    assert table_of(tmp_path, 1).read_text().splitlines() == ["step,loss", "1,1.0"]


@pytest.mark.parametrize("damage", [b"\xff", b"step,loss\nsome,thing\n"])
def test_a_damaged_table_is_named_with_what_to_do(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "losses.csv").write_bytes(damage)
    for use in (lambda table: cut_losses(table, 2), draw_losses):
        with pytest.raises(DatasetError, match=r"losses\.csv is damaged .* Move it away"):
            use(tmp_path / "losses.csv")


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    table = table_of(tmp_path, 3)
    with full_disk(largest_bytes=20):
        with pytest.raises(VolumeError, match=r"losses\.csv cannot be written\. There is no room left"):
            append_losses(table, 4, {"loss": 0.1})
        with pytest.raises(VolumeError, match=r"losses\.png cannot be written\. There is no room left"):
            draw_losses(table)
