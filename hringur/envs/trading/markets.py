"""What many traders read their prices from: one history for all, or a drawn path for each.

A **cell** numbers a path and a day; tomorrow's is the next. All that a step needs of the prices is
a row of two tables, without a loop.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from hringur.data.trading.prices import Prices
from hringur.envs.trading.problem import TradingProblem
from hringur.types import State, UserError

CHUNK = 256
"""Paths computed at a time: bounds the memory of a reset; 1.15 times as fast as 1,024 at once."""


@dataclass(frozen=True, eq=False)
class Beginnings:
    """Where R episodes begin, and what is known of them."""

    cell: Int64[np.ndarray, " R"]
    buy_and_hold: Float64[np.ndarray, " R"]
    optimal: Float64[np.ndarray, " R"] | None


class Market(ABC):
    """The prices of B traders, and the random numbers that their episodes were made from."""

    def __init__(
        self,
        rows: Float32[np.ndarray, "P E F"],
        outcomes: Float64[np.ndarray, "P E 4"],
        numbers: Float64[np.ndarray, "B ..."],
    ) -> None:
        self.rows: Float32[np.ndarray, "C F"] = rows.reshape(-1, rows.shape[2])
        """observations by cell, the columns of the position left at 0"""
        self.outcomes: Float64[np.ndarray, " C4"] = outcomes.reshape(-1)
        """log wealth gained, by 4 * cell + 2 * position before + position after"""
        self._days, self._numbers = rows.shape[1], numbers

    @abstractmethod
    def begin(
        self, traders: Int64[np.ndarray, " R"], generators: list[np.random.Generator]
    ) -> Beginnings:
        """New episodes of these traders, from their own generators."""

    @abstractmethod
    def _beginnings(self, traders: Int64[np.ndarray, " R"]) -> Beginnings:
        """Their episodes, from the numbers that are there."""

    @abstractmethod
    def shown(self, trader: int) -> tuple[Prices, int, int]:
        """Prices, path and first observed day of one trader's episode, for drawing."""

    def state_dict(self) -> State:
        """The random numbers of the present episodes."""
        return {"numbers": self._numbers.copy()}

    def restore(self, state: State) -> Beginnings:
        """The same episodes again, for all traders.

        Raises:
            UserError: they are of an environment with other options.
        """
        numbers = state["numbers"]
        if numbers.shape != self._numbers.shape:
            raise UserError(
                f"the state is of an environment with other options: it has random numbers of the "
                f"shape {list(numbers.shape)} instead of {list(self._numbers.shape)}"
            )
        self._numbers[:] = numbers
        return self._beginnings(np.arange(len(numbers)))


class SharedHistory(Market):
    """All trade on the same prices, from a random day of a random asset on."""

    def __init__(self, problem: TradingProblem, num_envs: int) -> None:
        paths = problem.there
        super().__init__(paths.rows, paths.by_cell(), np.empty(num_envs))  # numbers in [0, 1)
        self._problem, self._paths = problem, paths

    def begin(
        self, traders: Int64[np.ndarray, " R"], generators: list[np.random.Generator]
    ) -> Beginnings:
        """A first day each, from one uniform number."""
        self._numbers[traders] = [generators[trader].random() for trader in traders.tolist()]
        return self._beginnings(traders)

    def _beginnings(self, traders: Int64[np.ndarray, " R"]) -> Beginnings:
        path, first = self._problem.start_from_random_number(self._numbers[traders])
        held = self._problem.buy_and_hold(self._paths.prices, path, first)
        return Beginnings(path * self._days + first, held, None)

    def shown(self, trader: int) -> tuple[Prices, int, int]:
        """The prices of all."""
        number = self._numbers[trader : trader + 1]
        path, first = self._problem.start_from_random_number(number)
        return self._paths.prices, int(path[0]), int(first[0])


class DrawnPaths(Market):
    """Each trader has a path of their own."""

    def __init__(self, problem: TradingProblem, num_envs: int, keep_prices: bool) -> None:
        seen = problem.days + 1
        super().__init__(
            np.zeros((num_envs, seen, problem.width), dtype=np.float32),
            np.full((num_envs, seen, 4), np.nan),  # those of the last day stay so
            np.empty((num_envs, problem.row_size)),  # standard normal numbers
        )
        self._problem = problem
        shape = (num_envs, problem.path_days) if keep_prices else (0, 0)
        self._kept = Prices(np.empty(shape), np.empty(shape))

    def begin(
        self, traders: Int64[np.ndarray, " R"], generators: list[np.random.Generator]
    ) -> Beginnings:
        """A path each, from one row of standard normal numbers."""
        for trader in traders.tolist():
            generators[trader].standard_normal(out=self._numbers[trader])
        return self._beginnings(traders)

    def _beginnings(self, traders: Int64[np.ndarray, " R"]) -> Beginnings:
        chunks = [traders[first : first + CHUNK] for first in range(0, len(traders), CHUNK)]
        held, optimal = zip(*map(self._compute, chunks), strict=True)
        known = None if optimal[0] is None else np.concatenate(optimal)
        return Beginnings(traders * self._days, np.concatenate(held), known)

    def _compute(
        self, traders: Int64[np.ndarray, " R"]
    ) -> tuple[Float64[np.ndarray, " R"], Float64[np.ndarray, " R"] | None]:
        """Fill in the tables; log wealth of buying at once, and of the best policy if known."""
        paths = self._problem.drawn_from_random_rows(self._numbers[traders])
        self.rows.reshape(-1, *paths.rows.shape[1:])[traders] = paths.rows
        self.outcomes.reshape(-1, self._days, 4)[traders, :-1] = paths.outcomes
        if len(self._kept):
            prices = paths.prices
            self._kept.open[traders], self._kept.close[traders] = prices.open, prices.close
        path, first = np.arange(len(traders)), np.zeros(len(traders), dtype=np.int64)
        held = self._problem.buy_and_hold(paths.prices, path, first)
        return held, self._problem.optimal(paths)

    def shown(self, trader: int) -> tuple[Prices, int, int]:
        """This trader's path."""
        return self._kept, trader, 0
