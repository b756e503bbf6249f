import math
from itertools import product

import pytest
import torch

from hringur.estimators.interface import gradient_only
from hringur.estimators.vimco import Vimco, bound, without_each
from tests.estimators.estimator_problems import BITS, bernoullis, estimates, exact_expectation


def test_the_bound_by_hand():
    cost = torch.tensor([[0.0], [math.log(2.0)], [math.log(4.0)]])  # weights 1, 1/2, 1/4
    torch.testing.assert_close(bound(cost), torch.tensor([-math.log(7 / 12)]))
    # without the first: its weight is the geometric mean of 1/2 and 1/4
    left = without_each(cost)
    expected = [
        (0.125**0.5 + 0.5 + 0.25) / 3,
        (1 + 0.25**0.5 + 0.25) / 3,
        (1 + 0.5 + 0.5**0.5) / 3,
    ]
    torch.testing.assert_close(left[:, 0], -torch.tensor(expected).log())


def exact_bound_gradient(samples: int) -> torch.Tensor:
    """Oracle: every combination of samples, by its probability."""
    parameters = BITS.parameters.clone().requires_grad_()
    log_prob = bernoullis(parameters).log_prob(BITS.outcomes)
    cost = BITS.f(BITS.outcomes)
    total = torch.tensor(0.0, dtype=torch.float64)
    for combination in product(range(8), repeat=samples):
        chosen = list(combination)
        total = total - log_prob[chosen].sum().exp() * (-cost[chosen]).exp().mean().log()
    return torch.autograd.grad(total, parameters)[0]


@pytest.mark.parametrize("samples", [2, 3])
def test_its_expectation_is_the_exact_gradient_of_the_bound(samples):
    torch.testing.assert_close(
        exact_expectation(Vimco(), samples), exact_bound_gradient(samples), rtol=1e-9, atol=1e-9
    )


class OneSignal(Vimco):
    """Every sample with the whole bound as its signal: what VIMCO improves on."""

    def surrogate(self, f, distribution, samples):
        z = distribution.sample(torch.Size([samples]))
        whole = bound(f(z))
        return whole.mean() + gradient_only(
            (whole.detach() * distribution.log_prob(z)).sum(dim=0).mean()
        )


def test_it_varies_less_than_the_bound_as_the_signal_of_every_sample():
    plain, vimco = (estimates(kind(), BITS, samples=5) for kind in (OneSignal, Vimco))
    assert 10 * vimco.var(dim=0).sum() < plain.var(dim=0).sum()


def test_with_equal_costs_there_is_nothing_to_learn():
    logits = torch.zeros(2, 3, requires_grad=True)
    surrogate = Vimco().surrogate(lambda z: 0 * z.sum(dim=-1) + 4, bernoullis(logits), 4)
    surrogate.backward()
    torch.testing.assert_close(surrogate.detach(), torch.tensor(4.0))
    torch.testing.assert_close(logits.grad, torch.zeros(2, 3))
