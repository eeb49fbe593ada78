"""What each sentence did: by volumes whose every voxel is known, and what it costs, by the real sampler."""

from contextlib import closing

import numpy as np
import pytest

from ctflow.analysis.ablation import ChanceFloor, SentenceEffect, WholeReport, ablate
from ctflow.analysis.making import Progress
from ctflow.errors import RequestError
from ctflow.pipeline import CTFlow
from ctflow.reading import Mention
from ctflow.report import Report
from ctflow.request import GenerationRequest
from tests.analysis.painter import DRIFT_HU, LUNGS, SLICES, Painter, fill

EFFUSION, HEART, STABLE = "Right effusion.", "The heart is normal.", "All is stable."
RIGHT = Mention("effusion", True, "right", None, None)
LUNG_ML = 12 * 9 * 3 * SLICES * 3.0 * 1.5 * 1.5 / 1000  # of three chunks


def request(painter: Painter, *said: str, chunks: int = 3) -> GenerationRequest:
    return painter.card.request(Report(" ".join(said)), seed=1, chunks=chunks)


def effects(painter: Painter, *said: str, plain: bool = False) -> dict[tuple[str, str], SentenceEffect]:
    results = ablate(painter, request(painter, *said), seeds=2, plain=plain)
    return {(one.sentence, one.way): one for one in results if isinstance(one, SentenceEffect)}


def test_a_sentence_does_what_is_gone_without_it_and_where() -> None:
    found = effects(Painter({EFFUSION: fill(0, 20)}, grain=10, mentions=(RIGHT,)), EFFUSION, HEART)
    effusion, heart = found[EFFUSION, "shared"], found[HEART, "shared"]
    assert (effusion.difference[:, *LUNGS[0]] == 870).all(), "with it minus without it"
    assert not np.delete(effusion.difference, np.s_[5:14], axis=2).any()
    assert effusion.changed_ml == pytest.approx(LUNG_ML)
    assert [str(place) for place in effusion.places] == ["right"]
    assert effusion.inside_hu and effusion.inside_hu > 200 and effusion.outside_hu == 0
    assert not heart.difference.any() and heart.changed_ml == 0
    assert (heart.places, heart.inside_hu, heart.outside_hu) == ((), None, None)


def test_what_chance_changes_as_much_does_not_count() -> None:
    painter = Painter({EFFUSION: fill(0, -830)}, grain=200)
    effusion = effects(painter, EFFUSION, HEART)[EFFUSION, "shared"]
    assert (effusion.difference[:, *LUNGS[0]] == 20).all(), "the same seed has the same grain"
    assert effusion.changed_ml == 0


def test_with_shared_chunks_a_sentence_does_not_answer_for_what_previous_chunks_became() -> None:
    found = effects(Painter({}), STABLE, HEART, plain=True)
    assert not found[STABLE, "shared"].difference.any()
    plain = found[STABLE, "plain"].difference[:, 4, 4].reshape(3, SLICES)
    assert plain.tolist() == [[-DRIFT_HU * chunk] * SLICES for chunk in range(3)]


def test_the_floor_is_what_other_seeds_change_in_the_same_way() -> None:
    painter = Painter({}, grain=50)
    results = list(ablate(painter, request(painter, EFFUSION, HEART), seeds=3))
    (floor,) = (one for one in results if isinstance(one, ChanceFloor))
    assert floor.seeds == (2, 3, 4)
    assert floor.hu.shape == (3 * SLICES, 32, 32)
    body_ml = 24 * 28 * 3 * SLICES * 3.0 * 1.5 * 1.5 / 1000
    assert floor.changed_ml == pytest.approx(0.05 * body_ml, rel=0.2)
    assert 25 < floor.mean_hu < 45


def test_results_come_as_soon_as_they_are_there_and_stop_keeps_them() -> None:
    painter = Painter({EFFUSION: fill(0, 20)})
    with closing(ablate(painter, request(painter, EFFUSION, HEART), seeds=1)) as results:
        kept = []
        while not any(isinstance(one, SentenceEffect) for one in kept):
            kept.append(next(results))
        next(results)
    assert [type(one) for one in kept if not isinstance(one, Progress)] == [WholeReport, ChanceFloor, SentenceEffect]
    assert painter.closed == 1, "the volume in the making was stopped"


def test_time_left_follows_the_pace_and_a_volume_that_ended_early() -> None:
    painter = Painter({}, ends_after=1)
    seconds = iter(range(1000))
    results = list(ablate(painter, request(painter, EFFUSION, HEART), seeds=1, clock=lambda: float(next(seconds))))
    progress = [one for one in results if isinstance(one, Progress)]
    assert progress[0].total == 3 * 4 * 3, "as long as nothing is known"
    assert progress[-1].done == progress[-1].total == 3 * 4 and progress[-1].left_s == 0
    assert {one.doing for one in progress} == {"whole report", "seed 2", "sentence 1 of 2", "sentence 2 of 2"}
    assert all(one.left_s > 0 for one in progress[:-1])


@pytest.mark.parametrize("plain", [False, True])
def test_no_evaluation_is_made_twice(model: CTFlow, plain: bool) -> None:
    """n + 1 + k volumes, and in the plain way each one's chunks but the first once more."""
    report = Report("Large effusion. No effusion. Right effusion.")
    asked = model.card.request(report, seed=9, chunks=3)
    results = list(ablate(model, asked, seeds=2, plain=plain))
    volumes, steps = 3 + 1 + 2, 3
    expected = volumes * 3 * steps + plain * (volumes - 1) * 2 * steps
    progress = [one for one in results if isinstance(one, Progress)]
    assert len(progress) == progress[-1].done == progress[-1].total == progress[0].total == expected
    found = [one for one in results if isinstance(one, SentenceEffect)]
    assert [one.way for one in found] == (["shared", "plain"] if plain else ["shared"]) * 3
    for shared, other in zip(found[::2], found[1::2], strict=True) if plain else ():
        np.testing.assert_array_equal(shared.difference[:4], other.difference[:4])


def test_a_volume_of_one_chunk_has_no_other_way(model: CTFlow) -> None:
    results = ablate(model, model.card.request(Report("Effusion. Large heart."), seed=9, chunks=1), seeds=1, plain=True)
    assert {one.way for one in results if isinstance(one, SentenceEffect)} == {"shared"}


def test_sixty_sentences_are_left_out_one_by_one() -> None:
    said = [f"Finding {number}." for number in range(60)]
    found = effects(Painter({said[41]: fill(1, 20)}), *said)
    assert len(found) == 60
    assert [one.sentence for one in found.values() if one.changed_ml] == [said[41]]


@pytest.mark.parametrize(
    ("said", "seeds", "message"), [((HEART,), 3, "at least two"), ((HEART, STABLE), 0, "at least one")]
)
def test_what_cannot_be_asked_is_refused_before_anything_is_made(
    said: tuple[str, ...], seeds: int, message: str
) -> None:
    painter = Painter({})
    with pytest.raises(RequestError, match=message):
        next(ablate(painter, request(painter, *said), seeds))
