"""Oracles of the discrepancy: a double loop, and what it must be where nothing differs."""

import math

import pytest
import torch
from scipy.integrate import quad
from scipy.special import gamma

from hringur.divergences.kernels import (
    AUTHORS,
    Kernels,
    mmd,
    mmd_to_normal,
    moments_gap,
    squared_distances,
)
from hringur.generative.models.wae_mmd import WAEMMDConfig

KERNELS = [
    AUTHORS,
    WAEMMDConfig().kernels,
    Kernels((0.05, 0.1, 0.5), power=2.0),
    Kernels((0.3,), power=2.5),
]


def double_loop(x, y, kernels):
    """Straight from Gretton et al. 2012, eq. 3, one pair at a time."""

    def kernel(a, b):
        distance = sum((float(p) - float(q)) ** 2 for p, q in zip(a, b, strict=True))
        constants = [2 * len(a) * scale for scale in kernels.scales]
        return sum((c / (c + distance)) ** kernels.power for c in constants)

    n, m = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j)
    within_y = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j)
    between = sum(kernel(a, b) for a in x for b in y)
    return within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * between / (n * m)


@pytest.mark.parametrize("kernels", KERNELS)
def test_it_is_the_double_loop(kernels):
    x, y = torch.randn(7, 3, dtype=torch.float64), 1 + torch.randn(5, 3, dtype=torch.float64)
    expected = double_loop(x.tolist(), y.tolist(), kernels)
    assert mmd(x, y, kernels).item() == pytest.approx(expected, rel=1e-9)


def test_far_from_the_origin_it_is_the_same():
    x, y = torch.randint(-3, 4, (40, 3)).float(), torch.randint(-2, 5, (40, 3)).float()
    assert mmd(x + 4096, y + 4096).item() == pytest.approx(mmd(x, y).item(), rel=1e-9)


def to_draws(code):
    return mmd(code, torch.randn_like(code))


@pytest.mark.parametrize("estimate", [to_draws, mmd_to_normal])
def test_it_is_zero_on_average_and_takes_both_signs_where_the_laws_agree(estimate):
    found = torch.stack([estimate(torch.randn(20, 4)) for _ in range(300)])
    error = found.std() / len(found) ** 0.5
    assert found.mean().abs() < 4 * error
    assert 0.3 < (found < 0).float().mean() < 0.8


def test_it_grows_with_the_distance_of_the_laws():
    x = torch.randn(200, 4)
    near, far = (mmd(x + shift, torch.randn(200, 4)) for shift in (0.5, 2.0))
    assert 0 < near < far


@pytest.mark.parametrize("estimate", [to_draws, mmd_to_normal])
def test_following_it_leads_codes_to_the_prior(estimate):
    """A sign or a missing term would drive them away or into one point."""
    code, prior = (3 + 0.1 * torch.randn(128, 2)).requires_grad_(), torch.randn(1000, 2)
    before = mmd(code.detach(), prior)
    optimizer = torch.optim.Adam([code], lr=0.05)
    for _ in range(120):
        optimizer.zero_grad()
        estimate(code).backward()
        optimizer.step()
    assert mmd(code.detach(), prior) < 0.05 * before


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("latent", [2, 16])
def test_the_normal_laws_own_terms_are_the_integrals(latent, kernels):
    """Two codes: what is left of the estimate once their own kernel is taken off."""
    code, power = torch.randn(2, latent, dtype=torch.float64), kernels.power

    def integral(factor, squared):
        constants = [2 * latent * scale for scale in kernels.scales]
        return sum(
            quad(
                lambda t, c=c: t ** (power - 1) / gamma(power)
                * math.exp(-t - squared * t / (c + factor * t))
                * (1 + factor * t / c) ** (-latent / 2),
                0, math.inf,
            )[0]
            for c in constants
        )  # fmt: skip

    to_prior = sum(integral(2, norm) for norm in code.square().sum(dim=1).tolist()) / 2
    apart = (code[0] - code[1]).square().sum().item()
    own = sum((2 * latent * s / (2 * latent * s + apart)) ** power for s in kernels.scales)
    expected = own - 2 * to_prior + integral(4, 0.0)
    assert mmd_to_normal(code, kernels).item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("kernels", KERNELS)
def test_the_law_itself_is_what_many_draws_of_it_come_to(kernels):
    code = 0.5 + 0.8 * torch.randn(300, 4)
    drawn = torch.stack([mmd(code, torch.randn(300, 4), kernels) for _ in range(300)])
    error = drawn.std().item() / len(drawn) ** 0.5
    assert mmd_to_normal(code, kernels).item() == pytest.approx(drawn.mean().item(), abs=4 * error)
    assert error < 0.01 * drawn.mean()


def test_moments_gap_is_that_of_mean_and_covariance():
    code = torch.randn(50, 3, dtype=torch.float64) * 2 + 1
    gap = (torch.cov(code.T) - torch.eye(3)).square().sum() + code.mean(dim=0).square().sum()
    assert moments_gap(code).item() == pytest.approx(gap.item(), rel=1e-9)


def test_squared_distances_are_those_of_cdist():
    x, y = torch.randn(6, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    torch.testing.assert_close(squared_distances(x, y), torch.cdist(x, y).square())
