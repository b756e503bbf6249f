"""The estimator bench: bias, variance and time of every gradient estimator, side by side.

One estimate comes from ``samples`` samples, as in one step of training. Many independent estimates
are drawn at the same theta, as instances side by side. Variance times seconds is the cost of an
estimator, because averaging twice as many estimates halves the variance and takes twice the time.
Estimators that learn first learn on ``WARM_UP`` batches of the problem and are then frozen.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from hringur.estimators.catalogue import make_estimator
from hringur.estimators.interface import Estimator
from hringur.evaluation.estimators.problems import BenchProblem
from hringur.evaluation.statistics import LEVEL, Estimate
from hringur.training.random_state import seed_everything

PLAIN = "reinforce"
"""Every variance is divided by this estimator's."""
POINTS = 10
"""Points of the curves over the number of estimates."""
WARM_UP, WARM_UP_BATCH = 300, 64
WARM_UP_LR = (0.05, 1e-3)
"""Adam's first and last learning rate: costs may differ by little beside their mean."""
TIMED_SECONDS, TIMED_LEAST = 0.1, 20
Z = float(stats.norm.ppf(0.5 + LEVEL / 2))


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One estimator on one problem."""

    problem: str
    estimator: str
    unbiased: bool
    """as it promises"""

    evaluations: int
    """evaluations of f for one estimate"""

    estimates: int
    bias_percent: Estimate
    """along the exact gradient, in percent of its length"""

    p_value: float
    """of no bias in any coordinate (Bonferroni)"""

    variance: Estimate
    """trace of the estimates' covariance"""

    seconds: float
    """median processor time of one estimate"""

    relative_variance: float = math.nan
    """as a multiple of plain REINFORCE's"""

    curve: tuple[tuple[int, float, float], ...] = field(default=(), repr=False)
    """number of estimates, and bias [%] and variance after so many"""

    @property
    def cost(self) -> float:
        """Variance times seconds."""
        return self.variance.value * self.seconds

    @property
    def gain(self) -> float:
        """REINFORCE's variance over this one."""
        return math.inf if self.relative_variance == 0 else 1 / self.relative_variance

    @property
    def biased(self) -> bool:
        """Whether a bias was measured; by chance alone this happens once in a thousand."""
        return self.p_value < 0.001


def bench(problem: BenchProblem, samples: int, estimates: int, seed: int) -> Iterator[Measurement]:
    """Measure every estimator that fits the problem; plain REINFORCE comes first."""
    plain = math.nan
    for name in problem.estimators():
        seed_everything(seed)
        with one_thread():
            measured = measure(problem, name, samples, estimates)
        plain = measured.variance.value if name == PLAIN else plain
        yield replace(measured, relative_variance=measured.variance.value / plain)


def measure(problem: BenchProblem, name: str, samples: int, estimates: int) -> Measurement:
    """Measure one estimator on one problem."""
    estimator = make_estimator(name, problem.parameters.shape)
    warm_up(estimator, problem, samples)
    found = draw(estimator, problem, samples, estimates)
    seconds = seconds_each(estimator, problem, samples)  # last: it learns as long as the clock says
    exact = problem.exact.flatten()
    curve = []
    for point in range(1, POINTS + 1):
        count = max(2, round(estimates * point / POINTS))
        curve.append((count, bias(found[:count], exact).value, trace(found[:count]).value))
    return Measurement(
        problem=problem.name,
        estimator=name,
        unbiased=estimator.promises.unbiased,
        evaluations=estimator.promises.evaluations(samples),
        estimates=estimates,
        bias_percent=bias(found, exact),
        p_value=no_bias(found, exact),
        variance=trace(found),
        seconds=seconds,
        curve=tuple(curve),
    )


def warm_up(estimator: Estimator, problem: BenchProblem, samples: int) -> None:
    """Train what the estimator learns, if it learns anything."""
    if not estimator.learned.state_dict():
        return
    weights = list(estimator.learned.parameters())
    optimizer = torch.optim.Adam(weights, eps=1e-15) if weights else None
    first, last = WARM_UP_LR
    theta = problem.parameters.expand(WARM_UP_BATCH, *problem.parameters.shape)
    for step in range(WARM_UP):
        surrogate = estimator.surrogate(problem.f, problem.distribution(theta), samples)
        if optimizer is not None:
            optimizer.param_groups[0]["lr"] = first * (last / first) ** (step / WARM_UP)
            optimizer.zero_grad()
            surrogate.backward()
            optimizer.step()


def draw(
    estimator: Estimator, problem: BenchProblem, samples: int, estimates: int
) -> Float[Tensor, "E P"]:
    """Draw independent estimates, flat; the estimator's learned state is restored afterwards."""
    learned = deepcopy(estimator.learned.state_dict())
    at_once = max(1, 400_000 // (samples * problem.parameters.numel()))
    found = []
    for begin in range(0, estimates, at_once):
        count = min(at_once, estimates - begin)
        estimator.learned.load_state_dict(learned)
        theta = problem.parameters.expand(count, *problem.parameters.shape).clone()
        theta.requires_grad_()
        surrogate = estimator.surrogate(problem.f, problem.distribution(theta), samples)
        found.append(count * torch.autograd.grad(surrogate, theta)[0].flatten(1))
    estimator.learned.load_state_dict(learned)
    return torch.cat(found)


def seconds_each(estimator: Estimator, problem: BenchProblem, samples: int) -> float:
    """Median processor time of one estimate, forwards and backwards, its own learning included."""
    theta = problem.parameters.clone().requires_grad_()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < TIMED_LEAST or time.perf_counter() - began < TIMED_SECONDS:
        start = time.process_time()
        estimator.surrogate(problem.f, problem.distribution(theta), samples).backward()
        times.append(time.process_time() - start)
    return float(torch.tensor(times).median())


@contextmanager
def one_thread() -> Iterator[None]:
    """Run on one thread: tensors this small are slower on many, and their times vary."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def bias(found: Float[Tensor, "E P"], exact: Float[Tensor, " P"]) -> Estimate:
    """Bias along the exact gradient, in percent of its length: -25 is a quarter too short."""
    along = 100 * ((found - exact) @ exact) / exact.square().sum()
    return _mean(along)


def trace(found: Float[Tensor, "E P"]) -> Estimate:
    """Sum of the variances of the coordinates, with the interval of that mean of squares."""
    squares = (found - found.mean(dim=0)).square().sum(dim=1)
    return _mean(squares * len(found) / (len(found) - 1))


def no_bias(found: Float[Tensor, "E P"], exact: Float[Tensor, " P"]) -> float:
    """P value of the largest error of the mean in any coordinate, if there is no bias."""
    error = found.std(dim=0) / len(found) ** 0.5
    # Rounding counts as no bias: an estimate without variance is right to so many digits only.
    away = ((found.mean(dim=0) - exact).abs() - 1e-9 * exact.norm()).clamp(min=0.0)
    largest = float((away / error.clamp(min=1e-300)).max())
    return min(1.0, 2 * float(stats.norm.sf(largest)) * len(exact))


def _mean(values: Float[Tensor, " E"]) -> Estimate:
    """Mean with its 95 % normal interval."""
    mean, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
    return Estimate(mean, mean - Z * error, mean + Z * error)
