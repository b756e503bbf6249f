"""Where many traders read their prices: one history for all, or a drawn path for each.

A **cell** numbers a path and a day: tomorrow's is the next. All that a step needs of the prices is
read off flat tables by cell, without a loop. Internal arrays are overwritten when somebody begins
anew; what is handed out never is.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy.lib.stride_tricks import sliding_window_view

from hringur.data.trading.prices import Prices
from hringur.envs.trading.problem import Paths, TradingProblem
from hringur.types import State, UserError

AT_ONCE = 256  # paths worked out together: their tables stay within a processor's cache


@dataclass(frozen=True, eq=False)
class Beginnings:
    """Where R episodes begin, and what is known of them."""

    cell: Int64[np.ndarray, " R"]
    buy_and_hold: Float64[np.ndarray, " R"]
    optimal: Float64[np.ndarray, " R"] | None


class Market(Protocol):
    """The prices of B traders."""

    @property
    def outcomes(self) -> Float64[np.ndarray, " C4"]:
        """Log wealth gained, by 4 * cell + 2 * position before + position after."""
        ...

    def begin(
        self, rows: Int64[np.ndarray, " R"], generators: list[np.random.Generator]
    ) -> Beginnings:
        """New episodes for the traders in ``rows``, from their own generators."""
        ...

    def observe(
        self, cell: Int64[np.ndarray, " B"], day: int | None, out: Float32[np.ndarray, "B F"]
    ) -> None:
        """Write what is seen of the prices; ``day`` is told where it is the same for everybody."""
        ...

    def shown(self, row: int) -> tuple[Prices, int, int]:
        """Prices, path and first observed day of one trader's episode, for drawing."""
        ...

    def state_dict(self) -> State:
        """What the present episodes were dealt."""
        ...

    def restore(self, state: State) -> Beginnings:
        """Deal the same once more, to everybody."""
        ...


class SharedHistory:
    """Everybody trades on the same prices, from a random day of a random asset on."""

    def __init__(self, problem: TradingProblem, num_envs: int) -> None:
        self._problem = problem
        self._paths = problem.there
        self._rows = self._paths.features.rows().reshape(-1, problem.width)
        self._outcomes = self._paths.by_cell().reshape(-1)
        self._days = self._paths.features.inverse.shape[1]
        self._number = np.empty(num_envs)  # in [0, 1): what each start was made from

    @property
    def outcomes(self) -> Float64[np.ndarray, " C4"]:
        """As ``Market`` says."""
        return self._outcomes

    def begin(
        self, rows: Int64[np.ndarray, " R"], generators: list[np.random.Generator]
    ) -> Beginnings:
        """A first day each, from one uniform number."""
        self._number[rows] = [generators[row].random() for row in rows.tolist()]
        return self._beginnings(rows)

    def _beginnings(self, rows: Int64[np.ndarray, " R"]) -> Beginnings:
        path, first = self._problem.start_from_random_number(self._number[rows])
        held = self._problem.buy_and_hold(self._paths.prices, path, first)
        return Beginnings(path * self._days + first, held, None)

    def observe(
        self, cell: Int64[np.ndarray, " B"], day: int | None, out: Float32[np.ndarray, "B F"]
    ) -> None:
        """Whole rows, the position's columns included, which the caller overwrites."""
        self._rows.take(cell, axis=0, out=out, mode="clip")  # with "raise" it would copy twice

    def shown(self, row: int) -> tuple[Prices, int, int]:
        """The prices of all."""
        path, first = self._problem.start_from_random_number(self._number[row : row + 1])
        return self._paths.prices, int(path[0]), int(first[0])

    def state_dict(self) -> State:
        """The numbers that the first days were made from."""
        return {"numbers": self._number.copy()}

    def restore(self, state: State) -> Beginnings:
        """The same first days."""
        _fill(self._number, state["numbers"])
        return self._beginnings(np.arange(len(self._number)))


