"""What the sidecars of a fake set say of it: by which model it was made, and how."""

from dataclasses import replace

import pytest

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.beginnings import check_not_swapped, check_one_maker, modes_of
from ctflow.io.sidecar import Model, Sidecar, StartRecord, sidecar_of
from ctflow.report import Report
from tests.app.fake import sleeping

GENERATOR = sleeping(0)


def made(complete: bool = True) -> Sidecar:
    return sidecar_of(GENERATOR.card.request(Report("Clear."), 0), GENERATOR, seconds=1.0, complete=complete)


def test_a_mode_is_that_of_what_a_volume_begins_with() -> None:
    started = replace(made(), start=StartRecord(mode="gt-head", scan="a.nii.gz", sha256="0" * 64, slices=16))
    assert modes_of({"a": made(), "b": started}) == {"a": "full-body", "b": "gt-head"}


def test_volumes_of_two_models_make_no_set() -> None:
    """What an earlier checkpoint had left in the folder was measured as the later one's."""
    check_one_maker({"a": made(), "b": made()})
    check_one_maker({})
    earlier = replace(made(), model=Model(name="earlier", sha256="1" * 64))
    with pytest.raises(RequestError, match=r"of 2 models by their sidecars, such as a of .*, b of earlier: give those"):
        check_one_maker({"a": made(), "b": earlier})


def test_a_volume_that_is_not_finished_is_none_of_a_set() -> None:
    with pytest.raises(RequestError, match="1 of the fake volumes are not finished, first b"):
        check_one_maker({"a": made(), "b": made(complete=False)})


def test_generated_volumes_given_as_the_real_ones_are_noticed() -> None:
    check_not_swapped({}, {"a": made()})
    check_not_swapped({"a": made()}, {"a": made()})  # one model against another
    with pytest.raises(RequestError, match=r"generated 1 volumes of the real set.*exchange --real and --fake"):
        check_not_swapped({"a": made()}, {})
