"""What the single and the batched trading environment share: options, spaces, paths, references."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Bool, Float32, Float64, Int64

from hringur.data.trading.prices import Prices
from hringur.data.trading.processes import PROCESSES
from hringur.data.trading.sources import Source
from hringur.envs.trading.features import features
from hringur.references.trading.optimum import TradingPolicy, optimal_policy
from hringur.references.trading.wealth import LONG, Terms
from hringur.types import UserError

SELL, WAIT, BUY = 0, 1, 2
ACTION_NAMES = ("Sell", "Wait", "Buy")
YEAR = 252
"""Trading days."""
MOST_OBSERVED = 10**8
"""Numbers of all observations of an episode, together."""
BORROW_RATE = 0.005
"""Of what is owed, a year: about what is asked for shares that many lend."""
DAY_IN_YEARS = np.float32(1.0 / YEAR)
STATE_BOUND = 8.0
"""Deviations beyond which a process's state is no longer distinguished."""


@dataclass(frozen=True, eq=False)
class Paths:
    """P price paths, with all that an episode on them needs."""

    prices: Prices
    rows: Float32[np.ndarray, "P E F"]
    """observations of every day that has a whole window behind it, the position left out"""
    outcomes: Float64[np.ndarray, "P E1 P2"]
    """log wealth gained from each of these days to the next, see ``Terms.outcomes``"""


@dataclass(frozen=True, kw_only=True, eq=False)
class TradingProblem:
    """A market, what trading in it costs, and what is seen of it."""

    source: Source
    window: int
    days: int
    """decisions of an episode"""
    terms: Terms
    """what trades cost, and whether one may sell short"""
    state: bool
    """the process's own state is part of the observation"""
    compute_optimal: bool
    split: str = "all"
    """part of the prices, where they are those of a history"""
    size: tuple[int, int] = (800, 600)
    """width and height of the picture [pixels]"""

    @property
    def drawn(self) -> bool:
        """Every episode has a path of its own; otherwise all are cut from the same prices."""
        return not isinstance(self.source, Prices)

    @property
    def history(self) -> str | None:
        """The days that all episodes are cut from, in words; None: each has prices of its own."""
        if self.drawn:
            return None
        return "all of the prices" if self.split == "all" else f"the {self.split} split"

    @property
    def history_days(self) -> frozenset[tuple[Any, ...]]:
        """Each day and its prices that episodes are cut from: what two histories may share."""
        if not isinstance(self.source, Prices):
            return frozenset()
        opened, closed, dates = self.source.open, self.source.close, self.source.dates
        days = [None] * self.source.days if dates is None else dates.tolist()
        rows = zip(opened.tolist(), closed.tolist(), strict=True)
        return frozenset(day for row in rows for day in zip(days, *row, strict=True))

    @cached_property
    def state_columns(self) -> int:
        """How many columns the process's own state has in an observation."""
        if isinstance(self.source, Prices) or not self.state:
            return 0
        return self.source.state(np.full((1, 2), 100.0)).shape[-1]

    @property
    def width(self) -> int:
        """F, the length of an observation."""
        return self.window + 1 + self.state_columns + 2

    def observation_space(self) -> spaces.Box:
        """Of one environment; a new object, as spaces hold their own random state."""
        scaled = np.full(self.window + 1, 1.0001 * math.sqrt(self.window))  # room for rounding
        state = np.full(self.state_columns, STATE_BOUND)
        high = np.concatenate([scaled, state, [1.0, 1.0]]).astype(np.float32)
        low = np.concatenate([-scaled, -state, [self.terms.lowest, 0.0]]).astype(np.float32)
        return spaces.Box(low, high, dtype=np.float32)

    @cached_property
    def held(self) -> Float32[np.ndarray, " K"]:
        """How the number of days in the present position is observed: in years, at most 1."""
        each = np.full(self.days + 1, DAY_IN_YEARS)
        each[0] = 0.0
        return np.minimum(each.cumsum(dtype=np.float32), np.float32(1.0))

    @property
    def row_size(self) -> int:
        """How many random numbers an episode takes: those of its path, or one for its first day."""
        if isinstance(self.source, Prices):
            return 1
        return self.source.random_row_size(self.path_days)

    @property
    def path_days(self) -> int:
        """Days of a drawn path: the window, one for each decision, and the first of all."""
        return self.window + self.days + 1

    def random_rows(
        self, generators: list[np.random.Generator], rows: list[int]
    ) -> Float64[np.ndarray, "B R"]:
        """Of each row's generator: normal numbers for a path, or a uniform one for a first day."""
        if not self.drawn:
            return np.array([generators[row].random() for row in rows])[:, None]
        numbers = np.empty((len(rows), self.row_size))
        for row, out in zip(rows, numbers, strict=True):
            generators[row].standard_normal(out=out)
        return numbers

    def from_random_rows(
        self, rows: Float64[np.ndarray, "B R"]
    ) -> tuple[Paths, Int64[np.ndarray, " B"], Int64[np.ndarray, " B"]]:
        """Paths, and of each episode its path and its first day with an observation."""
        if not isinstance(self.source, Prices):
            paths = self.paths(self.source.from_random_rows(rows, self.path_days))
            return paths, np.arange(len(rows)), np.zeros(len(rows), dtype=np.int64)
        starts = self.source.days - self.window - self.days
        chosen = (rows[:, 0] * (starts * len(self.source))).astype(np.int64)
        return self.shared, chosen // starts, chosen % starts

    @cached_property
    def shared(self) -> Paths:
        """The prices that all episodes are cut from, where they are not drawn."""
        assert isinstance(self.source, Prices)
        return self.paths(self.source)

    def paths(self, prices: Prices) -> Paths:
        """The tables of all that can be seen and earned on these prices."""
        state = None
        if self.state and not isinstance(self.source, Prices):
            state = np.clip(self.source.state(prices.close), -STATE_BOUND, STATE_BOUND)
        seen = features(prices, self.window, state)
        earned = self.terms.outcomes(prices)[:, self.window :]
        return Paths(prices, seen, earned)

    def buy_and_hold(
        self, prices: Prices, path: Int64[np.ndarray, " B"], first: Int64[np.ndarray, " B"]
    ) -> Float64[np.ndarray, " B"]:
        """Log wealth of buying at once and selling at the end; ``first`` as an observed day."""
        day = first + self.window
        gained = np.log(prices.close[path, day + self.days] / prices.open[path, day + 1])
        paid = self.terms.fee(np.zeros(len(path)))
        gained = gained - (self.terms.buy_cost + self.terms.sell_cost) + paid
        return gained + self.terms.fee(gained)

    @cached_property
    def pending(self) -> dict[str, float]:
        """What ``info`` says of the outcome until the end: its keys, with what stands for no value.

        Not NaN, which Gymnasium's ``check_env`` takes for a difference between equal episodes.
        """
        names = ["log_wealth", "buy_and_hold"]
        if self.compute_optimal:
            names += ["optimal_return"] * (self.best_policy is not None) + ["reference_return"]
        return dict.fromkeys(names, math.inf)

    def useful(self, position: Int64[np.ndarray, "*B"]) -> Bool[np.ndarray, "*B 3"]:
        """Whether selling, waiting and buying mean what they say in these positions."""
        sells, buys = np.asarray(position) > self.terms.lowest, np.asarray(position) < LONG
        return np.stack([sells, np.ones_like(sells), buys], axis=-1)

    @cached_property
    def moves(self) -> list[list[tuple[int, int]]]:
        """By position and action, the position after it and its column of outcomes.

        An order goes one step along short, flat, long; the position -1 is the last of the list.
        """
        found = []
        for before in self.terms.positions.tolist():
            steps = (min(max(before + step, self.terms.lowest), LONG) for step in (-1, 0, 1))
            found.append([(after, self.terms.column(before, after)) for after in steps])
        return found

    @cached_property
    def best_policy(self) -> TradingPolicy | None:
        """Asked for with ``compute_optimal``, and known for the processes of ``PROCESSES``.

        Not with a fixed fee: then the best decision depends on the wealth too.
        """
        known = type(self.source) in PROCESSES.values() and self.terms.fixed_fee == 0.0
        if not (self.compute_optimal and known):
            return None
        costs = (self.terms.buy_cost, self.terms.sell_cost)
        return optimal_policy(self.source, *costs, borrow_per_day=self.terms.borrow_per_day)

    def optimal(self, paths: Paths) -> Float64[np.ndarray, " B"] | None:
        """What the best policy for this process earns on each path; None where it is not known."""
        if self.best_policy is None:
            return None
        positions = self.best_policy.positions(paths.prices, self.window, self.days)
        return self.terms.gains(positions, paths.outcomes[:, : self.days]).sum(axis=1)


