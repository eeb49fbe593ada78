"""When it is said that a model seldom draws a finding."""

import pytest

from ctflow.drawn import Drawn, Seen


def seen(share: float, high: float) -> Seen:
    return Seen(share, low=0.0, high=high, n=20)


PHANTOMS = seen(0.9, 0.97)


@pytest.mark.parametrize(
    ("asserted", "phantoms", "seldom"),
    [
        (seen(0.1, 0.3), PHANTOMS, True),
        (seen(0.3, 0.46), PHANTOMS, False),
        (seen(0.1, 0.3), seen(0.5, 0.7), False),
        (None, PHANTOMS, False),
        (seen(0.0, 0.2), None, False),
    ],
    ids=["surely below half", "perhaps below half", "detectors see little of it", "never asserted", "no such phantoms"],
)
def test_seldom_is_surely_less_than_half_as_often_as_detectors_could_see_it(
    asserted: Seen | None, phantoms: Seen | None, seldom: bool
) -> None:
    assert Drawn(asserted, denied=None, phantoms=phantoms).is_seldom == seldom