class DrawnPaths:
    """Everybody has a path of their own; what is observed together lies together."""

    def __init__(self, problem: TradingProblem, num_envs: int, keep_prices: bool) -> None:
        seen, more = problem.days + 1, 1 + problem.state_columns
        self._problem, self._days = problem, seen
        self._number = np.empty((num_envs, problem.row_size))
        self._returns = np.empty((num_envs, problem.path_days - 1), dtype=np.float32)
        self._inverse = np.empty((seen, num_envs), dtype=np.float32)
        self._beside = np.empty((seen, num_envs, more), dtype=np.float32)
        self._outcomes = np.full((num_envs, seen, 4), np.nan)  # the last day's stay so
        shape = (num_envs, problem.path_days) if keep_prices else (0, 0)
        self._kept = Prices(np.empty(shape), np.empty(shape))

    @property
    def outcomes(self) -> Float64[np.ndarray, " C4"]:
        """As ``Market`` says."""
        return self._outcomes.reshape(-1)

    def begin(
        self, rows: Int64[np.ndarray, " R"], generators: list[np.random.Generator]
    ) -> Beginnings:
        """A path each, from one row of standard normal numbers."""
        for row in rows.tolist():
            generators[row].standard_normal(out=self._number[row])
        return self._beginnings(rows)

    def _beginnings(self, rows: Int64[np.ndarray, " R"]) -> Beginnings:
        held, optimal = np.empty(len(rows)), np.empty(len(rows))
        known = False
        for begin in range(0, len(rows), AT_ONCE):
            some = rows[begin : begin + AT_ONCE]
            paths = self._problem.drawn_from_random_rows(self._number[some])
            self._store(some, paths)
            here, zero = slice(begin, begin + len(some)), np.zeros(len(some), dtype=np.int64)
            held[here] = self._problem.buy_and_hold(paths.prices, np.arange(len(some)), zero)
            best = self._problem.optimal(paths)
            if best is not None:
                optimal[here], known = best, True
        return Beginnings(rows * self._days, held, optimal if known else None)

    def _store(self, rows: Int64[np.ndarray, " R"], paths: Paths) -> None:
        seen = paths.features
        self._returns[rows] = seen.returns
        self._inverse[:, rows] = seen.inverse.T
        self._beside[:, rows] = seen.beside.swapaxes(0, 1)
        self._outcomes[rows, :-1] = paths.outcomes
        if len(self._kept):
            self._kept.open[rows], self._kept.close[rows] = paths.prices.open, paths.prices.close

    def observe(
        self, cell: Int64[np.ndarray, " B"], day: int | None, out: Float32[np.ndarray, "B F"]
    ) -> None:
        """The products of which ``Features.rows`` are made, of today only."""
        window, width = self._problem.window, self._beside.shape[2]
        if day is not None:
            seen = self._returns[:, day : day + window]
            inverse, beside = self._inverse[day], self._beside[day]
        else:
            row = np.arange(len(cell))
            own = cell - row * self._days
            seen = sliding_window_view(self._returns, window, axis=1)[row, own]
            inverse, beside = self._inverse[own, row], self._beside[own, row]
        np.multiply(seen, inverse[:, None], out=out[:, :window])
        out[:, window : window + width] = beside

    def shown(self, row: int) -> tuple[Prices, int, int]:
        """This trader's path."""
        return self._kept, row, 0

    def state_dict(self) -> State:
        """The numbers that the paths were made from."""
        return {"numbers": self._number.copy()}

    def restore(self, state: State) -> Beginnings:
        """The same paths."""
        _fill(self._number, state["numbers"])
        return self._beginnings(np.arange(len(self._number)))


def _fill(array: np.ndarray, numbers: np.ndarray) -> None:
    if array.shape != numbers.shape:
        raise UserError(
            f"the state is of an environment with other options: it has random numbers of the "
            f"shape {list(numbers.shape)} instead of {list(array.shape)}"
        )
    array[:] = numbers