def costs(fee: float, half_spread: float, slippage: float) -> tuple[float, float]:
    """Log wealth lost by buying and by selling; all three are fractions of a price.

    Of cash C at the price p one gets C / (p (1 + h + s) (1 + f)) shares, and p (1 - h - s) (1 - f)
    for each share sold.
    """
    for name, value in (("fee", fee), ("half_spread", half_spread), ("slippage", slippage)):
        if not (isinstance(value, int | float | np.number) and 0.0 <= value < 1.0):
            raise UserError(f"{name} must be a fraction in 0..1, below 1, got {value!r}")
    away = float(half_spread) + float(slippage)
    if away >= 1.0:
        raise UserError(f"half_spread and slippage together must be below 1, got {away:g}")
    return math.log1p(away) + math.log1p(fee), -math.log1p(-away) - math.log1p(-fee)


def terms_of(
    buy_cost: float, sell_cost: float, fixed_fee: float, short: bool, borrow_rate: float | None
) -> Terms:
    """What trades and positions cost; options as in docs/stock_trading.md.

    Raises:
        UserError: an option is out of range, or one of short positions is given without them.
    """
    if not (isinstance(fixed_fee, int | float | np.number) and 0.0 <= fixed_fee < 1.0):
        raise UserError(
            f"fixed_fee must be a fraction of the wealth at the beginning in 0..1, below 1, got "
            f"{fixed_fee!r}"
        )
    if not short:
        if borrow_rate is not None:
            raise UserError("borrow_rate is an option of short=True only")
        return Terms(buy_cost=buy_cost, sell_cost=sell_cost, fixed_fee=float(fixed_fee))
    rate = BORROW_RATE if borrow_rate is None else borrow_rate
    if not (isinstance(rate, int | float | np.number) and 0.0 <= rate < YEAR):
        raise UserError(f"borrow_rate must be a fraction a year in 0..{YEAR}, got {rate!r}")
    if buy_cost >= math.log(1.5):
        raise UserError(
            "with short=True, fee, half_spread and slippage must add less than 50 % to a price, "
            f"got {100 * math.expm1(buy_cost):g} %"
        )
    return Terms(
        buy_cost=buy_cost,
        sell_cost=sell_cost,
        fixed_fee=float(fixed_fee),
        borrow_per_day=float(rate) / YEAR,
    )
