"""Oracles of the bound: torch's divergence, and a model whose likelihood is known exactly."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from hringur.generative.measures import importance_weighted
from hringur.generative.models.vae import VAE, VAEConfig, kl_from_standard_normal
from hringur.generative.pixels import LIKELIHOODS
from tests.generative.small_images import bars

TINY = VAEConfig(batch=16, channels=4, hidden=16, latent=2)


def test_the_rate_is_torchs_divergence():
    mean, scale = torch.randn(6, 4), torch.rand(6, 4) + 0.1
    theirs = kl_divergence(Normal(mean, scale), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(kl_from_standard_normal(mean, scale), theirs)


def test_the_loss_is_minus_the_mean_of_the_log_weights():
    """Two ways to the bound: the closed form of the rate, and log p(x, z) - log q(z|x)."""
    model = VAE(bars(), TINY, device="cpu")
    image = model.pixels(model.images.train[:4])
    with torch.no_grad():
        losses = torch.stack([model.loss(image)[0] for _ in range(200)])
    weights = model.log_weights(image, 200).mean(dim=1)
    error = (losses.std() + weights.std()).item() / 200**0.5
    assert abs(losses.mean().item() + weights.mean().item()) < 5 * error


def test_the_loss_has_the_gradient_of_the_bound():
    """Oracle: the ELBO by quadrature over a code of one number, and autograd through it."""
    config = VAEConfig(batch=16, channels=4, hidden=16, latent=1)
    model = VAE(bars(), config, device="cpu")
    image = model.pixels(model.images.train[:2])
    network = model.autoencoder.network
    weight = network.module.autoencoder.encoder.head.weight

    nodes = torch.linspace(-6, 6, 241)
    chance = Normal(0.0, 1.0).log_prob(nodes).softmax(dim=0)
    mean, scale = network.encode(image)
    latent = mean[None] + nodes[:, None, None] * scale[None]
    distortion = chance @ network.distortion(image, latent)  # B
    exact_loss = (distortion + kl_from_standard_normal(mean, scale)).mean()
    (exact,) = torch.autograd.grad(exact_loss, weight)

    repeats = 150
    grads = torch.stack(
        [torch.autograd.grad(model.loss(image)[0], weight)[0] for _ in range(repeats)]
    )
    error = grads.std(dim=0) / repeats**0.5
    assert ((grads.mean(dim=0) - exact).abs() < 5 * error + 1e-4).all()


def test_more_codes_give_a_tighter_bound():
    model = VAE(bars(), TINY, device="cpu")
    log_weight = model.log_weights(model.images.test[:8], 64)
    elbo, tighter = log_weight.mean(dim=0), importance_weighted(log_weight)
    assert (tighter >= elbo).all()


def test_the_importance_weighted_bound_reaches_a_known_likelihood():
    """p(z) = N(0, 1), p(x|z) = N(z, 1): p(x) = N(0, 2); q a little off."""
    x = torch.tensor([0.7])
    posterior = Normal(0.2, 0.9)
    z = posterior.sample(torch.Size([200_000, 1]))
    log_weight = Normal(0.0, 1.0).log_prob(z) + Normal(z, 1.0).log_prob(x) - posterior.log_prob(z)
    exact = Normal(0.0, math.sqrt(2)).log_prob(x)
    torch.testing.assert_close(importance_weighted(log_weight), exact, atol=0.01, rtol=0)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_every_likelihood_learns(likelihood):
    config = VAEConfig(batch=32, channels=8, hidden=32, latent=2, likelihood=likelihood, lr=5e-3)
    model = VAE(bars(), config, device="cpu")
    batches = model.batches()
    losses = [model.update(next(batches), 0.0)["train/loss"] for _ in range(40)]
    assert sum(losses[-5:]) < sum(losses[:5])
