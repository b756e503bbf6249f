"""Price processes whose law is known, so that the best way to trade on them can be computed.

A day runs from close to close. Its first part, the share ``overnight``, lies between a close and
the next open, at which orders of the evening are filled; the rest between open and close:

======================= ============================== ==========================================
process                 from close to close            overnight and intraday
======================= ============================== ==========================================
OrnsteinUhlenbeck       x' = reversion x + sigma e     the exact law over each part of the day
AutoregressiveReturns   r' = momentum r + sigma e      mean and variance divided in that ratio
HiddenRegime            r' = +-drift + sigma e         the same; the regime holds all day
GeometricBrownianMotion r' = drift + sigma e           the same
======================= ============================== ==========================================

Here x is the log price over 100, r the log return and e standard normal. Every path begins in the
stationary law. A path is made from one row of standard normal numbers, so that each environment of
a batch can draw its row from a generator of its own.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64
from scipy.signal import lfilter
from scipy.special import ndtr

from hringur.data.trading.prices import Prices
from hringur.types import UserError

LEVEL = 100.0
"""Price at x = 0, or on the first close."""


@dataclass(frozen=True, kw_only=True)
class PriceProcess(ABC):
    """A law from which price paths are drawn."""

    overnight: float = 0.25
    """share of a day between its close and the next open"""

    ranges: ClassVar[dict[str, tuple[int, int]]]
    """what each other number must lie between"""

    def __post_init__(self) -> None:
        share = self.overnight
        if not (isinstance(share, int | float | np.number) and 0 <= share <= 1):
            raise UserError(f"overnight must be a share in 0..1, got {share!r}")
        for name, (low, high) in self.ranges.items():
            value = getattr(self, name)
            if not (isinstance(value, int | float | np.number) and low < value < high):
                raise UserError(f"{name} must lie between {low} and {high}, got {value!r}")

    def random_row_size(self, days: int) -> int:
        """Standard normal numbers that a path takes: one for each open and each close, or more."""
        return 2 * days

    @abstractmethod
    def from_random_rows(self, numbers: Float64[np.ndarray, "B R"], days: int) -> Prices:
        """The paths that these standard normal numbers stand for."""

    @abstractmethod
    def state(self, close: Float64[np.ndarray, "B D"]) -> Float64[np.ndarray, "B D S"]:
        """What of the past the best policy looks at, from closes up to each day; S is 0 or 1."""

    def sample(self, rng: np.random.Generator, paths: int, days: int) -> Prices:
        """Random paths."""
        numbers = rng.standard_normal((paths, self.random_row_size(days)))
        return self.from_random_rows(numbers, days)


@dataclass(frozen=True, kw_only=True)
class OrnsteinUhlenbeck(PriceProcess):
    """A log price that returns to its mean: x' = reversion x + sigma e."""

    reversion: float = 0.9
    sigma: float = 0.02
    ranges = {"reversion": (0, 1), "sigma": (0, 1)}

    @property
    def deviation(self) -> float:
        """Standard deviation of x in the stationary law."""
        return self.sigma / math.sqrt(1 - self.reversion**2)

    def part(self, share: float) -> tuple[float, float]:
        """Factor and deviation of x over a share of a day."""
        factor = self.reversion**share
        return factor, self.deviation * math.sqrt(1 - factor**2)

    def from_random_rows(self, numbers: Float64[np.ndarray, "B R"], days: int) -> Prices:
        """The first open is drawn from the stationary law."""
        night, day = self.part(self.overnight), self.part(1 - self.overnight)
        before, after = numbers[:, 0 : 2 * days : 2], numbers[:, 1 : 2 * days : 2]
        steps = day[0] * night[1] * before + day[1] * after
        steps[:, 0] = day[0] * self.deviation * before[:, 0] + day[1] * after[:, 0]
        x = lfilter([1.0], [1.0, -self.reversion], steps, axis=1)
        opening = np.empty_like(x)
        opening[:, 0] = self.deviation * before[:, 0]
        opening[:, 1:] = night[0] * x[:, :-1] + night[1] * before[:, 1:]
        return Prices(LEVEL * np.exp(opening), LEVEL * np.exp(x))

    def state(self, close: Float64[np.ndarray, "B D"]) -> Float64[np.ndarray, "B D S"]:
        """How many deviations x lies from its mean."""
        return (np.log(close / LEVEL) / self.deviation)[..., None]


