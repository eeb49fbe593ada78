"""How decoded slices become HU on the device, and come to the CPU."""

import numpy as np
import pytest
import torch

from ctflow.hu import NOT_A_NUMBER, IntensityMap
from ctflow.runtime.decoding import as_decoded, blocking, in_full_batches, to_hu

# Of the released models, and one whose ends are no round numbers.
MAPS = [
    IntensityMap(black=0.0, white=1.0, hu_black=-1000, hu_white=1400),
    IntensityMap(black=-1.0, white=1.0, hu_black=-1000, hu_white=1000),
    IntensityMap(black=-0.3, white=1.4, hu_black=-1024, hu_white=3071),
]


def around_every_border(one: IntensityMap) -> np.ndarray:
    """The 200 float32 nearest to each border between two HU, where rounding decides, and to both ends."""
    borders = np.arange(one.hu_black - 1, one.hu_white + 1) + 0.5
    intensity = one.black + (borders - one.hu_black) / (one.hu_white - one.hu_black) * (one.white - one.black)
    nearest = intensity.astype(np.float32)
    ulps = np.spacing(np.abs(nearest))[:, None] * np.arange(-100, 100, dtype=np.float32)
    return nearest[:, None] + ulps


@pytest.mark.parametrize("one", MAPS)
def test_hu_of_a_tensor_are_those_of_the_array_bit_for_bit(one: IntensityMap) -> None:
    everywhere = np.linspace(one.black - 0.5, one.white + 0.5, 1_000_001).astype(np.float32)
    every_half = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
    for intensity in (around_every_border(one), everywhere, every_half[np.isfinite(every_half)]):
        found = to_hu(one, torch.from_numpy(intensity))
        assert found.dtype == torch.int16
        np.testing.assert_array_equal(found.numpy(), one.to_hu(intensity))


def test_what_is_no_number_is_marked_among_hu_and_nothing_else_is() -> None:
    intensity = torch.tensor([float("nan"), float("inf"), -float("inf"), -3e38, 3e38, 0.5])
    expected = [NOT_A_NUMBER] * 3 + [-1000, 1400, 200]
    assert to_hu(MAPS[0], intensity).tolist() == expected


def test_no_model_may_use_the_mark_as_hu() -> None:
    with pytest.raises(ValueError, match="from -32767"):
        IntensityMap(black=0.0, white=1.0, hu_black=NOT_A_NUMBER, hu_white=0)


@pytest.mark.parametrize("count", [1, 3, 4, 6, 8])
def test_slices_are_decoded_in_full_batches_and_none_is_made_up(count: int) -> None:
    batches: list[torch.Tensor] = []

    def decode(latents: torch.Tensor) -> torch.Tensor:
        batches.append(latents)
        return latents.sum(1)

    latents = torch.randn(2, count, 3, 3).transpose(0, 1)
    found = in_full_batches(decode, 4)(latents)
    assert torch.equal(found, latents.sum(1))
    assert {(len(batch), batch.is_contiguous()) for batch in batches} == {(4, True)}
    assert len(batches) == -(-count // 4)


def test_slices_are_finished_before_they_leave_the_device() -> None:
    decode = blocking(lambda latents: latents[:, 0])
    latents = torch.randn(2, 1, 3, 3)
    pending = decode(latents, torch.neg)
    assert pending.ready() and torch.equal(pending.wait(), -latents[:, 0])
    assert torch.equal(decode(latents).wait(), as_decoded(latents[:, 0]))
