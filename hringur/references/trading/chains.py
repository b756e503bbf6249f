"""Price processes as Markov chains on a grid: what the next day holds, given the state today.

The state is what ``PriceProcess.state`` makes of the closes so far. In each process some function
of it moves by a normal step, so the chance of going from a grid point to another is known exactly:
that of the piecewise linear function which is 1 there and 0 on its neighbours,

    E[hat_j(X)],  X ~ N(mean, deviation^2),  from  E[(X - a)+] = deviation (z Phi(z) + phi(z)),

z = (mean - a) / deviation. Values on the grid are then linear between its points, and that is the
only error. (Gauss-Hermite quadrature sees the kinks of a value function at its nodes only: with 31
nodes the figure for autoregressive returns is 0.25 % too small.)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtr

from hringur.data.trading.processes import (
    AutoregressiveReturns,
    GeometricBrownianMotion,
    HiddenRegime,
    OrnsteinUhlenbeck,
)
from hringur.types import UserError

POINTS = 601
REACH = 6.0
"""Deviations of the stationary law that the grid covers on either side."""

SUREST = 8.0
"""Half the log odds beyond which beliefs are not distinguished: a chance of 1e-7."""

FINEST = 2.0
"""A day's step, in steps of the grid, below which the grid is too coarse."""

MESH = np.linspace(-9.0, 9.0, 1001)
"""Deviations at which normal laws are summed: 2e-9 off where costs make a kink of 0.2 %."""


@dataclass(frozen=True, eq=False)
class Law:
    """Of a log return, given each of K states: a mixture of C normal laws of equal deviation."""

    weight: Float64[np.ndarray, "C #K"]
    mean: Float64[np.ndarray, "C K"]
    deviation: float

    def expected(
        self, function: Callable[[Float64[np.ndarray, "K M"]], Float64[np.ndarray, "K M"]]
    ) -> Float64[np.ndarray, " K"]:
        """Mean of a function of the factor by which the price moves."""
        density = np.exp(-0.5 * MESH**2)
        density /= density.sum()
        parts = (function(np.exp(mean[:, None] + self.deviation * MESH)) for mean in self.mean)
        means = np.stack([part @ density for part in parts])
        return (self.weight * means).sum(axis=0)


def normal_law(mean: Float64[np.ndarray, " K"], deviation: float) -> Law:
    """Of one normal law."""
    return Law(np.ones((1, 1)), mean[None], float(deviation))


@dataclass(frozen=True, eq=False)
class Chain:
    """A process as the trader knows it at a close, on K states."""

    state: Float64[np.ndarray, " K"]
    """rising, in the unit of ``PriceProcess.state``"""

    transition: Float64[np.ndarray, "K K"]
    """chance of each state tomorrow, by the state today"""

    overnight: Float64[np.ndarray, " K"]
    """expected log return from this close to the next open"""

    intraday: Float64[np.ndarray, " K"]
    """expected log return from the next open to the next close"""

    laws: tuple[Law, Law, Law]
    """of the log return overnight, intraday and of both: from close to close"""

    unseen: Float64[np.ndarray, " K"] | None = None
    """law of the state before any return was seen; None: the stationary law"""

    @cached_property
    def stationary(self) -> Float64[np.ndarray, " K"]:
        """The law that a day leaves as it is: law P = law, and its sum is 1."""
        equations = self.transition.T - np.eye(len(self.state))
        equations[-1] = 1.0  # one of them follows from the others
        ends = np.zeros(len(self.state))
        ends[-1] = 1.0
        return np.linalg.solve(equations, ends)

    def law(self, seen: int | None) -> Float64[np.ndarray, " K"]:
        """Of the state after so many returns were seen; None: so many that more tell nothing."""
        if seen is None or self.unseen is None:
            return self.stationary
        law = self.unseen
        for _ in range(seen):
            law = law @ self.transition
        return law


def chain(process: Any) -> Chain:
    """The chain of a process whose state is known.

    Raises:
        UserError: it is none of those, or a day moves its state too little for a grid.
    """
    if type(process) not in CHAINS:
        raise UserError(f"no best policy is known for a {type(process).__name__}")
    return CHAINS[type(process)](process)


def _ornstein_uhlenbeck(process: OrnsteinUhlenbeck) -> Chain:
    """The state x / deviation is itself an autoregression."""
    grid, day = np.linspace(-REACH, REACH, POINTS), process.reversion
    (night, dark), (light, bright) = map(process.part, (process.overnight, 1 - process.overnight))
    x = grid * process.deviation
    transition = normal_steps(grid, day * grid, np.sqrt(1 - day**2))
    overnight, intraday = (night - 1) * x, (day - night) * x

    laws = (
        normal_law(overnight, dark),
        normal_law(intraday, np.hypot((light - 1) * dark, bright)),
        normal_law(overnight + intraday, process.sigma),
    )
    return Chain(grid, transition, overnight, intraday, laws)


