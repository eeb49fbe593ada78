import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctflow.hu import IntensityMap
from ctflow.windows import WINDOWS, windowed

V1 = IntensityMap(black=0.0, white=1.0, hu_black=-1000, hu_white=1400)
V2 = IntensityMap(black=-1.0, white=1.0, hu_black=-1000, hu_white=1000)


@given(st.sampled_from([V1, V2]), st.integers(-32768, 32767))
def test_hu_survive_the_way_to_intensity_and_back_but_for_the_cut(intensity: IntensityMap, hu: int) -> None:
    back = intensity.to_hu(intensity.to_intensity(np.array([hu], np.int16)))
    assert back.dtype == np.int16
    assert back[0] == min(max(hu, intensity.hu_black), intensity.hu_white)


def test_the_ends_of_both_scales_meet() -> None:
    assert V1.to_hu(np.array([0.0, 0.5, 1.0])).tolist() == [-1000, 200, 1400]
    assert V2.to_intensity(np.array([-1000, 0, 1000], np.int16)).tolist() == [-1.0, 0.0, 1.0]


def test_what_a_model_says_beyond_its_scale_is_cut() -> None:
    assert V2.to_hu(np.array([-7.0, 7.0])).tolist() == [-1000, 1000]


def test_a_window_is_black_below_white_above_and_grey_at_its_level() -> None:
    for window in WINDOWS:
        low, high = window.level - window.width, window.level + window.width
        assert windowed(np.array([low, window.level, high], np.int16), window).tolist() == [0, 127, 255]
