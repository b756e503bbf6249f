import pytest
import torch

from hringur.estimators.distributions import discrete
from hringur.estimators.interface import Estimator
from hringur.estimators.pathwise import harden, noise
from hringur.estimators.rebar import (
    FAMILIES,
    ControlNetwork,
    Rebar,
    Relax,
    RelaxedCost,
    conditional_bits,
    conditional_choices,
    paths_apart,
)
from hringur.estimators.score_functions import ScoreFunction
from hringur.types import UserError
from tests.estimators.estimator_problems import BITS, CHOICES, bernoullis, estimates


def drawn(problem, count: int = 2000):
    """Logits, and z and b of that many samples."""
    logits = problem.parameters
    if problem.family == "categorical":
        logits = logits.log_softmax(dim=-1)
    of = discrete(problem.distribution(logits), FAMILIES, "test")
    z = logits + noise(of, count)
    return logits.expand_as(z).clone().requires_grad_(), z, harden(of, z)


def test_a_conditional_bit_moves_with_its_distribution_function():
    """Oracle: implicit differentiation, dz/dl = -(dF(z|b)/dl) / p(z|b), F from the logistic law."""
    logits, z, b = drawn(BITS)
    again = conditional_bits(logits, z, b)
    torch.testing.assert_close(again, z)
    (moved,) = torch.autograd.grad(again.sum(), logits)

    at = z.clone().requires_grad_()
    below, zero = (at - logits).sigmoid(), (-logits).sigmoid()
    level = torch.where(b > 0, (below - zero) / (1 - zero), below / zero)
    by_logit, by_z = torch.autograd.grad(level.sum(), (logits, at))
    torch.testing.assert_close(moved, -by_logit / by_z)


def test_conditional_choices_are_z_again_and_keep_the_choice():
    logits, z, b = drawn(CHOICES)
    again = conditional_choices(logits, z, b)
    torch.testing.assert_close(again, z)
    # within the simplex of logits the top does not move, the others do, and only with their own p
    (moved,) = torch.autograd.grad(again.sum(), logits)
    assert torch.isfinite(moved).all() and moved.abs().max() > 0
    top = torch.autograd.grad((conditional_choices(logits, z, b) * b).sum(), logits)[0]
    torch.testing.assert_close(top, torch.zeros_like(top))


@pytest.mark.parametrize("problem", [BITS, CHOICES], ids=["bits", "choices"])
def test_the_paths_of_z_and_of_z_given_b_apart(problem):
    """Oracle: autograd through both, for a slope that does not sum to nothing."""
    logits, z, b = drawn(problem, 50)
    slope = torch.randn_like(z) + 1
    bits = problem.family == "bernoulli"
    fresh = logits if bits else logits.log_softmax(dim=-1)
    path = fresh + (z - fresh).detach()
    again = (conditional_bits if bits else conditional_choices)(logits, z, b)
    (expected,) = torch.autograd.grad((slope * (path - again)).sum(), logits)
    of = discrete(problem.distribution(logits[0].detach()), FAMILIES, "test")
    torch.testing.assert_close(paths_apart(of, z, b, slope), expected)


def test_a_control_network_tells_instances_apart():
    network = ControlNetwork(3)
    torch.nn.init.ones_(network.output.weight)
    z = torch.zeros(1, 2, 3)
    of = discrete(bernoullis(torch.tensor([[0.1, 0.2, 0.3], [1.0, -1.0, 0.0]])), FAMILIES, "test")
    one, other = network(BITS.f, of, z)[0]
    assert one != other


def test_conditional_choices_of_two_are_a_bit():
    """The difference of the two moves as the bit's z does."""
    count = 2000
    logits = torch.tensor([0.6, 0.0], dtype=torch.float64).log_softmax(0).repeat(count, 1)
    logits.requires_grad_()
    z = logits.detach() - (-torch.rand_like(logits).log()).log()
    b = torch.nn.functional.one_hot(z.argmax(dim=1), 2).double()
    again = conditional_choices(logits, z, b)
    (moved,) = torch.autograd.grad((again[:, 0] - again[:, 1]).sum(), logits)

    bit = torch.full((count,), 0.6, dtype=torch.float64, requires_grad=True)
    (bit_moved,) = torch.autograd.grad(conditional_bits(bit, z[:, 0] - z[:, 1], b[:, 0]).sum(), bit)
    torch.testing.assert_close(moved[:, 0], bit_moved)


