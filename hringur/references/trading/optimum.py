"""The best way to trade on prices whose law is known, and what it earns.

The process's state s (see ``trading_chains.py``) and the position p, flat or long, make a Markov
decision process; nothing that a trader does moves s. With R(s, p, q) the expected gain of a day
(``wealth.py``) the best average gain g and the relative values V solve

    g + V(s, p) = max_q  R(s, p, q) + E[V(s', q) | s]

(Puterman 1994, section 8.4). Value iteration on V (White 1963) is value iteration on the one
function D(s) = V(s, long) - V(s, flat), as E[V(s', flat)] is common to all choices:

    D(s) <- max(R(s, long, flat), R(s, long, long) + E[D(s') | s])
          - max(R(s, flat, flat), R(s, flat, long) + E[D(s') | s])
    g     = E over the stationary law of  max(R(s, flat, flat), R(s, flat, long) + E[D(s') | s]).

Where a trader sells or buys, D does not depend on the D before: the iteration forgets its start as
fast as the state leaves the band where nothing is done, which is in a few days. The best policy
does nothing within that band because no trade there is worth its cost.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, Int8

from hringur.data.trading.prices import Prices
from hringur.data.trading.processes import PriceProcess
from hringur.references.trading.chains import Chain, chain
from hringur.references.trading.wealth import (
    FLAT,
    LONG,
    gains,
    hindsight_optimum,
    outcomes,
    returns_of,
)
from hringur.types import UserError

__all__ = [
    "Timing",
    "TradingPolicy",
    "gains",
    "hindsight_optimum",
    "optimal_policy",
    "outcomes",
    "returns_of",
]

Timing = Literal["open", "observed"]
"""Filled at the next open, as everywhere here; or, for comparison only, at the observed close."""

MOST_SWEEPS = 20_000
EXACT = 1e-13  # log wealth


@dataclass(frozen=True, eq=False)
class TradingPolicy:
    """The best stationary policy for one process and its costs."""

    process: PriceProcess
    chain: Chain
    gain: Float64[np.ndarray, "K 2 2"]
    """expected gain of a day by state, position before and after [log wealth]"""

    wish: Float64[np.ndarray, "2 K"]
    """by position, how much better it is to be long than flat after the decision [log wealth]"""

    value_per_day: float
    """average gain of a day in the long run [log wealth]"""

    sell_cost: float

    def positions(
        self, prices: Prices, first_day: int, days: int, known_end: bool = False
    ) -> Int8[np.ndarray, "B T"]:
        """Position after the decisions on ``days`` closes from ``first_day`` on; flat before.

        ``known_end``: in the last days, mind that the episode ends and what is held is sold.

        Raises:
            UserError: the prices do not cover those days.
        """
        if not 0 <= first_day <= prices.days - days:
            raise UserError(
                f"days {first_day}..{first_day + days - 1} must lie within 0..{prices.days - 1}"
            )
        seen = self.process.state(prices.close[:, : first_day + days])[:, first_day:]
        # Where there is no state, every day is like any other: the chain's one.
        seen = seen[..., 0] if seen.shape[-1] else np.zeros(seen.shape[:2])
        wishes = (
            _wishes(self, days)
            if known_end
            else np.broadcast_to(self.wish, (days, *self.wish.shape))
        )
        positions = np.empty(seen.shape, dtype=np.int8)
        held = np.zeros(len(seen), dtype=bool)
        for day in range(days):
            flat, long = (np.interp(seen[:, day], self.chain.state, one) for one in wishes[day])
            held = np.where(held, long, flat) > 0
            positions[:, day] = held
        return positions

    def thresholds(self) -> tuple[float, float]:
        """States at which a flat trader buys and a long one sells; not a number where never."""
        buys, sells = (_crossing(self.chain.state, wish) for wish in self.wish)
        return buys, sells

    def expected_return(self, days: int, seen: int | None = None, known_end: bool = False) -> float:
        """Expected log wealth of an episode that begins flat and sells at the end.

        Args:
            days: decisions of the episode.
            seen: returns seen before the first decision; None: as many as one may wish. Only the
                belief in a hidden regime depends on it.
            known_end: mind the end, as in ``positions``: the most that anyone can expect.
        """
        choice = (self.wish > 0).astype(np.int64).T[..., None]  # K before 1
        worth = np.zeros_like(self.gain[:, FLAT])  # K position
        worth[:, LONG] = -self.sell_cost
        for _ in range(days):
            choices = self.gain + (self.chain.transition @ worth)[:, None, :]  # K before after
            if known_end:
                worth = choices.max(axis=2)
            else:
                worth = np.take_along_axis(choices, choice, axis=2)[..., 0]
        return float(self.chain.law(seen) @ worth[:, FLAT])


def optimal_policy(
    process: Any, buy_cost: float, sell_cost: float, timing: Timing = "open"
) -> TradingPolicy:
    """The policy that earns most in the long run; solved once, then remembered.

    Raises:
        UserError: the best policy of this process is not known, or a cost is negative.
    """
    for name, cost in (("buy_cost", buy_cost), ("sell_cost", sell_cost)):
        if not 0.0 <= cost < np.inf:
            raise UserError(f"{name} must be at least 0 and finite, got {cost}")
    return _solved(process, float(buy_cost), float(sell_cost), timing)


@lru_cache(maxsize=64)
def _solved(process: Any, buy_cost: float, sell_cost: float, timing: Timing) -> TradingPolicy:
    known = chain(process)
    gain = expected_gains(known, buy_cost, sell_cost, timing)
    difference = np.zeros(len(known.state))  # D
    for _ in range(MOST_SWEEPS):
        wish, value = _sweep(known, gain, difference)
        change = value[LONG] - value[FLAT] - difference
        difference = difference + change
        if np.abs(change).max() < EXACT:
            break
    else:
        raise UserError(
            f"no best policy was found for {process} at costs of {buy_cost:.3g} and "
            f"{sell_cost:.3g}: trades are too rare"
        )
    per_day = float(known.stationary @ value[FLAT])
    return TradingPolicy(process, known, gain, wish, per_day, sell_cost)


def _sweep(
    known: Chain, gain: Float64[np.ndarray, "K 2 2"], difference: Float64[np.ndarray, " K"]
) -> tuple[Float64[np.ndarray, "2 K"], Float64[np.ndarray, "2 K"]]:
    """One day back: by position, the wish to be long, and the value beside E[V(s', flat)]."""
    later = known.transition @ difference
    flat, long = gain[..., FLAT].T, gain[..., LONG].T + later
    return long - flat, np.maximum(long, flat)


@lru_cache(maxsize=8)
def _wishes(policy: TradingPolicy, days: int) -> Float64[np.ndarray, "T 2 K"]:
    """By day of an episode that ends: backward induction from the sale on its last day."""
    wishes = np.empty((days, 2, len(policy.chain.state)))
    difference = np.full(len(policy.chain.state), -policy.sell_cost)
    for day in reversed(range(days)):
        wishes[day], value = _sweep(policy.chain, policy.gain, difference)
        difference = value[LONG] - value[FLAT]
    return wishes


def expected_gains(
    known: Chain, buy_cost: float, sell_cost: float, timing: Timing
) -> Float64[np.ndarray, "K 2 2"]:
    """Mean of ``outcomes`` given the state, by state, position before and after."""
    gain = np.zeros((len(known.state), 2, 2))
    whole_day = known.overnight + known.intraday
    at_open = timing == "open"
    gain[:, FLAT, LONG] = (known.intraday if at_open else whole_day) - buy_cost
    gain[:, LONG, FLAT] = (known.overnight if at_open else 0.0) - sell_cost
    gain[:, LONG, LONG] = whole_day
    return gain


def _crossing(state: Float64[np.ndarray, " K"], wish: Float64[np.ndarray, " K"]) -> float:
    """Where the wish changes its sign."""
    turns = np.flatnonzero(np.diff(wish > 0))
    if len(turns) == 0:
        return float("nan")
    at = int(turns[0])
    share = wish[at] / (wish[at] - wish[at + 1])
    return float(state[at] + share * (state[at + 1] - state[at]))
