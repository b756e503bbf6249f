"""Oracles of the critic: finite differences for its slope, a line for its dual."""

import pytest
import torch
from torch.nn import functional as F

from hringur.generative.models.wgan_gp import WGANGP, WGANGPConfig, gradient_penalty
from hringur.types import UserError
from tests.generative.small_images import bars

TINY = WGANGPConfig(batch=8, channels=4, hidden=16, latent=3)


def test_the_gradient_penalty_is_that_of_finite_differences():
    weight = torch.randn(4, 9, dtype=torch.float64)

    def critic(points):
        return (points.flatten(1) @ weight.T).tanh().sum(dim=1)

    points = torch.randn(6, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    penalty = gradient_penalty(critic(points), points)
    eps, norms = 1e-6, []
    for point in points.detach():
        nudges = eps * torch.eye(9, dtype=torch.float64).view(9, 1, 3, 3)
        slope = (critic(point + nudges) - critic(point - nudges)) / (2 * eps)
        norms.append(slope.norm())
    expected = (torch.stack(norms) - 1).square().mean()
    assert penalty.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_linear_critic_has_the_slope_of_its_weights():
    direction = torch.tensor([3.0, 4.0]).view(1, 1, 1, 2)
    points = torch.rand(5, 1, 1, 2, requires_grad=True)
    verdict = (points * direction).sum(dim=(1, 2, 3))
    assert gradient_penalty(verdict, points).item() == pytest.approx((5 - 1) ** 2)


def test_the_critics_loss_falls_where_real_images_are_rated_higher():
    model = WGANGP(bars(), TINY, device="cpu")
    batch = next(model.batches())
    made = torch.rand_like(batch.image)
    for _ in range(40):
        loss, metrics = model.critic_loss(batch.image, made, None)
        model.critic.step(loss)
    verdict = model.critic.network(torch.cat([batch.image, made]), None)
    real, fake = verdict.detach().chunk(2)
    assert real.mean() > fake.mean() + 0.1
    assert metrics["critic/distance"] > 0


def test_a_slope_that_is_looked_at_less_often_counts_for_all_the_steps():
    every = {"batch": 8, "channels": 4, "hidden": 16, "latent": 3, "penalty_every": 3}
    model = WGANGP(bars(), WGANGPConfig(**every), device="cpu")
    batch = next(model.batches())
    made, looked = torch.rand_like(batch.image), []
    for _ in range(7):
        loss, metrics = model.critic_loss(batch.image, made, None)
        slope = metrics.get("critic/gradient_penalty", 0.0)
        expected = 3 * 10 * slope - metrics["critic/distance"]
        assert loss.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)
        looked.append("critic/gradient_penalty" in metrics)
        model.critic.step(loss)
    assert looked == [True, False, False, True, False, False, True]


def test_the_generator_moves_once_for_so_many_steps_of_the_critic():
    model = WGANGP(
        bars(), WGANGPConfig(batch=8, channels=4, hidden=16, latent=3, critic_steps=3), device="cpu"
    )
    batches = model.batches()
    moves = []
    for _ in range(7):
        moves.append("train/loss" in model.update(next(batches), 0.0))
    assert moves == [False, False, True, False, False, True, False]
    assert (model.critic.updates, model.generator.updates) == (7, 2)


def test_conditional_networks_see_the_class():
    config = WGANGPConfig(batch=8, channels=4, hidden=16, latent=3, conditional=True)
    model = WGANGP(bars(), config, device="cpu")
    batches = model.batches()
    for _ in range(4):
        model.update(next(batches), 0.0)
    noise = torch.randn(1, 3).repeat(2, 1)
    both = model.decode(torch.cat([noise, F.one_hot(torch.tensor([0, 1]), 2).float()], dim=1))
    assert not torch.equal(both[0], both[1])
    image = next(batches).image[:2]
    zeros, ones = torch.zeros(2, dtype=torch.long), torch.ones(2, dtype=torch.long)
    assert not torch.equal(model.critic.network(image, zeros), model.critic.network(image, ones))
    assert model.sample_class(1, 3).shape == (3, 1, 8, 8)
    assert model.prior(4, torch.Generator())[:, 3:].argmax(dim=1).tolist() == [0, 1, 0, 1]
    with pytest.raises(UserError, match="2 classes, got 2"):
        model.sample_class(2, 1)


def test_an_unconditional_model_has_no_class_to_ask_for():
    with pytest.raises(UserError, match="label must be one of the model's 0 classes"):
        WGANGP(bars(), TINY, device="cpu").sample_class(0, 1)