@pytest.mark.parametrize("problem", [BITS, CHOICES], ids=["bits", "choices"])
def test_with_a_control_of_zero_it_is_reinforce(problem):
    found = []
    for estimator in (Rebar(RelaxedCost(eta=0.0)), Relax(network(problem))):
        torch.manual_seed(5)
        found.append(estimates(estimator, problem, count=4))
    torch.manual_seed(5)
    parameters = problem.parameters.expand(4, *problem.parameters.shape).clone().requires_grad_()
    of = discrete(problem.distribution(parameters), FAMILIES, "test")
    b = harden(of, (of.logits + noise(of, 2)).detach())
    log_prob = problem.distribution(parameters).log_prob(b)
    surrogate = (problem.f(b) * log_prob).mean(dim=0).sum()
    (reinforce,) = torch.autograd.grad(surrogate, parameters)
    for gradient in found:
        torch.testing.assert_close(gradient, reinforce)


def network(problem) -> ControlNetwork:
    return ControlNetwork(problem.parameters.numel()).double()


@pytest.mark.parametrize("problem", [BITS, CHOICES], ids=["bits", "choices"])
@pytest.mark.parametrize("kind", ["rebar", "relax"])
def test_what_is_learned_follows_the_gradient_of_the_variance(kind, problem):
    """Oracle: finite differences of the measured second moment, with the same random numbers."""
    control = RelaxedCost(0.7, 0.8).double() if kind == "rebar" else network(problem)
    for weight in control.parameters():
        weight.data += 0.2 * torch.randn_like(weight)
    estimator: Estimator = Rebar(control) if kind == "rebar" else Relax(control)

    def second_moment() -> torch.Tensor:
        torch.manual_seed(3)
        gradient = estimates(estimator, problem, samples=1, count=500)
        return gradient.square().sum() / 500

    torch.manual_seed(3)
    parameters = problem.parameters.expand(500, *problem.parameters.shape)
    estimator.surrogate(problem.f, problem.distribution(parameters), 1).backward()
    for weight in control.parameters():
        index, step = tuple(0 for _ in weight.shape), 1e-5
        moments = []
        for way in (step, -step):
            weight.data[index] += way
            moments.append(second_moment())
            weight.data[index] -= way
        torch.testing.assert_close(
            weight.grad[index], (moments[0] - moments[1]) / (2 * step), rtol=1e-3, atol=1e-6
        )


def tucker(z: torch.Tensor) -> torch.Tensor:
    return (z[..., 0] - 0.499).square()


def variance(of: Estimator, f, logits: torch.Tensor) -> float:
    """Of an estimate from one sample, summed over the coordinates."""
    leaf = logits.repeat(2000, 1).requires_grad_()
    surrogate = of.surrogate(f, bernoullis(leaf), 1)
    return float((2000 * torch.autograd.grad(surrogate, leaf)[0]).var(dim=0).sum())


@pytest.mark.parametrize(
    ("estimator", "f", "logits", "times"),
    [
        (Rebar(), BITS.f, BITS.parameters, 3),
        (Relax(ControlNetwork(3)), BITS.f, BITS.parameters, 3),
        # here the relaxed cost is a valley between two equal heights: only an offset helps REBAR
        (Rebar(RelaxedCost(offset=True)), tucker, torch.tensor([-0.5]), 100),
        (Relax(ControlNetwork(1)), tucker, torch.tensor([-0.5]), 100),
    ],
    ids=["rebar", "relax", "rebar with offset on Tucker's problem", "relax on Tucker's problem"],
)
def test_it_learns_to_vary_far_less_than_reinforce(estimator, f, logits, times):
    optimizer = torch.optim.Adam(estimator.learned.parameters(), lr=0.02)
    rows = logits.repeat(256, 1)
    for _ in range(200):
        optimizer.zero_grad()
        estimator.surrogate(f, bernoullis(rows), 1).backward()
        optimizer.step()
    assert times * variance(estimator, f, logits) < variance(ScoreFunction(), f, logits)


def test_a_temperature_must_be_positive():
    with pytest.raises(UserError, match="temperature must be positive, got -1"):
        RelaxedCost(temperature=-1.0)
