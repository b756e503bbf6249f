"""Oracles of the measures: closed forms, loops over pairs, permutations."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from hringur.divergences import features as generative_metrics
from hringur.divergences.features import (
    Neighbourhoods,
    confident_share,
    exact_transport,
    frechet_between,
    frechet_distance,
    kernel_distance,
    neighbourhoods,
    reconstruction_error,
)
from hringur.types import MissingExtra, UserError


def vectors(count, size, shift=0.0, stretch=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return shift + stretch * torch.randn(count, size, generator=generator)


def test_frechet_distance_of_normal_laws_with_commuting_covariances_has_a_closed_form():
    mean = torch.tensor([1.0, -2.0, 0.5]).double()
    a, b = torch.tensor([1.0, 4.0, 0.25]).double(), torch.tensor([9.0, 1.0, 0.0]).double()
    turn, _ = torch.linalg.qr(vectors(3, 3).double())
    closed = mean.square().sum() + (a.sqrt() - b.sqrt()).square().sum()
    found = frechet_between(
        torch.zeros(3).double(), turn @ a.diag() @ turn.T, turn @ mean, turn @ b.diag() @ turn.T
    )
    assert found == pytest.approx(closed.item(), rel=1e-6)


def test_frechet_distance_agrees_with_a_matrix_root_by_scipy():
    from scipy.linalg import sqrtm

    x, y = vectors(80, 6) @ vectors(6, 6, seed=2), vectors(70, 6, 0.3, 1.5, seed=1)
    sx, sy = np.cov(x.double().numpy().T), np.cov(y.double().numpy().T)
    mean = (x.double().mean(0) - y.double().mean(0)).square().sum().item()
    expected = mean + np.trace(sx + sy - 2 * sqrtm(sx @ sy).real)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_of_a_set_from_itself_is_nothing_even_in_few_dimensions():
    x = vectors(30, 4) @ torch.diag(torch.tensor([1.0, 2.0, 0.0, 0.0]))  # singular
    assert frechet_distance(x, x) == pytest.approx(0.0, abs=1e-6)
    assert frechet_distance(x, x + 3) == pytest.approx(4 * 9, rel=1e-5)


def test_kernel_distance_agrees_with_a_loop_over_pairs(monkeypatch):
    monkeypatch.setattr(generative_metrics, "CHUNK", 3)  # the last chunk is a shorter one
    x, y = vectors(8, 3).double(), vectors(7, 3, 0.5, seed=1).double()

    def kernel(a, b):
        return (float(a @ b) / 3 + 1) ** 3

    within = [
        sum(kernel(a, b) for a, b in itertools.permutations(z, 2)) / (len(z) * (len(z) - 1))
        for z in (x, y)
    ]
    between = sum(kernel(a, b) for a in x for b in y) / (len(x) * len(y))
    assert kernel_distance(x, y) == pytest.approx(sum(within) - 2 * between, rel=1e-10)


def test_kernel_distance_is_unbiased():
    """E k under two normal laws in one dimension, from their moments."""
    shift = 0.7
    moments_x, moments_y = (1, 0, 1, 0), (1, shift, 1 + shift**2, 3 * shift + shift**3)
    exact = sum(
        math.comb(3, k) * (mx - my) ** 2
        for k, (mx, my) in enumerate(zip(moments_x, moments_y, strict=True))
    )
    x, y = vectors(30 * 400, 1).split(30), vectors(30 * 400, 1, shift, seed=1).split(30)
    each = torch.tensor([kernel_distance(a, b) for a, b in zip(x, y, strict=True)])
    error = each.std() / len(each) ** 0.5
    assert abs(each.mean() - exact) < 4 * error and error < 0.2 * exact


def by_loops(real, made, k_precision, k_coverage):
    """The definitions, pair by pair, in double precision."""
    real, made = real.double().numpy(), made.double().numpy()

    def radius(z, index, k):
        others = [np.linalg.norm(z[index] - z[j]) for j in range(len(z)) if j != index]
        return sorted(others)[k - 1]

    def inside(point, z, k):
        return [np.linalg.norm(point - z[i]) <= radius(z, i, k) for i in range(len(z))]

    precision = np.mean([any(inside(point, real, k_precision)) for point in made])
    recall = np.mean([any(inside(point, made, k_precision)) for point in real])
    membership = np.array([inside(point, real, k_coverage) for point in made])  # M N
    density = membership.sum() / (k_coverage * len(made))
    return Neighbourhoods(precision, recall, density, membership.any(axis=0).mean())


@pytest.mark.parametrize("k_precision, k_coverage", [(3, 5), (1, 2), (4, 1)])
def test_neighbourhoods_agree_with_loops(k_precision, k_coverage, monkeypatch):
    monkeypatch.setattr(generative_metrics, "CHUNK", 7)
    real, made = vectors(30, 2), vectors(24, 2, 0.8, 0.7, seed=1)
    ours = neighbourhoods(real, made, k_precision, k_coverage)
    expected = by_loops(real, made, k_precision, k_coverage)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(ours, name) == pytest.approx(getattr(expected, name), abs=1e-6), name
        assert 0 < getattr(ours, name) < 1 or name == "density"


def test_one_image_again_and_again_is_precise_and_covers_nothing():
    real = vectors(200, 8)
    made = real[:1].repeat(200, 1) + 1e-3 * vectors(200, 8, seed=1)
    found = neighbourhoods(real, made)
    assert found.precision == 1 and found.recall < 0.02 and found.coverage < 0.1


def test_samples_of_the_same_law_cover_it_and_those_from_elsewhere_do_not():
    real, same = vectors(1000, 8), vectors(1000, 8, seed=1)
    near, far = neighbourhoods(real, same), neighbourhoods(real, same + 50)
    # Naeem et al. 2020, eq. 9: the expected coverage is 1 - 2^-k in the limit
    assert near.coverage == pytest.approx(1 - 0.5**5, abs=0.03)
    assert near.density == pytest.approx(1, abs=0.1)
    assert far == Neighbourhoods(0.0, 0.0, 0.0, 0.0)


def test_the_confident_share_counts_images():
    chances = torch.tensor([[0.95, 0.05], [0.5, 0.5], [0.0, 1.0], [0.9, 0.1]])
    assert confident_share(chances) == 0.5  # 0.9 is not more than 0.9
    assert confident_share(chances, 0.5) == 0.75


def test_the_reconstruction_error_sums_over_pixels():
    image = torch.zeros(3, 2, 2, 2)
    rebuilt = torch.stack([torch.full((2, 2, 2), value) for value in (0.0, 0.5, 1.0)])
    assert reconstruction_error(image, rebuilt) == pytest.approx((0 + 8 * 0.25 + 8) / 3)


def test_exact_transport_is_the_best_of_all_assignments():
    x, y = vectors(6, 2), vectors(6, 2, 0.5, seed=1)
    cost = torch.cdist(x, y).square()
    best = min(
        float(cost[range(6), list(order)].mean()) for order in itertools.permutations(range(6))
    )
    assert exact_transport(x, y) == pytest.approx(best, rel=1e-5)


def test_exact_transport_of_moved_codes_costs_the_square_of_the_way():
    x = vectors(50, 3)
    assert exact_transport(x, x + torch.tensor([3.0, 0.0, 4.0])) == pytest.approx(25, rel=1e-5)


def test_a_missing_pot_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ot", None)
    with pytest.raises(MissingExtra, match="generative"):
        exact_transport(vectors(3, 2), vectors(3, 2))


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance, exact_transport])
def test_what_cannot_be_measured_is_refused(measure):
    with pytest.raises(UserError, match="at least 2"):
        measure(vectors(1, 3), vectors(5, 3))
    broken = vectors(5, 3)
    broken[2, 1] = torch.nan
    with pytest.raises(UserError, match="not finite"):
        measure(vectors(5, 3), broken)


def test_too_few_for_neighbours_are_refused():
    with pytest.raises(UserError, match="5 neighbours need at least 6 vectors, got 5"):
        neighbourhoods(vectors(20, 2), vectors(5, 2))


@pytest.mark.parametrize("offsets", [(100.0, 100.0), (-100.0, 100.0)])
def test_neighbourhoods_far_from_the_origin_are_those_of_64_bits(offsets):
    """Distances by a product in 32 bits gave a density of 62.4 and a precision of 1."""
    where = torch.tensor(offsets).repeat(50)[:, None]  # all in one place, or half in each of two
    real, made = (where + vectors(100, 16, stretch=0.01 + 0.002 * k, seed=k) for k in (0, 1))
    x, y = real.double().numpy(), made.double().numpy()

    def apart(a, b):
        return np.sqrt(np.square(a[:, None] - b[None]).sum(axis=-1))

    def radius(z, k):
        return np.sort(apart(z, z), axis=1)[:, k]  # the first is the distance from itself

    within = apart(x, y) <= radius(x, 5)[:, None]
    found = neighbourhoods(real, made)
    precise = (apart(x, y) <= radius(x, 3)[:, None]).any(axis=0).mean()
    recalled = (apart(x, y) <= radius(y, 3)).any(axis=1).mean()
    assert found.precision == pytest.approx(precise) and 0.1 < precise < 0.99
    assert found.recall == pytest.approx(recalled)
    assert found.density == pytest.approx(within.sum() / (5 * 100))
    assert found.coverage == pytest.approx(within.any(axis=1).mean())


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_the_kernel_distance_far_from_the_origin_is_that_of_64_bits(offset):
    """With integers as vectors every product and sum is exact in Python."""
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randint(-4, 5, (60, 8), generator=generator) + int(offset) for _ in range(2))
    y[:, 0] += 1

    def kernel(a, b):
        return (sum(p * q for p, q in zip(a, b, strict=True)) + 8) ** 3  # times 8^3

    def mean_of_pairs(z):
        pairs = [kernel(a, b) for a, b in itertools.permutations(z, 2)]
        return Fraction(sum(pairs), len(pairs))

    first, second = x.tolist(), y.tolist()
    between = Fraction(sum(kernel(a, b) for a in first for b in second), 60 * 60)
    exact = float(mean_of_pairs(first) + mean_of_pairs(second) - 2 * between) / 8**3
    assert kernel_distance(x.float(), y.float()) == pytest.approx(exact, rel=1e-6)


def test_one_vector_far_away_changes_no_other_neighbourhood():
    generator = torch.Generator().manual_seed(0)
    real, made = (0.01 * torch.randn(300, 8, generator=generator) for _ in range(2))
    without = neighbourhoods(real[1:], made)
    real[0] = 1e8
    assert neighbourhoods(real, made).density == pytest.approx(without.density, rel=0.01)
