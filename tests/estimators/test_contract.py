"""Contract: what every estimator of the catalogue promises, held to it."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from hringur.estimators.catalogue import ESTIMATORS, make_estimator
from hringur.estimators.interface import Estimator
from hringur.types import UserError
from tests.estimators.estimator_problems import (
    BITS,
    PROBLEMS,
    Problem,
    assert_mean,
    bernoullis,
    categoricals,
    estimates,
    gaussians,
)


def takes(name: str, problem: Problem) -> bool:
    families = make_estimator(name, (1,)).promises.families
    return "any" in families or problem.family in families


def built(name: str, problem: Problem) -> Estimator:
    """An estimator that has learned something, whatever it is: promises hold all the same."""
    estimator = make_estimator(name, problem.parameters.shape)
    for weight in estimator.learned.parameters():
        weight.data += 0.3 * torch.randn_like(weight)
    estimates(estimator, problem, count=50)  # a moving average has a past
    return estimator


def promising(unbiased: bool | None = None) -> pytest.MarkDecorator:
    """Every pair of an estimator of E[f] and a problem that it takes."""
    pairs = [
        pytest.param(name, problem, id=f"{name}-{problem.family}")
        for name in ESTIMATORS
        for problem in PROBLEMS
        if takes(name, problem)
        and make_estimator(name, (1,)).promises.objective == "mean"
        and unbiased in (None, make_estimator(name, (1,)).promises.unbiased)
    ]
    return pytest.mark.parametrize(("name", "problem"), pairs)


every_estimator = pytest.mark.parametrize("name", ESTIMATORS)


def a_problem_for(name: str) -> Problem:
    return next(problem for problem in PROBLEMS if takes(name, problem))


@promising(unbiased=True)
@pytest.mark.parametrize("samples", [2, 5])
def test_what_claims_to_be_unbiased_has_the_exact_gradient_as_its_mean(name, problem, samples):
    found = estimates(built(name, problem), problem, samples)
    assert_mean(found, problem.exact())


@promising(unbiased=False)
def test_what_admits_a_bias_has_one(name, problem):
    found = estimates(built(name, problem), problem, count=20_000)
    with pytest.raises(AssertionError):
        assert_mean(found, problem.exact())


@promising(unbiased=True)
def test_a_cost_may_depend_on_the_parameters_itself(name, problem):
    """As in a negative ELBO, whose cost has log q(z|theta) in it."""
    if problem.family == "location-scale":
        pytest.skip("the bits and the choices have a log probability that is smooth in z")
    count = 20_000
    parameters = problem.parameters.expand(count, *problem.parameters.shape).clone()
    parameters.requires_grad_()
    bits = problem.family == "bernoulli"

    def elbo(z: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        normaliser = torch.nn.functional.softplus(theta) if bits else 0.0
        logits = theta if bits else theta.log_softmax(dim=-1)
        own = z * logits - normaliser
        return problem.f(z) + own.flatten(-1 if bits else -2).sum(dim=-1)

    surrogate = built(name, problem).surrogate(
        lambda z: elbo(z, parameters), problem.distribution(parameters), 2
    )
    (found,) = torch.autograd.grad(surrogate, parameters)
    theta = problem.parameters.clone().requires_grad_()
    chance = problem.distribution(theta).log_prob(problem.outcomes).exp()
    (exact,) = torch.autograd.grad((chance * elbo(problem.outcomes, theta)).sum(), theta)
    assert_mean(count * found, exact)


@promising(unbiased=True)
def test_the_weights_within_f_get_the_gradient_of_the_mean_cost(name, problem):
    """A decoder's: E[w f(z)] has the gradient E[f(z)] in w."""
    count = 20_000
    weight = torch.full((count,), 0.7, dtype=torch.float64, requires_grad=True)
    parameters = problem.parameters.expand(count, *problem.parameters.shape)
    surrogate = built(name, problem).surrogate(
        lambda z: weight * problem.f(z), problem.distribution(parameters), 2
    )
    (found,) = torch.autograd.grad(surrogate, weight)
    assert_mean(count * found, problem.expectation(problem.parameters))
    # its value is the cost itself
    torch.testing.assert_close(
        surrogate.detach(), 0.7 * problem.expectation(problem.parameters), rtol=0.03, atol=0
    )


