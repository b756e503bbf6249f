"""The best way to trade on prices whose law is known, and what it earns.

The process's state s (see ``chains.py``) and the position p, flat or long, make a Markov decision
process; nothing that a trader does moves s. With R(s, p, q) the expected gain of a day
(``wealth.py``) the best average gain g and the relative values V solve

    g + V(s, p) = max_q  R(s, p, q) + E[V(s', q) | s]

(Puterman 1994, section 8.4). Value iteration on V (White 1963) is value iteration on the one
function D(s) = V(s, long) - V(s, flat), as E[V(s', flat)] is common to all choices:

    D(s) <- max(R(s, long, flat), R(s, long, long) + E[D(s') | s])
          - max(R(s, flat, flat), R(s, flat, long) + E[D(s') | s])
    g     = E over the stationary law of  max(R(s, flat, flat), R(s, flat, long) + E[D(s') | s]).

Where a trader sells or buys, D does not depend on the D before: the iteration forgets its start as
fast as the state leaves the band where nothing is done, which is in a few days. The best policy
does nothing within that band because no trade there is worth its cost. Where trades are so rare
that this takes more than ``PATIENCE`` sweeps, each sweep begins from the D of the policy that the
last one found, the solution of a linear system: policy iteration (Howard 1960).

With short positions there is one such D more, of being short instead of flat. With a fixed fee the
best decision depends on the wealth as well: that policy is not known, and refused.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Float64, Int8, Integer

from hringur.data.trading.prices import Prices
from hringur.data.trading.processes import PriceProcess
from hringur.references.trading.chains import Chain, chain
from hringur.references.trading.wealth import (
    FLAT,
    LONG,
    SHORT,
    Terms,
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

PATIENCE, MOST_SWEEPS = 100, 200
"""Sweeps after which policies are evaluated as well, and after which the search is given up."""
EXACT = 1e-13  # log wealth
FORGOTTEN = 1e-12
"""Share of the future that is left out, so that a policy that never trades has a value too."""


@dataclass(frozen=True, eq=False)
class TradingPolicy:
    """The best stationary policy for one process and its terms, with P positions."""

    process: PriceProcess
    chain: Chain
    gain: Float64[np.ndarray, "K P P"]
    """expected gain of a day by state, position before and after [log wealth]"""

    wish: Float64[np.ndarray, "P P K"]
    """by position before and after, how much better that is than flat [log wealth]"""

    value_per_day: float
    """average gain of a day in the long run [log wealth]"""

    terms: Terms

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
        wishes = _wishes(self, days) if known_end else [self.wish] * days
        positions = np.empty(seen.shape, dtype=np.int8)
        held = np.zeros(len(seen), dtype=np.int8)
        for day in range(days):
            held = self.decide(seen[:, day], held, wishes[day])
            positions[:, day] = held
        return positions

    def decide(
        self,
        state: Float[np.ndarray, " B"],
        held: Integer[np.ndarray, " B"],
        wish: Float64[np.ndarray, "P P K"] | None = None,
    ) -> Int8[np.ndarray, " B"]:
        """The best position after a decision in these states and positions."""
        wish = self.wish if wish is None else wish
        after = np.zeros(len(state), dtype=np.int8)  # flat, unless another is better
        most = np.zeros(len(state))
        for before, side in _steps(self.terms):
            worth = np.interp(state, self.chain.state, wish[before, side])
            better = (held == before) & (worth > most)
            after[better], most[better] = side, worth[better]
        return after

    def thresholds(self, side: int = LONG) -> tuple[float, float]:
        """States at which a flat trader enters a side, long or short, and one there leaves it.

        Not a number where never.
        """
        enters, leaves = (_crossing(self.chain.state, self.wish[at, side]) for at in (FLAT, side))
        return enters, leaves

    def expected_return(self, days: int, seen: int | None = None, known_end: bool = False) -> float:
        """Expected log wealth of an episode that begins flat and ends so.

        Args:
            days: decisions of the episode.
            seen: returns seen before the first decision; None: as many as one may wish. Only the
                belief in a hidden regime depends on it.
            known_end: mind the end, as in ``positions``: the most that anyone can expect.
        """
        choice = self.wish.argmax(axis=1).T[..., None]  # K before 1
        worth = np.tile(self.terms.closing, (len(self.chain.state), 1))  # K position
        for _ in range(days):
            choices = self.gain + (self.chain.transition @ worth)[:, None, :]  # K before after
            if known_end:
                worth = choices.max(axis=2)
            else:
                worth = np.take_along_axis(choices, choice, axis=2)[..., 0]
        return float(self.chain.law(seen) @ worth[:, FLAT])


def optimal_policy(
    process: Any,
    buy_cost: float,
    sell_cost: float,
    timing: Timing = "open",
    borrow_per_day: float | None = None,
) -> TradingPolicy:
    """The policy that earns most in the long run; solved once, then remembered.

    Args:
        process: the law of the prices.
        buy_cost: log wealth lost by buying.
        sell_cost: log wealth lost by selling.
        timing: when orders are filled.
        borrow_per_day: cost of borrowing, of what is owed; None: nothing is sold short.

    Raises:
        UserError: the best policy of this process is not known, or a cost is negative.
    """
    borrow = 0.0 if borrow_per_day is None else borrow_per_day
    named = (("buy_cost", buy_cost), ("sell_cost", sell_cost), ("borrow_per_day", borrow))
    for name, cost in named:
        if not 0.0 <= cost < np.inf:
            raise UserError(f"{name} must be at least 0 and finite, got {cost}")
    terms = Terms(
        buy_cost=float(buy_cost), sell_cost=float(sell_cost), borrow_per_day=borrow_per_day
    )
    return _solved(process, terms, timing)


@lru_cache(maxsize=64)
def _solved(process: Any, terms: Terms, timing: Timing) -> TradingPolicy:
    known = chain(process)
    gain = expected_gains(known, terms, timing)
    difference = np.zeros((len(known.state), len(terms.positions)))  # D, and 0 of flat
    for sweep in range(MOST_SWEEPS):
        wish, value = _sweep(known, gain, difference)
        change = (value - value[FLAT]).T - difference
        if np.abs(change).max() < EXACT:
            break
        difference = difference + change if sweep < PATIENCE else _evaluated(known, gain, wish)
    else:
        raise UserError(
            f"no best policy was found for {process} at costs of {terms.buy_cost:.3g} and "
            f"{terms.sell_cost:.3g}: trades are too rare"
        )
    per_day = float(known.stationary @ value[FLAT])
    return TradingPolicy(process, known, gain, wish, per_day, terms)


def _sweep(
    known: Chain, gain: Float64[np.ndarray, "K P P"], difference: Float64[np.ndarray, "K P"]
) -> tuple[Float64[np.ndarray, "P P K"], Float64[np.ndarray, "P K"]]:
    """One day back: the wish by positions, and the value of each beside E[V(s', flat)]."""
    worth = (gain + (known.transition @ difference)[:, None, :]).transpose(1, 2, 0)
    return worth - worth[:, FLAT, None], worth.max(axis=1)


def _evaluated(
    known: Chain, gain: Float64[np.ndarray, "K P P"], wish: Float64[np.ndarray, "P P K"]
) -> Float64[np.ndarray, "K P"]:
    """The differences that stay as they are where positions are always changed as wished."""
    choice = wish.argmax(axis=1)  # P K
    gained = np.take_along_axis(gain.transpose(1, 2, 0), choice[:, None], axis=1)[:, 0]  # P K
    after = np.eye(len(wish))[choice]  # P K P
    kept = (1.0 - FORGOTTEN) * (after - after[FLAT])[1:, :, 1:]
    followed = np.einsum("pkq,kj->pkqj", kept, known.transition).reshape(kept[..., 0].size, -1)
    solved = np.linalg.solve(np.eye(len(followed)) - followed, (gained - gained[FLAT])[1:].ravel())
    return np.vstack([np.zeros(len(known.state)), solved.reshape(len(wish) - 1, -1)]).T


@lru_cache(maxsize=8)
def _wishes(policy: TradingPolicy, days: int) -> Float64[np.ndarray, "T P P K"]:
    """By day of an episode that ends: backward induction from the sale on its last day."""
    wishes = np.empty((days, *policy.wish.shape))
    difference = np.tile(policy.terms.closing, (len(policy.chain.state), 1))
    for day in reversed(range(days)):
        wishes[day], value = _sweep(policy.chain, policy.gain, difference)
        difference = (value - value[FLAT]).T
    return wishes


def _steps(terms: Terms) -> list[tuple[int, int]]:
    """Positions before and after a decision that is not to be flat."""
    return [(before, side) for side in (LONG, SHORT)[: 1 - terms.lowest] for before in (FLAT, side)]


def expected_gains(
    known: Chain, terms: Terms, timing: Timing = "open"
) -> Float64[np.ndarray, "K P P"]:
    """Mean of ``Terms.outcomes`` given the state, by state, position before and after."""
    size = len(terms.positions)
    gain = np.zeros((len(known.state), size, size))
    whole_day = known.overnight + known.intraday
    at_open = timing == "open"
    gain[:, FLAT, LONG] = (known.intraday if at_open else whole_day) - terms.buy_cost
    gain[:, LONG, FLAT] = (known.overnight if at_open else 0.0) - terms.sell_cost
    gain[:, LONG, LONG] = whole_day
    if terms.lowest == SHORT:
        night, day, whole = known.laws
        gain[:, FLAT, SHORT] = terms.opened() + (day if at_open else whole).expected(terms.reset)
        gain[:, SHORT, FLAT] = night.expected(terms.covered) if at_open else terms.closing[SHORT]
        gain[:, SHORT, SHORT] = whole.expected(terms.reset)
        gain[:, SHORT, LONG] = gain[:, LONG, SHORT] = -np.inf
    return gain


def _crossing(state: Float64[np.ndarray, " K"], wish: Float64[np.ndarray, " K"]) -> float:
    """Where the wish changes its sign."""
    turns = np.flatnonzero(np.diff(wish > 0))
    if len(turns) == 0:
        return float("nan")
    at = int(turns[0])
    share = wish[at] / (wish[at] - wish[at + 1])
    return float(state[at] + share * (state[at + 1] - state[at]))
