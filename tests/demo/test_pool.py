"""The latents that grow: what joins them is what a set of all phantoms would hold."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ctflow.data.phantoms import PhantomSet
from ctflow.demo.avae import new_avae
from ctflow.demo.card import INTENSITY
from ctflow.demo.latents import LatentSet, embed_reports, encode_phantoms, latent_set
from ctflow.demo.pool import LatentPool
from ctflow.demo.text import new_bert, new_tokenizer
from ctflow.models.avae import AVAE
from ctflow.models.text import TextEncoder
from ctflow.phantom import draw_truth

PARTS, SEED, CHUNK, BATCH = ("Findings: {findings}",), 3, 4, 4
COUNT = 40


class Growing:
    """Stands in for worker processes: `there` of the phantoms are made."""

    def __init__(self, phantoms: PhantomSet, there: int) -> None:
        self.whole, self.there, self.count = phantoms, there, len(phantoms.slices)

    def so_far(self) -> PhantomSet:
        whole = self.whole
        return PhantomSet(whole.hu[: self.there], whole.slices[: self.there], whole.truths[: self.there])


@pytest.fixture(scope="module")
def phantoms() -> PhantomSet:
    rng = np.random.default_rng(0)
    hu = rng.integers(-1000, 400, (COUNT, 6, 32, 32), dtype=np.int16)
    return PhantomSet(hu, rng.integers(3, 7, COUNT).tolist(), [draw_truth(rng) for _ in range(COUNT)])


@pytest.fixture(scope="module")
def avae() -> AVAE:
    torch.manual_seed(0)
    return AVAE(new_avae((4, 4, 8, 8), 2).requires_grad_(False).eval(), 1.3, 0.1)


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    tokenizer = new_tokenizer(["No effusion. Large right nodule."] * 5)
    return TextEncoder(new_bert(tokenizer.get_vocab_size(), 16, 1, 32), tokenizer, 32).requires_grad_(False)


def made_at_once(folder: Path, phantoms: PhantomSet, avae: AVAE, encoder: TextEncoder) -> LatentSet:
    volumes = encode_phantoms(folder / "latents.pt", avae.network, phantoms, INTENSITY, "cpu", BATCH)
    texts = embed_reports(folder / "reports.pt", encoder, phantoms, PARTS, SEED, "cpu")
    return latent_set(volumes, avae, texts, phantoms, INTENSITY, CHUNK)


def pool_of(first: LatentSet, growing: Growing, avae: AVAE, encoder: TextEncoder) -> LatentPool:
    return LatentPool(first, growing, avae, encoder, intensity=INTENSITY, parts=PARTS, seed=SEED, batch=BATCH)


def assert_same(found: LatentSet, expected: LatentSet) -> None:
    assert torch.equal(found.padded, expected.padded) and found.slices.tolist() == expected.slices.tolist()
    assert torch.allclose(found.texts, expected.texts, atol=1e-5)
    assert np.array_equal(found.report_facts, expected.report_facts)
    assert np.array_equal(found.person_odds, expected.person_odds)


@pytest.mark.slow
def test_a_pool_that_has_taken_in_all_is_the_set_of_all(
    tmp_path: Path, phantoms: PhantomSet, avae: AVAE, encoder: TextEncoder
) -> None:
    growing = Growing(phantoms, 16)
    pool = pool_of(made_at_once(tmp_path, growing.so_far(), avae, encoder), growing, avae, encoder)
    assert pool.grown() is None, "no others are made yet"
    growing.there = COUNT
    sets = [data for data in (pool.grown() for _ in range(COUNT)) if data is not None]
    sizes = [len(data.slices) for data in sets]
    assert sizes == [18, 22, 26, 30, 34, 40], "by an eighth each time, and the last ones"
    (tmp_path / "whole").mkdir()
    assert_same(sets[-1], made_at_once(tmp_path / "whole", phantoms, avae, encoder))
    assert sets[-1] is pool.latents and pool.grown() is None


def test_what_is_kept_on_disk_is_not_made_again_and_what_is_missing_is(
    tmp_path: Path, phantoms: PhantomSet, avae: AVAE, encoder: TextEncoder
) -> None:
    made_at_once(tmp_path, Growing(phantoms, 4).so_far(), avae, encoder)
    kept = torch.load(tmp_path / "latents.pt", weights_only=True)
    torch.save([torch.zeros_like(one) for one in kept], tmp_path / "latents.pt")
    data = made_at_once(tmp_path, Growing(phantoms, 8).so_far(), avae, encoder)
    assert data.padded[3, CHUNK : CHUNK + 3].unique().numel() == 1, "as it was kept"
    (tmp_path / "whole").mkdir()
    whole = made_at_once(tmp_path / "whole", phantoms, avae, encoder)
    assert torch.equal(data.padded[4:8], whole.padded[4:8])
    assert torch.allclose(data.texts, whole.texts[:8], atol=1e-5)