@every_estimator
@pytest.mark.parametrize("samples", [2, 3])
def test_f_is_evaluated_as_often_as_stated(name, samples):
    problem, rows, seen = a_problem_for(name), [], []

    def counted(z: torch.Tensor) -> torch.Tensor:
        rows.append(len(z))
        cost = problem.f(z)
        seen.append(cost)
        return cost

    estimator = built(name, problem)
    surrogate = estimator.surrogate(counted, problem.distribution(problem.parameters), samples)
    assert sum(rows) == estimator.promises.evaluations(samples)
    if estimator.promises.objective == "mean":  # of everything that was paid for at samples
        torch.testing.assert_close(surrogate, seen[0].mean())


@every_estimator
def test_whether_f_must_be_differentiable_is_as_stated(name):
    problem = a_problem_for(name)
    estimator = built(name, problem)
    parameters = problem.parameters.clone().requires_grad_()

    def black_box() -> torch.Tensor:
        f = lambda z: problem.f(z.detach())  # noqa: E731
        surrogate = estimator.surrogate(f, problem.distribution(parameters), 4)
        return torch.autograd.grad(surrogate, parameters)[0]

    if estimator.promises.differentiable:
        with pytest.raises(RuntimeError):
            black_box()
    else:
        assert black_box().abs().max() > 0


@every_estimator
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)], ids=str)
def test_any_batch_shape_will_do_and_the_gradient_reaches_the_network_before(name, batch):
    problem = a_problem_for(name)
    estimator = built(name, problem)
    size = problem.parameters.numel()
    encoder = torch.nn.Linear(5, size, dtype=torch.float64)
    shift = encoder(torch.randn(*batch, 5, dtype=torch.float64))
    parameters = problem.parameters + 0.1 * shift.reshape(*batch, *problem.parameters.shape)
    surrogate = estimator.surrogate(problem.f, problem.distribution(parameters), 3)
    assert surrogate.shape == () and torch.isfinite(surrogate)
    surrogate.backward()
    assert torch.isfinite(encoder.weight.grad).all() and encoder.weight.grad.abs().max() > 0
    for weight in estimator.learned.parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all()


@promising()
def test_single_precision_and_extreme_logits_stay_finite(name, problem):
    parameters = problem.parameters.float()
    if problem.family != "location-scale":
        parameters = 40 * parameters
    parameters.requires_grad_()
    estimator = built(name, problem)
    surrogate = estimator.surrogate(
        lambda z: z.square().flatten(1).sum(dim=1), problem.distribution(parameters), 64
    )
    (gradient,) = torch.autograd.grad(surrogate, parameters)
    assert gradient.dtype == torch.float32 and torch.isfinite(gradient).all()


INFINITE = {
    "categorical": (categoricals, torch.tensor([[0.0, -math.inf, 0.5]], dtype=torch.float64)),
    "bernoulli": (bernoullis, torch.tensor([0.3, -math.inf, math.inf], dtype=torch.float64)),
}


def index_cost(z: torch.Tensor) -> torch.Tensor:
    """(index - 0.45)^2 of a choice, and of the number that bits spell."""
    z = z[..., 0, :] if z.shape[-2:] == (1, 3) else z
    return (z @ torch.arange(3, dtype=torch.float64) - 0.45).square()


def by_enumeration(family: str) -> torch.Tensor:
    """The gradient of the expected cost of ``INFINITE``, over all outcomes, in plain NumPy."""
    logits = INFINITE[family][1].numpy().ravel()
    if family == "categorical":
        chance = np.exp(logits) / np.exp(logits).sum()
        cost = (np.arange(3) - 0.45) ** 2
        return torch.from_numpy(chance * (cost - chance @ cost))[None]
    chance = np.array([1 / (1 + math.exp(-0.3)), 0.0, 1.0])
    cost = [(0 * bit + 2 * 1 - 0.45) ** 2 for bit in (0, 1)]
    slope = chance[0] * (1 - chance[0]) * (cost[1] - cost[0])
    return torch.tensor([slope, 0.0, 0.0], dtype=torch.float64)


