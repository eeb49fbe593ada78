"""Training of the transformer: which chunks are drawn, and which errors count."""

import numpy as np
import pytest
import torch

from ctflow.demo.latents import LatentSet, pad
from ctflow.demo.sizes import SMOKE, transformer_config
from ctflow.demo.transformer import (
    DIFFERENCE_SHARE,
    Batch,
    Lessons,
    chunk_losses,
    difference_weight,
    draw_batch,
    draw_starts,
    split_losses,
    study_difference,
)
from ctflow.models.stdit import STDiT


def test_what_differs_between_a_persons_studies_counts_apart_from_what_does_not() -> None:
    person, finding = torch.randn(3, 1, 4, generator=torch.Generator().manual_seed(0)), torch.ones(3, 1, 4)
    alike, unlike = torch.cat([person, person], 1).flatten(0, 1), torch.cat([finding, -finding], 1).flatten(0, 1)
    losses = split_losses(alike + unlike, torch.tensor([1.0, 2.0, 6.0]))
    assert losses["common"].item() == pytest.approx(person.square().mean().item())
    assert losses["difference"].item() == pytest.approx(3.0)


def test_an_error_counts_more_where_the_reports_say_that_studies_differ_little() -> None:
    report_facts, difference = np.zeros((40, 2)), np.full((20, 5), 1e-9)
    report_facts[0:20:2, 0], report_facts[20::2, 1] = 1.0, 1.0  # a large finding in ten persons, a small one in ten
    difference[:10, 2], difference[10:, 2] = 1.0, 0.01
    difference[0], difference[10] = 0.0001, 1.0  # one of each is not as its reports say
    large, small = difference_weight(report_facts, difference)[[0, 10]]
    assert small > 2 * large, "not by how they are, but by how most are"


def latent_set(studies: list[torch.Tensor], chunk: int) -> LatentSet:
    black, white = torch.full((1, 2, 2), -1.0), torch.full((1, 2, 2), 1.0)
    padded, slices = pad(studies, black, white, chunk)
    count = len(studies)
    return LatentSet(
        padded=padded,
        slices=slices,
        chunk=chunk,
        black=black,
        white=white,
        texts=torch.ones(count, 1, 3),
        report_facts=np.zeros((count, 1)),
        person_odds=np.full(count // 2, 2 / count),
    )


def test_before_a_volume_is_black_and_after_it_white() -> None:
    short, long = torch.zeros(1, 5, 2, 2), torch.arange(9.0).expand(1, 2, 2, 9).permute(0, 3, 1, 2)
    data = latent_set([short, long], 4)
    first, last, beyond = data.windows(np.array([1, 1, 0]), np.array([-4, 5, 8]), 8)[:, 0, :, 0, 0].tolist()
    assert first == [-1, -1, -1, -1, 0, 1, 2, 3]
    assert last == [5, 6, 7, 8, 1, 1, 1, 1]
    assert beyond == [1] * 8


def test_a_batch_shows_both_studies_of_a_person_under_the_same_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    data = latent_set([torch.randn(1, 10, 2, 2, generator=generator) for _ in range(4)], 4)
    batch = draw_batch(data, study_difference(data), 6, np.random.default_rng(0))
    again = draw_batch(data, study_difference(data), 6, np.random.default_rng(0))
    assert all(torch.equal(one, other) for one, other in zip(batch, again, strict=True))
    assert batch.chunk.shape == batch.previous.shape == (12, 1, 4, 2, 2)
    t = batch.t.view(-1, 1, 1, 1, 1)
    assert torch.allclose(batch.point, (1 - t) * batch.chunk + t * batch.noise, atol=1e-4)
    for shared in (t, batch.noise, batch.text):
        assert torch.equal(shared[::2], shared[1::2])
    assert not torch.equal(batch.chunk[::2], batch.chunk[1::2])


def test_chunks_are_drawn_more_often_where_the_studies_differ() -> None:
    same, other = torch.zeros(2, 1, 30, 2, 2)
    other[:, 25] = 1
    difference = study_difference(latent_set([same, other], 8))
    assert difference.shape == (1, 30) and difference[0].argmax() == 25
    starts = draw_starts(difference.repeat(2000, axis=0), 8, np.random.default_rng(0))
    later = starts[starts > 0]
    assert np.mean((later <= 25) & (later > 25 - 8)) > DIFFERENCE_SHARE + 0.1
    assert set(range(0, 40, 8)) <= set(starts.tolist()), "and all others at times, the white one after the end too"


def random_set(persons: int) -> LatentSet:
    generator = torch.Generator().manual_seed(0)
    return latent_set([torch.randn(1, 10, 2, 2, generator=generator) for _ in range(2 * persons)], 4)


def test_lessons_say_from_which_step_on_there_were_how_many_persons() -> None:
    coming = {3: random_set(4), 7: random_set(6)}
    step = 0
    lessons = Lessons(random_set(2), lambda: coming.get(step))
    for step in range(10):
        lessons.grow(step)
        persons = 2 if step < 3 else 4 if step < 7 else 6
        assert len(lessons.data.person_odds) == len(lessons.by_person) == len(lessons.difference) == persons
    assert lessons.growth == [(0, 2), (3, 4), (7, 6)]
    again = Lessons(random_set(6), lambda: None)
    again.load_state_dict(lessons.state_dict())
    again.grow(10)
    assert again.growth == [(0, 2), (3, 4), (7, 6), (10, 6)]


def test_what_is_drawn_is_a_function_of_the_seed_and_of_how_many_there_are() -> None:
    lessons = Lessons(random_set(2), iter([random_set(4)]).__next__)
    lessons.grow(0)
    found, expected = (
        draw_batch(data, difference, 6, np.random.default_rng(5))
        for data, difference in ((lessons.data, lessons.difference), (random_set(4), study_difference(random_set(4))))
    )
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.slow
def test_model_and_losses_are_one_graph_which_a_gpu_can_be_given_whole() -> None:
    """Without a compiler: only that nothing breaks the graph, forwards and backwards, and that it computes the same."""
    config = transformer_config(SMOKE)
    torch.manual_seed(0)
    model = STDiT(config)
    shape = (4, config.out_channels, *config.input_size)
    drawn = Batch(
        chunk=torch.randn(shape),
        noise=torch.randn(shape),
        point=torch.randn(shape),
        previous=torch.randn(shape),
        text=torch.randn(4, 1, config.caption_channels),
        t=torch.rand(4),
        persons=torch.arange(2),
    )
    weight, by_person = torch.rand(1, config.out_channels, *config.input_size), torch.rand(2)
    gradients = []
    for compute in (chunk_losses, torch.compile(chunk_losses, backend="aot_eager", fullgraph=True)):
        model.zero_grad()
        torch.stack(list(compute(model, drawn, weight, by_person).values())).sum().backward()
        gradients.append({name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None})
    eager, compiled = gradients
    assert eager.keys() == compiled.keys() and len(eager) > 20
    for name, gradient in eager.items():
        assert torch.allclose(gradient, compiled[name], rtol=1e-3, atol=1e-5), name
