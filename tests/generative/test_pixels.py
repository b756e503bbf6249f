"""Oracles of the pixels' likelihoods: torch.distributions, integrals and sums."""

import math

import pytest
import torch
from torch.distributions import ContinuousBernoulli, Normal

from hringur.generative.pixels import LIKELIHOODS, PixelLikelihood, distance, log_normaliser


def pixel(value, logit, name, log_scale=-1.5):
    """-log p of a single pixel."""
    likelihood = PixelLikelihood(name).double()
    if hasattr(likelihood, "log_scale"):
        torch.nn.init.constant_(likelihood.log_scale, log_scale)
    value = torch.as_tensor(value, dtype=torch.float64).reshape(-1, 1, 1, 1)
    logit = torch.full_like(value, logit)
    return likelihood(value, logit).detach()


@pytest.mark.parametrize("logit", [-3.0, 0.0, 0.01, 0.5, 8.0])
def test_the_continuous_bernoulli_is_torchs(logit):
    values = torch.linspace(0, 1, 5, dtype=torch.float64)
    theirs = ContinuousBernoulli(logits=torch.tensor(logit, dtype=torch.float64)).log_prob(values)
    torch.testing.assert_close(
        pixel(values, logit, "continuous-bernoulli"), -theirs, atol=1e-5, rtol=0
    )


def test_the_normaliser_has_a_gradient_at_zero():
    logits = torch.tensor([0.0, 0.019999, 0.020001], requires_grad=True)
    log_normaliser(logits).sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all()
    assert log_normaliser(torch.zeros(1)).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("name", ["continuous-bernoulli", "gaussian"])
def test_a_density_integrates_to_one(name):
    """The gaussian one is narrow enough here to lie within 0 .. 1."""
    values = torch.linspace(0, 1, 20_001, dtype=torch.float64)
    density = (-pixel(values, 0.2, name, log_scale=-3.0)).exp()
    assert torch.trapezoid(density, values).item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("logit, log_scale", [(0.0, -1.0), (-6.0, -2.0), (5.0, -6.0)])
def test_the_256_chances_of_a_byte_sum_to_one(logit, log_scale):
    values = torch.arange(256, dtype=torch.float64) / 255
    chances = (-pixel(values, logit, "logistic", log_scale)).exp()
    assert chances.sum().item() == pytest.approx(1, abs=1e-9)


def test_the_gaussian_is_torchs():
    theirs = Normal(torch.tensor(0.3).logit().sigmoid(), math.exp(-1.5)).log_prob(torch.tensor(0.7))
    ours = pixel([0.7], torch.tensor(0.3).logit().item(), "gaussian")
    assert ours.item() == pytest.approx(-theirs.item(), rel=1e-5)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_pixels_add_up_and_the_gradient_is_finite(name):
    likelihood = PixelLikelihood(name)
    image, logits = (
        torch.rand(2, 3, 1, 4, 4).round(),
        (20 * torch.randn(2, 3, 1, 4, 4)).requires_grad_(),
    )
    cost = likelihood(image, logits)
    assert cost.shape == (2, 3)
    cost.sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_distances():
    image, logits = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), torch.zeros(1, 1, 1, 2)
    assert distance("squared", image, logits).item() == pytest.approx(0.5)
    assert distance("absolute", image, logits).item() == pytest.approx(1.0)
    assert distance("cross-entropy", image, logits).item() == pytest.approx(2 * math.log(2))