def _autoregressive(process: AutoregressiveReturns) -> Chain:
    """The state r / deviation is itself an autoregression."""
    grid, momentum = np.linspace(-REACH, REACH, POINTS), process.momentum
    transition = normal_steps(grid, momentum * grid, np.sqrt(1 - momentum**2))
    expected = momentum * grid * process.deviation
    share = process.overnight
    laws = _shared(process, np.ones((1, 1)), expected[None])
    return Chain(grid, transition, share * expected, (1 - share) * expected, laws)


def _shared(
    process: Any, weight: Float64[np.ndarray, "C #K"], mean: Float64[np.ndarray, "C K"]
) -> tuple[Law, Law, Law]:
    """Laws where night and day have their shares of the day's mean and variance."""
    night, day, whole = (
        Law(weight, share * mean, process.sigma * math.sqrt(share))
        for share in (process.overnight, 1 - process.overnight, 1.0)
    )
    return night, day, whole


def _hidden_regime(process: HiddenRegime) -> Chain:
    """Half the log odds l move from artanh(memory tanh(l)) by drift r / sigma^2.

    The return r is normal in either regime, so the step is a mixture of two normal ones.
    """
    memory, signal = process.memory, process.drift / process.sigma
    reach = min(
        np.arctanh(abs(memory)) + signal**2 + REACH * signal,  # however sure one was before
        signal**2 / (1 - abs(memory)) + REACH * signal / np.sqrt(1 - memory**2),
        SUREST,
    )
    half_odds = np.linspace(-reach, reach, POINTS)
    expected = memory * np.tanh(half_odds)  # of tomorrow's regime, as m
    transition = np.zeros((POINTS, POINTS))
    for sign in (1, -1):
        mean = np.arctanh(expected) + sign * signal**2
        chance = (1 + sign * expected) / 2
        transition += chance[:, None] * normal_steps(half_odds, mean, signal)
    unseen = np.zeros(POINTS)
    unseen[POINTS // 2] = 1.0
    drift, share = process.drift * expected, process.overnight
    rises = np.full(POINTS, process.drift)
    weight = np.stack([1 + expected, 1 - expected]) / 2
    laws = _shared(process, weight, np.stack([rises, -rises]))
    return Chain(np.tanh(half_odds), transition, share * drift, (1 - share) * drift, laws, unseen)


def _geometric_brownian(process: GeometricBrownianMotion) -> Chain:
    """One state: every day is like any other."""
    drift, share = np.full(1, process.drift), process.overnight
    laws = _shared(process, np.ones((1, 1)), drift[None])
    return Chain(np.zeros(1), np.ones((1, 1)), share * drift, (1 - share) * drift, laws)


CHAINS: dict[type, Callable[[Any], Chain]] = {
    OrnsteinUhlenbeck: _ornstein_uhlenbeck,
    AutoregressiveReturns: _autoregressive,
    HiddenRegime: _hidden_regime,
    GeometricBrownianMotion: _geometric_brownian,
}
"""How to make the chain of a process: a new one needs its line here to have a known optimum."""


def normal_steps(
    grid: Float64[np.ndarray, " K"], mean: Float64[np.ndarray, " M"], deviation: float
) -> Float64[np.ndarray, "M K"]:
    """Chances on an even grid of N(mean, deviation^2), as the module says; the ends take the rest.

    Raises:
        UserError: the deviation is too small beside the steps of the grid.
    """
    step = grid[1] - grid[0]
    if deviation < FINEST * step:
        raise UserError(
            f"a day must move the state of the process by at least {FINEST * step:.2g} for its "
            f"best policy to be computed, here it is {deviation:.2g}"
        )
    deviation = np.sqrt(deviation**2 - step**2 / 6)  # what sharing between neighbours adds
    z = (mean[:, None] - grid) / deviation
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    above = deviation * (z * ndtr(z) + density)  # E[(X - grid)+]
    reached = (above[:, :-1] - above[:, 1:]) / step  # share of each step that X lies beyond
    chances = -np.diff(reached, axis=1, prepend=1.0, append=0.0)
    chances = np.maximum(chances, 0.0)  # beside rounding
    return chances / chances.sum(axis=1, keepdims=True)