@dataclass(frozen=True, kw_only=True)
class AutoregressiveReturns(PriceProcess):
    """Returns that go on in their direction: r' = momentum r + sigma e."""

    momentum: float = 0.3
    sigma: float = 0.01
    ranges = {"momentum": (-1, 1), "sigma": (0, 1)}

    @property
    def deviation(self) -> float:
        """Standard deviation of r in the stationary law."""
        return self.sigma / math.sqrt(1 - self.momentum**2)

    def random_row_size(self, days: int) -> int:
        """One for the return before the first day, then one for each open and each close."""
        return 2 * days + 1

    def from_random_rows(self, numbers: Float64[np.ndarray, "B R"], days: int) -> Prices:
        """The return of the day before the first is drawn from the stationary law."""
        night, day = _deviations(self.sigma, self.overnight)
        before, after = night * numbers[:, 1 : 2 * days + 1 : 2], day * numbers[:, 2::2][:, :days]
        past = self.deviation * numbers[:, :1]
        returns, _ = lfilter(
            [1.0], [1.0, -self.momentum], before + after, axis=1, zi=self.momentum * past
        )
        expected = self.momentum * np.concatenate([past, returns[:, :-1]], axis=1)
        return _prices(self.overnight * expected + before, returns)

    def state(self, close: Float64[np.ndarray, "B D"]) -> Float64[np.ndarray, "B D S"]:
        """The last return in its deviations; 0 on the first day, when none is known."""
        return (_returns(close) / self.deviation)[..., None]


@dataclass(frozen=True, kw_only=True)
class HiddenRegime(PriceProcess):
    """Returns that drift up or down while a regime lasts, which is not observed."""

    drift: float = 0.002
    sigma: float = 0.01
    stay: float = 0.98
    """chance that tomorrow's regime is today's"""

    ranges = {"drift": (0, 1), "sigma": (0, 1), "stay": (0, 1)}

    def random_row_size(self, days: int) -> int:
        """One for the regime, the open and the close of each day."""
        return 3 * days

    def from_random_rows(self, numbers: Float64[np.ndarray, "B R"], days: int) -> Prices:
        """The first day's regime is either with the same chance."""
        chance = ndtr(numbers[:, :days])  # uniform numbers
        changes = chance > self.stay
        changes[:, 0] = chance[:, 0] > 0.5
        up = np.cumsum(changes, axis=1) % 2 == 0
        expected = np.where(up, self.drift, -self.drift)
        night, day = _deviations(self.sigma, self.overnight)
        before, after = night * numbers[:, days : 2 * days], day * numbers[:, 2 * days : 3 * days]
        return _prices(self.overnight * expected + before, expected + before + after)

    def state(self, close: Float64[np.ndarray, "B D"]) -> Float64[np.ndarray, "B D S"]:
        """Chance b of the rising regime given the returns so far, by Bayes' rule, as m = 2 b - 1.

        Half the log odds are l = artanh m. Before tomorrow's return r is seen, its regime has
        m = memory m; the return then adds drift r / sigma^2 to l. So m' is the tanh of a sum, which
        is (a + b) / (1 + a b) of the tanhs a and b of its parts, and nothing overflows.
        """
        evidence = np.tanh(self.drift / self.sigma**2 * _returns(close).T)  # D B
        belief = np.zeros_like(evidence)
        for day in range(1, len(evidence)):
            expected = self.memory * belief[day - 1]
            belief[day] = (expected + evidence[day]) / (1 + expected * evidence[day])
        return belief.T[..., None]

    @property
    def memory(self) -> float:
        """Share of what is known of today's regime that holds for tomorrow's."""
        return 2 * self.stay - 1


@dataclass(frozen=True, kw_only=True)
class GeometricBrownianMotion(PriceProcess):
    """Independent returns: nothing in the past says anything about the future."""

    drift: float = 0.0
    """mean log return of a day"""

    sigma: float = 0.01
    ranges = {"drift": (-1, 1), "sigma": (0, 1)}

    def from_random_rows(self, numbers: Float64[np.ndarray, "B R"], days: int) -> Prices:
        """Independent normal log returns."""
        night, day = _deviations(self.sigma, self.overnight)
        before, after = night * numbers[:, :days], day * numbers[:, days : 2 * days]
        return _prices(self.overnight * self.drift + before, self.drift + before + after)

    def state(self, close: Float64[np.ndarray, "B D"]) -> Float64[np.ndarray, "B D S"]:
        """Nothing is worth looking at."""
        return np.empty((*close.shape, 0))


PROCESSES: dict[str, type[PriceProcess]] = {
    "ornstein-uhlenbeck": OrnsteinUhlenbeck,
    "autoregressive": AutoregressiveReturns,
    "hidden-regime": HiddenRegime,
    "geometric-brownian": GeometricBrownianMotion,
}
"""Every process by name."""


def _prices(overnight: Float64[np.ndarray, "B D"], returns: Float64[np.ndarray, "B D"]) -> Prices:
    """Paths whose first close is ``LEVEL``, from returns from close to open and to close."""
    close = np.cumsum(returns, axis=1)
    close -= close[:, :1]
    opening = close - returns + overnight
    return Prices(LEVEL * np.exp(opening), LEVEL * np.exp(close))


def _returns(close: Float64[np.ndarray, "B D"]) -> Float64[np.ndarray, "B D"]:
    """Log return that ends on each day; 0 on the first."""
    x = np.log(close)
    return np.diff(x, axis=1, prepend=x[:, :1])


def _deviations(sigma: float, overnight: float) -> tuple[float, float]:
    """Standard deviations of the return overnight and during the day."""
    return sigma * math.sqrt(overnight), sigma * math.sqrt(1 - overnight)
