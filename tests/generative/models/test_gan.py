"""Oracles of the game: Goodfellow's formula, the sign of each network's step, the monitor."""

import pytest
import torch
from torch.nn import functional as F

from hringur.generative.adversarial import R1_INTERVAL, CollapseMonitor, r1_penalty
from hringur.generative.models.gan import GAN, GANConfig, discriminator_loss, generator_loss
from tests.generative.small_images import bars

TINY = GANConfig(batch=16, channels=4, hidden=16, latent=3, r1_penalty=0.0)


def test_the_losses_are_goodfellows_formula():
    real, made = torch.randn(5), torch.randn(5)
    chance_real, chance_made = real.sigmoid(), made.sigmoid()
    value = chance_real.log().mean() + (1 - chance_made).log().mean()  # D maximises it
    torch.testing.assert_close(discriminator_loss(real, made), -value)
    torch.testing.assert_close(generator_loss(made), -chance_made.log().mean())  # non-saturating
    labels = torch.cat([torch.ones(5), torch.zeros(5)])
    theirs = 2 * F.binary_cross_entropy_with_logits(torch.cat([real, made]), labels)
    torch.testing.assert_close(discriminator_loss(real, made), theirs)


def test_both_losses_pull_in_their_own_directions():
    """A step raises D on real images and lowers it on made ones, then G raises D on made ones."""
    real, made = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    discriminator_loss(real, made).backward()
    assert (real.grad < 0).all() and (made.grad > 0).all()  # descent goes the other way
    logits = torch.zeros(4, requires_grad=True)
    generator_loss(logits).backward()
    assert (logits.grad < 0).all()


def test_at_the_fixed_point_the_value_is_minus_log_four():
    """Goodfellow et al. 2014, theorem 1: D = 1/2 everywhere."""
    assert discriminator_loss(torch.zeros(3), torch.zeros(3)).item() == pytest.approx(
        torch.tensor(4.0).log().item()
    )


def test_the_generators_step_leaves_the_critic_alone_and_the_other_way_round():
    model = GAN(bars(), TINY, device="cpu")
    batch = next(model.batches())
    steps = {}

    def watched(name, stepping):
        def step(loss, *rest):
            others = [network for other, network in model.networks.items() if other != name]
            before = [
                weight.clone() for network in others for weight in network.module.parameters()
            ]
            norm = stepping(loss, *rest)
            after = [weight for network in others for weight in network.module.parameters()]
            steps[name] = all(map(torch.equal, before, after))
            return norm

        return step

    for name, network in model.networks.items():
        network.step = watched(name, network.step)
    model.update(batch, 0.0)
    assert steps == {"critic": True, "generator": True}
    assert all(weight.requires_grad for weight in model.critic.module.parameters())


def test_the_r1_penalty_is_the_mean_squared_gradient():
    """Oracle: finite differences of the critic, pixel by pixel."""
    model = GAN(
        bars(), GANConfig(batch=16, channels=4, hidden=16, latent=3, r1_penalty=1.0), device="cpu"
    )
    critic = model.critic.network
    model.critic.module.double()
    image = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    eps, squares = 1e-6, torch.zeros(2, dtype=torch.float64)
    for row in range(8):
        for column in range(8):
            nudge = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
            nudge[0, 0, row, column] = eps
            slope = (critic(image + nudge) - critic(image - nudge))[:, 0] / (2 * eps)
            squares += slope.detach().square()
    penalty = 0.5 * R1_INTERVAL * r1_penalty(lambda image: critic(image)[:, 0], image)
    assert penalty.item() == pytest.approx(0.5 * 8 * squares.mean().item(), rel=1e-5)


def test_a_critic_of_one_output_ends_the_training():
    monitor = CollapseMonitor(patience=3)
    monitor.check(torch.ones(4), torch.ones(4))
    monitor.check(torch.ones(4), torch.zeros(4))  # recovers
    monitor.check(torch.ones(4), torch.ones(4))
    monitor.check(torch.ones(4), torch.ones(4))
    with pytest.raises(FloatingPointError, match="collapsed: one output, 1, for every image"):
        monitor.check(torch.ones(4), torch.ones(4))


def test_a_critic_that_separates_all_ends_the_training():
    monitor = CollapseMonitor(patience=2)
    monitor.check(torch.full((4,), 40.0), torch.zeros(4))
    with pytest.raises(FloatingPointError, match="won: .* 40 or more"):
        monitor.check(torch.full((4,), 40.0), torch.zeros(4))


def test_a_dead_critic_is_seen_in_training():
    model = GAN(bars(), TINY, device="cpu")
    model.monitor = CollapseMonitor(patience=4)
    with torch.no_grad():
        for weight in model.critic.module.parameters():
            weight.zero_()
    batches = model.batches()
    for group in model.critic.optimizer.param_groups:
        group["lr"] = 0.0
    model.critic.lr = 0.0
    with pytest.raises(FloatingPointError, match="collapsed"):
        for _ in range(5):
            model.update(next(batches), 0.0)
