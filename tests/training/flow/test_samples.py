"""A sample is what the shards hold around a place, and a function of the seed and its place in the training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ctflow.data.shards import Shards
from ctflow.training.flow.samples import FlowSamples, draw_start
from ctflow.training.order import Place
from tests.tiny import CARD
from tests.training.flow.small_set import (
    BLACK_CODE,
    SLICES,
    WHITE_CODE,
    flow_config,
    flow_model,
    flow_set,
    without_noise,
)

CHUNK = CARD.geometry.slices_per_chunk


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> FlowSamples:
    folder = tmp_path_factory.mktemp("samples")
    config = without_noise(flow_config())
    return FlowSamples(Shards(flow_set(folder / "set", flow_model(folder / "model"))), config)


def unscaled(latents: torch.Tensor) -> np.ndarray:
    """The level of each slice, as it is stored."""
    return (latents.mean((0, 2, 3)) / CARD.latent.scale + CARD.latent.shift).numpy()


def test_a_sample_has_the_chunk_before_it_black_before_the_volume_and_white_after_it(samples: FlowSamples) -> None:
    def levels(volume: int, start: int) -> np.ndarray:
        sample = samples.draw(volume, start, 0.5, np.random.default_rng(0))
        assert sample.chunk.shape == sample.previous.shape == sample.noise.shape == (2, CHUNK, 8, 8)
        return np.concatenate([unscaled(sample.previous), unscaled(sample.chunk)])

    def inside(volume: int, *slices: int) -> list[float]:
        return [volume + number / 100 for number in slices]

    black, white = [BLACK_CODE], [WHITE_CODE]
    expected = {
        (4, 0): 4 * black + inside(4, 0, 1, 2, 3),
        (4, 3): black + inside(4, 0, 1, 2, 3, 4, 5, 6),
        (0, 4): inside(0, 0, 1, 2, 3, 4) + 3 * white,
        (0, 8): inside(0, 4) + 7 * white,
        (2, 8): inside(2, 4, 5, 6, 7) + 4 * white,
    }
    for (volume, start), wanted in expected.items():
        assert np.allclose(levels(volume, start), wanted, atol=0.01), (volume, start)


def test_a_sample_depends_on_its_place_alone(samples: FlowSamples) -> None:
    again = FlowSamples(Shards(samples.shards.folder), samples.config)
    torch.rand(3)  # of torch's own generator, on which nothing depends
    for place in (Place(0, 0), Place(5, 3)):
        assert all(torch.equal(one, other) for one, other in zip(samples[place], again[place], strict=True))
    assert not torch.equal(samples[Place(0, 0)].noise, samples[Place(0, 1)].noise)
    assert samples[Place(0, 0)].t != samples[Place(1, 0)].t


def test_chunks_begin_where_the_config_says(samples: FlowSamples) -> None:
    def starts(slices: int, **changes: float) -> set[int]:
        config = replace(samples.config, samples=replace(samples.config.samples, **changes))
        rng = np.random.default_rng(0)
        return {draw_start(slices, CHUNK, config, rng) for _ in range(300)}

    assert starts(9, start_boost=1.0) == {0}
    assert starts(9, start_boost=0.0, aligned=1.0) == {4, 8, 12}, "after a chunk that is partly white comes a white one"
    assert starts(8, start_boost=0.0, aligned=1.0) == {4, 8}
    assert starts(9, start_boost=0.0, aligned=0.0) == set(range(1, 10))
    assert 0 in starts(9, start_boost=0.5, aligned=0.0)


def test_reports_and_their_parts_and_whole_previous_chunks_are_left_out_as_often_as_asked(samples: FlowSamples) -> None:
    texts = samples.shards.text(1)

    def rows(parts_kept: tuple[float, ...], dropout: float) -> set[int]:
        config = replace(
            samples.config, samples=replace(samples.config.samples, parts_kept=parts_kept, text_dropout=dropout)
        )
        rng = np.random.default_rng(0)
        drawn = [replace(samples, config=config).text(1, rng)[0] for _ in range(100)]
        return {int((texts == text).all(1).nonzero()[0, 0]) for text in drawn}

    assert rows((), 0.0) == {3}
    assert rows((1.0, 0.5), 0.0) == {1, 3}
    assert rows((), 0.5) == {0, 3}
    assert rows((), 1.0) == {0}
    dropped = replace(
        samples, config=replace(samples.config, samples=replace(samples.config.samples, previous_dropout=1))
    )
    assert dropped.draw(0, 4, 0.5, np.random.default_rng(0)).previous.count_nonzero() == 0


def test_noise_and_its_offset_have_the_spread_that_the_config_says(samples: FlowSamples) -> None:
    config = replace(samples.config, objective=replace(samples.config.objective, noise_offset=3.0))
    config = replace(config, samples=replace(config.samples, previous_noise=2.0))
    drawn = [replace(samples, config=config).draw(0, 4, 0.5, np.random.default_rng(seed)) for seed in range(200)]
    clean = samples.draw(0, 4, 0.5, np.random.default_rng(0)).previous
    noise = torch.stack([sample.noise for sample in drawn])
    assert noise.mean((2, 3, 4)).std().item() == pytest.approx(3.0, rel=0.1), "one number for each sample and channel"
    assert (noise - noise.mean((2, 3, 4), keepdim=True)).std().item() == pytest.approx(1.0, rel=0.05)
    spread = torch.stack([sample.previous - clean for sample in drawn]).std().item()
    assert spread == pytest.approx(2.0, rel=0.05)


def test_latents_are_drawn_with_the_spread_that_is_stored_if_that_is_asked_for(tmp_path: Path) -> None:
    config = without_noise(flow_config(samples={"draw_latents": True}))
    shards = Shards(flow_set(tmp_path / "set", flow_model(tmp_path / "model"), log_variance=0.0))
    drawn, mean = (
        FlowSamples(shards, one).draw(4, 4, 0.5, np.random.default_rng(0)).chunk
        for one in (config, replace(config, samples=replace(config.samples, draw_latents=False)))
    )
    assert ((drawn - mean) / CARD.latent.scale).std().item() == pytest.approx(1.0, rel=0.1)


def test_the_set_has_what_the_tests_think(samples: FlowSamples) -> None:
    assert tuple(row.slices for row in samples.shards.rows) == SLICES
