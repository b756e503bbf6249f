import math
from itertools import product

import pytest
import torch
from torch.distributions import Categorical

from hringur.estimators.baselines import (
    BatchMean,
    Draw,
    GreedyChoice,
    LearnedValue,
    LeaveOneOut,
    MovingAverage,
    NoBaseline,
)
from hringur.estimators.interface import gradient_only
from hringur.estimators.score_functions import (
    ScoreFunction,
    Vimco,
    bound,
    score_function,
    without_each,
)
from tests.estimators.estimator_problems import BITS, bernoullis, estimates, exact_expectation

LOGITS = torch.tensor([[0.2, -0.5, 1.0], [1.5, 0.3, -0.2]])
COST = torch.tensor([[1.0, 3.0, -2.0], [0.5, -1.0, 2.0], [2.0, 2.5, 0.0]])


def exact_gradient(logits: torch.Tensor) -> torch.Tensor:
    """Of E[cost of two independent choices], by enumerating all nine pairs."""
    first, second = logits.softmax(dim=1)
    (gradient,) = torch.autograd.grad(first @ COST @ second, logits)
    return gradient


def test_its_expectation_is_the_exact_gradient_with_and_without_baseline():
    logits = LOGITS.clone().requires_grad_()
    exact = exact_gradient(logits)
    probability = (logits[0].softmax(0)[:, None] * logits[1].softmax(0)).detach()
    for baseline in (0.0, 1.7):
        expected = torch.zeros_like(exact)
        for i in range(3):
            for j in range(3):
                log_prob = logits.log_softmax(dim=1)[[0, 1], [i, j]].sum()
                surrogate = score_function(log_prob[None], COST[i, j][None] - baseline)
                (gradient,) = torch.autograd.grad(surrogate, logits)
                expected += probability[i, j] * gradient
        torch.testing.assert_close(expected, exact)


def test_the_mean_over_samples_comes_near_the_exact_gradient():
    torch.manual_seed(0)
    logits = LOGITS.clone().requires_grad_()
    policy = Categorical(logits=logits)
    n = 100_000
    choice = policy.sample((n,))
    cost = COST[choice[:, 0], choice[:, 1]]
    surrogate = score_function(policy.log_prob(choice).sum(dim=1), cost)
    (estimate,) = torch.autograd.grad(surrogate, logits)
    # one sample is at most 3 long in each coordinate: five standard errors
    torch.testing.assert_close(estimate, exact_gradient(logits), rtol=0, atol=5 * 3 / n**0.5)


def test_nothing_is_learned_through_the_advantage():
    advantage = torch.ones(4, requires_grad=True)
    log_prob = torch.zeros(4, requires_grad=True)
    score_function(log_prob, advantage).backward()
    assert advantage.grad is None
    torch.testing.assert_close(log_prob.grad, torch.full((4,), 0.25))


def with_a_past(baseline):
    if isinstance(baseline, MovingAverage):
        baseline.average.fill_(2.5)
    return baseline


@pytest.mark.parametrize(
    "baseline",
    [NoBaseline(), with_a_past(MovingAverage()), LeaveOneOut(), LearnedValue(3), GreedyChoice()],
    ids=lambda baseline: type(baseline).__name__,
)
@pytest.mark.parametrize("samples", [2, 3])
def test_with_each_baseline_the_expectation_is_exact(baseline, samples):
    """Oracle: all combinations of two or three samples of three bits, by their chance."""
    found = exact_expectation(ScoreFunction(baseline), samples)
    torch.testing.assert_close(found, BITS.exact(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("samples", [2, 3])
def test_the_batch_mean_is_shorter_by_exactly_one_part_in_the_samples(samples):
    found = exact_expectation(ScoreFunction(BatchMean()), samples)
    torch.testing.assert_close(found, (1 - 1 / samples) * BITS.exact(), rtol=1e-9, atol=1e-9)


def test_a_learned_value_learns_the_expected_cost_of_each_instance():
    baseline = LearnedValue(3)
    estimator = ScoreFunction(baseline)
    logits = torch.stack([BITS.parameters, -2 * BITS.parameters])
    optimizer = torch.optim.Adam(estimator.learned.parameters(), lr=0.03)
    for _ in range(400):
        optimizer.zero_grad()
        estimator.surrogate(BITS.f, bernoullis(logits), 64).backward()
        optimizer.step()
    value = baseline.value(torch.zeros(2, 1), Draw(BITS.f, bernoullis(logits)))
    exact = torch.stack([BITS.expectation(row) for row in logits]).float()
    torch.testing.assert_close(value[:, 0], exact, rtol=0.1, atol=0.1)


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
