"""Pairs of neighbouring slices are collected once, whatever cuts the collecting short."""

import pickle
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctflow.data.ctrate_sources import ct_rate_sources
from ctflow.data.scans import model_hu
from ctflow.data.slice_pairs import (
    PAIRS,
    VOLUMES,
    PairFacts,
    collect_pairs,
    facts_of,
    missing_volumes,
    open_pairs,
    pairs_of,
)
from ctflow.data.sources import Source
from ctflow.errors import DatasetError
from tests.data.chests import chest, fabricated_ct_rate
from tests.tiny import CARD

COUNT, PER_VOLUME = 4, 3


@contextmanager
def threads(workers: int) -> Iterator[Executor]:
    """What processes do, in this one."""
    with ThreadPoolExecutor(workers) as pool:
        yield pool


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    """Four scans, of which one cannot be read."""
    root = fabricated_ct_rate(tmp_path_factory.mktemp("ct-rate"), COUNT)
    found = ct_rate_sources(root, "valid")
    found[1].path.write_bytes(b"no scan")
    return found


@pytest.fixture
def facts(sources: list[Source]) -> PairFacts:
    return facts_of(sources, CARD.geometry, PER_VOLUME)


def test_pairs_are_neighbours_from_end_to_end_of_a_volume() -> None:
    slices = np.arange(100, dtype=np.int16)[:, None, None]
    pairs = pairs_of(slices, 5)[:, :, 0, 0]
    assert (pairs[:, 1] - pairs[:, 0] == 1).all()
    assert pairs[:, 0].tolist() == [9, 29, 49, 69, 89]
    assert pairs_of(slices[:3], 4)[:, 0, 0, 0].tolist() == [0, 0, 1, 1], "of a short volume some come twice"


def test_what_is_collected_is_the_scans_on_the_models_grid(
    sources: list[Source], facts: PairFacts, tmp_path: Path
) -> None:
    rows = {row.number: row for row in collect_pairs(tmp_path, sources, facts, 2, pool=threads)}
    assert len(rows) == COUNT and [number for number, row in rows.items() if row.reason] == [1]
    assert str(sources[1].path) not in rows[1].reason, "reasons name volumes, not places"
    opened = open_pairs(tmp_path, facts, COUNT)
    assert [volume.number for volume in opened.volumes] == [0, 2, 3]
    for volume in opened.volumes:
        expected = pairs_of(model_hu(chest(volume.number), CARD.geometry), PER_VOLUME)
        assert np.array_equal(opened.of(volume), expected)
    elsewhere = pickle.loads(pickle.dumps(opened))
    assert np.array_equal(elsewhere.of(opened.volumes[1]), opened.of(opened.volumes[1]))
    assert len(pickle.dumps(opened)) < 3000, "a copy for another process does not take the slices along"


def test_collecting_goes_on_where_it_was_killed(sources: list[Source], facts: PairFacts, tmp_path: Path) -> None:
    for read, _ in enumerate(collect_pairs(tmp_path, sources, facts, 1, pool=threads), start=1):
        if read == 2:
            break
    with (tmp_path / VOLUMES).open("ab") as table:
        table.write(b'{"number": 3, "na')  # a kill in the middle of a line
    left = missing_volumes(tmp_path, facts, COUNT)
    assert len(left) == COUNT - 2
    with pytest.raises(DatasetError, match="lacks the slices of 2 of 4 volumes"):
        open_pairs(tmp_path, facts, COUNT)
    assert [row.number for row in collect_pairs(tmp_path, sources, facts, 1, pool=threads)] == left
    assert list(collect_pairs(tmp_path, sources, facts, 1, pool=threads)) == []
    assert len(open_pairs(tmp_path, facts, COUNT).volumes) == COUNT - 1


def test_slices_of_other_volumes_are_refused(sources: list[Source], facts: PairFacts, tmp_path: Path) -> None:
    list(collect_pairs(tmp_path, sources, facts, 1, pool=threads))
    with pytest.raises(DatasetError, match="holds slices of other volumes"):
        open_pairs(tmp_path, replace(facts, per_volume=2), COUNT)
    with pytest.raises(DatasetError, match="holds slices of other volumes"):
        list(collect_pairs(tmp_path, sources, facts_of(sources[:2], CARD.geometry, PER_VOLUME), 1, pool=threads))


def test_where_all_volumes_are_left_out_there_is_nothing_to_train_on(sources: list[Source], tmp_path: Path) -> None:
    facts = facts_of(sources[1:2], CARD.geometry, PER_VOLUME)
    list(collect_pairs(tmp_path, sources[1:2], facts, 1, pool=threads))
    with pytest.raises(DatasetError, match="all 1 volumes were left out"):
        open_pairs(tmp_path, facts, 1)


@pytest.mark.parametrize("damage", [None, b"", b"x", b"shorter"])
def test_slices_that_are_missing_or_cut_short_are_named(
    sources: list[Source], facts: PairFacts, tmp_path: Path, damage: bytes | None
) -> None:
    list(collect_pairs(tmp_path, sources, facts, 1, pool=threads))
    whole = (tmp_path / PAIRS).read_bytes()
    (tmp_path / PAIRS).unlink()
    if damage is not None:
        (tmp_path / PAIRS).write_bytes(whole[:-1000] if damage == b"shorter" else damage)
    for use in (open_pairs, missing_volumes):
        with pytest.raises(DatasetError, match=r"pairs\.npy cannot be read .* collect again"):
            use(tmp_path, facts, COUNT)