@pytest.mark.parametrize("family", INFINITE)
@every_estimator
def test_what_is_impossible_has_no_gradient_and_spoils_no_other(name, family):
    """Logits of minus infinity, as a mask makes them, and of infinity: oracle by enumeration."""
    distribution, logits = INFINITE[family]
    estimator = make_estimator(name, logits.shape)
    promises = estimator.promises
    if "any" not in promises.families and family not in promises.families:
        pytest.skip("takes no such distribution")
    count = 40_000
    parameters = logits.expand(count, *logits.shape).clone().requires_grad_()
    surrogate = estimator.surrogate(index_cost, distribution(parameters), 2)
    (found,) = torch.autograd.grad(surrogate, parameters)
    assert torch.isfinite(surrogate) and torch.isfinite(found).all()
    assert (found[logits.expand_as(found).isinf()] == 0).all()
    if promises.unbiased and promises.objective == "mean":
        assert_mean(count * found, by_enumeration(family))
    surrogate = estimator.surrogate(index_cost, distribution(parameters), 2)
    surrogate.backward()
    for weight in estimator.learned.parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all()


def test_the_enumeration_is_the_known_one():
    expected = torch.tensor([[-0.517, 0.0, 0.517]], dtype=torch.float64)
    torch.testing.assert_close(by_enumeration("categorical"), expected, rtol=0, atol=5e-4)


@every_estimator
def test_same_seed_same_estimate(name):
    problem = a_problem_for(name)
    estimator = built(name, problem)
    state = {key: value.clone() for key, value in estimator.learned.state_dict().items()}
    found = []
    for seed in (1, 1, 2):
        estimator.learned.load_state_dict(state)
        torch.manual_seed(seed)
        found.append(estimates(estimator, problem, count=3))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@every_estimator
def test_an_estimator_is_its_protocols(name):
    estimator = built(name, a_problem_for(name))
    assert isinstance(estimator, Estimator)
    with pytest.raises(AttributeError):
        estimator.promises = None  # frozen


@every_estimator
def test_costs_of_another_shape_are_refused(name):
    problem = a_problem_for(name)
    with pytest.raises(UserError, match=r"of shape \([24],\), got \(\)"):
        built(name, problem).surrogate(
            lambda z: problem.f(z).mean(), problem.distribution(problem.parameters), 2
        )


@pytest.mark.parametrize(
    "name", [n for n in ESTIMATORS if make_estimator(n, (1,)).promises.least_samples > 1]
)
def test_too_few_samples_are_refused(name):
    with pytest.raises(UserError, match="samples must be at least 2, got 1"):
        built(name, BITS).surrogate(BITS.f, BITS.distribution(BITS.parameters), 1)


@pytest.mark.parametrize("name", ["arm", "disarm", "rebar", "relax", "gumbel-softmax", "pathwise"])
def test_another_family_is_refused_by_name(name):
    one = torch.ones(2)
    wrong, kind = (
        (bernoullis(one), "Bernoulli")
        if name == "pathwise"
        else (
            gaussians(one, one),
            "Normal",
        )
    )
    with pytest.raises(UserError, match=f"not {kind}"):
        make_estimator(name, (2,)).surrogate(lambda z: z.sum(dim=-1), wrong, 2)


def test_an_unknown_estimator_is_refused_by_name():
    with pytest.raises(UserError, match="'reenforce'.*disarm"):
        make_estimator("reenforce", (1,))


DOCUMENTED = Path(__file__).parents[2] / "docs" / "estimators.md"


@every_estimator
def test_the_documents_promise_what_the_estimator_does(name):
    lines = DOCUMENTED.read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(f"| `{name}` |")]
    _, _, unbiased, derivative, families, evaluations, _, _ = map(str.strip, line.split("|"))
    promises = make_estimator(name, (1,)).promises
    assert unbiased.startswith("yes" if promises.unbiased else "no")
    assert ("bound" in unbiased) == (promises.objective == "bound")
    assert derivative == ("yes" if promises.differentiable else "no")
    words = {"any": "any", "bernoulli": "bits", "categorical": "choices"}
    assert families == ", ".join(words.get(family, family) for family in promises.families)
    stated = {"S": 7, "S + 1": 8, "2 S": 14}[evaluations.split(",")[0]]
    assert promises.evaluations(7) == stated
    assert ("at least 2" in evaluations) == (promises.least_samples == 2)


def test_the_documents_code_runs():
    blocks = DOCUMENTED.read_text(encoding="utf-8").split("```python\n")[1:]
    for block in blocks:
        exec(block.split("```")[0], {})
    assert len(blocks) == 2
