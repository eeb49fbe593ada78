"""What an A-VAE is held to, on pictures of which the tests know the answer."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.training.avae.config import AvaeConfig
from ctflow.training.avae.discriminator import PatchDiscriminator, balance, deception_loss, discriminator_loss
from ctflow.training.avae.losses import AvaeLosses, TunedAvae, absolute_inside, edge_strength, midpoint_distance
from ctflow.training.avae.slices import PairSample
from ctflow.training.avae.training import pair_samples, tuned_avae
from ctflow.training.order import Place
from tests.tiny import CARD
from tests.training.avae.pairs import avae_config, avae_training

CPU = torch.device("cpu")


def halves(low: float, high: float, side: int = 8) -> Tensor:
    """(1, side, side): one half of one grey, the other of another."""
    picture = torch.full((1, side, side), low)
    picture[..., side // 2 :] = high
    return picture


def test_edges_are_where_the_grey_changes() -> None:
    strength = edge_strength(halves(0.2, 0.7))[0]
    assert strength[:, 3:5].allclose(torch.tensor(4 * 0.5)), "Sobel weighs a step by 1 + 2 + 1"
    assert strength[:, :3].abs().max() < 1e-5 and strength[:, 5:].abs().max() < 1e-5
    ramp = torch.linspace(0, 1, 11).expand(1, 6, 11)
    assert edge_strength(ramp)[0, :, 1:-1].allclose(torch.tensor(8 * 0.1))


def test_a_midpoint_that_is_one_of_the_ends_costs_nothing_and_another_is_held_to_the_nearer_end() -> None:
    first, second = halves(0.2, 0.7), halves(0.2, 0.9)
    ends = torch.stack([first, second], dim=1)

    def distance(between: Tensor, edges_above: float = 0.1) -> float:
        return midpoint_distance(between, ends, absolute_inside, edges_above).item()

    assert distance(first) == distance(second) == 0
    # Inside the first one's edges, half of the pixels are dark: only the bright half is wrong.
    assert distance(halves(0.2, 0.75)) == pytest.approx(0.05 / 2)
    assert distance(halves(0.2, 0.86)) == pytest.approx(0.04 / 2)
    assert distance(torch.zeros_like(first), edges_above=10) == 0, "where there is no edge, nothing is held"


def test_outside_edges_a_midpoint_may_be_anything() -> None:
    end, between = halves(0.2, 0.7), halves(0.2, 0.7)
    between[..., 0] = 1.0
    assert midpoint_distance(between, torch.stack([end, end], 1), absolute_inside, 0.1).item() == 0


def discriminator() -> PatchDiscriminator:
    torch.manual_seed(0)
    return PatchDiscriminator(width=8, layers=2)


def test_the_discriminator_and_the_decoder_learn_by_losses_of_their_own() -> None:
    judge = discriminator()
    real, decoded = torch.zeros(2, 1, 16, 16), torch.rand(2, 1, 16, 16, requires_grad=True)
    discriminator_loss(judge, real, decoded).backward()
    assert decoded.grad is None
    learnt = [parameter.grad.clone() for parameter in judge.parameters() if parameter.grad is not None]
    assert any(gradient.abs().max() > 0 for gradient in learnt)
    deception_loss(judge, decoded).backward()
    assert decoded.grad is not None and decoded.grad.abs().max() > 0
    after = [parameter.grad for parameter in judge.parameters() if parameter.grad is not None]
    assert all(map(torch.equal, learnt, after))


def test_a_discriminator_that_learns_tells_real_from_decoded() -> None:
    judge = discriminator()
    torch.manual_seed(1)
    real, decoded = torch.rand(4, 1, 16, 16), torch.rand(4, 1, 16, 16) / 4
    optimizer = torch.optim.Adam(judge.parameters(), lr=1e-2)
    assert discriminator_loss(judge, real, decoded).item() == pytest.approx(1, abs=0.1), "it begins without an opinion"
    for _ in range(20):
        optimizer.zero_grad()
        loss = discriminator_loss(judge, real, decoded)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5


def test_balance_makes_two_gradients_as_long_as_each_other() -> None:
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    held, gained = 6 * weight.sum(), 2 * weight.sum()
    assert balance(held, gained, weight).item() == pytest.approx(3, rel=1e-3)


def batch_of(folder: Path, config: AvaeConfig, step: int) -> tuple[TunedAvae, PairSample]:
    training = avae_training(folder, config)
    network = tuned_avae(training.model, config)
    samples = pair_samples(training, CARD, network.avae)
    return network, default_collate([samples[Place(step, number)] for number in range(2)])


@pytest.mark.parametrize(("step", "there"), [(0, set()), (5, {"kl", "midpoint"}), (10, {"kl", "midpoint"})])
def test_weights_rise_between_the_steps_that_the_config_names(tmp_path: Path, step: int, there: set[str]) -> None:
    ramp = {"kl_begins": 0, "kl_full": 10, "midpoint_begins": 0, "midpoint_full": 10}
    config = avae_config(losses=ramp, adversarial={"begins": 100})
    network, batch = batch_of(tmp_path, config, step)
    found = AvaeLosses(config, CARD.intensity, None)(network, CPU, batch)
    assert {name for name, value in found.items() if value.item() > 0} == {"absolute"} | there
    full = AvaeLosses(avae_config(losses={"kl_full": 0}), CARD.intensity, None)(network, CPU, batch)
    assert found["kl"].item() == pytest.approx(full["kl"].item() * step / 10)


def test_a_decoder_that_is_trained_alone_leaves_the_code_as_it_is(tmp_path: Path) -> None:
    config = avae_config(losses={"trained": "decoder"})
    network, batch = batch_of(tmp_path, config, step=2)
    losses = AvaeLosses(config, CARD.intensity, None)(network, CPU, batch)
    torch.stack(list(losses.values())).sum().backward()
    assert all(parameter.grad is None for parameter in network.avae.encoder.parameters())
    assert all(parameter.grad is not None for parameter in network.avae.decoder.parameters())
    assert network.discriminator is not None
    assert all(parameter.grad is not None for parameter in network.discriminator.parameters())


def test_in_bf16_the_losses_are_nearly_those_of_float32(tmp_path: Path) -> None:
    network, batch = batch_of(tmp_path, avae_config(), step=2)
    losses = AvaeLosses(avae_config(), CARD.intensity, None)
    whole = losses(network, CPU, batch)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = losses(network, CPU, batch)
    torch.stack(list(rounded.values())).sum().backward()
    for name in ("absolute", "kl", "midpoint", "discriminator"):
        assert rounded[name].item() == pytest.approx(whole[name].item(), rel=0.1), name


def test_an_avae_of_three_channels_as_flux_has_it_is_held_in_all_of_them(tmp_path: Path) -> None:
    config = avae_config(losses={"kl": 0.0, "midpoint": 0.0}, adversarial={"weight": 0.0})
    network, batch = batch_of(tmp_path, config, step=2)
    three = replace(network.avae.config, in_channels=3, out_channels=3, mid_block_add_attention=True)
    flux = TunedAvae(AutoencoderKL(three), None)
    losses = AvaeLosses(config, CARD.intensity, None)(flux, CPU, batch)
    assert {name for name, value in losses.items() if value.item() > 0} == {"absolute"}
    losses["absolute"].backward()
    gradient = flux.avae.decoder.conv_out.bias.grad
    assert gradient is not None and gradient.shape == (3,) and (gradient != 0).all()
